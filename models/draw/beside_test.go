package draw_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/draw"
)

func TestBesideShowsWhatStayed(t *testing.T) {
	t.Parallel()
	dense := build(t, "lenet-5")
	for _, p := range dense.Params {
		for i := range p.Data {
			p.Data[i] = 1
		}
	}
	pruned := dense.Clone()
	first := pruned.Param("conv1.weight")
	for i := range first.Data[:len(first.Data)/4] {
		first.Data[i] = 0
	}
	var b, again bytes.Buffer
	if err := draw.Beside(&b, dense, pruned); err != nil {
		t.Fatal(err)
	}
	if err := draw.Beside(&again, dense, pruned); err != nil || again.String() != b.String() {
		t.Errorf("%v, or a second picture differs", err)
	}
	svg := b.String()
	boxes := len(elements(t, svg, "g")) - count(elements(t, svg, "g"), "ghost")
	if boxes != 2*len(dense.Nodes) {
		t.Errorf("%d boxes of twice %d nodes", boxes, len(dense.Nodes))
	}
	weighty := 0
	for _, p := range dense.Params {
		if p.Role == models.RoleWeight {
			weighty++
		}
	}
	if bars := count(elements(t, svg, "rect"), "kept"); bars != weighty {
		t.Errorf("%d bars for %d layers with weights", bars, weighty)
	}
	if !strings.Contains(svg, " weights, 75.0 %<") || strings.Count(svg, " weights, 100.0 %<") != weighty-1 {
		t.Errorf("the picture does not say that 75 %% of the first layer stayed, and all of the others:\n%s", svg)
	}
}

func TestBesideMarksWhatIsGone(t *testing.T) {
	t.Parallel()
	dense := build(t, "lenet-5")
	short := dense.Clone()
	last := short.Nodes[len(short.Nodes)-1].Name
	short.Nodes = short.Nodes[:len(short.Nodes)-1]
	short.Params = slices.DeleteFunc(short.Params, func(p *models.Param) bool { return p.Node == last })
	var b bytes.Buffer
	if err := draw.Beside(&b, dense, short); err != nil {
		t.Fatal(err)
	}
	gone := slices.DeleteFunc(elements(t, b.String(), "g"), func(class string) bool { return !strings.HasSuffix(class, " gone") })
	if len(gone) != 1 {
		t.Errorf("%d nodes are marked as gone, want %s alone", len(gone), last)
	}
	empty := &models.Network{Name: "empty"}
	if draw.Beside(io.Discard, empty, dense) == nil || draw.Beside(io.Discard, dense, empty) == nil || draw.Beside(full{}, dense, dense) == nil {
		t.Error("an empty network, or a full disk, gives no error")
	}
}
