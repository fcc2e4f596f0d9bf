package gorgonia_test

import (
	"math"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
)

// What does not fit is an error, not a panic and not the end of the process.
func TestSizesBeyondAllMemory(t *testing.T) {
	t.Parallel()
	far := [4]int{1 << 16, 1 << 16, 1 << 16, 1 << 16}
	cases := []struct {
		name  string
		net   *models.Network
		batch int
		want  string
	}{
		{"batch", networks()["linear alone"], math.MaxInt64, "node x: 5 values for each of 9223372036854775807 samples"},
		{"batch of images", imageNetworks()["conv"], 1 << 27, "node x: 60 values for each of 134217728 samples"},
		{"padding", newDraft(3, 4, 4).conv("c", 2, models.Attrs{Kernel: [2]int{1, 1}, Stride: [2]int{1 << 16, 1 << 16}, Pad: far}).flat(2), 1, "node c: image of 131076 x 131076 pixels with its padding"},
	}
	for _, c := range cases {
		e, err := gorgonia.New(gorgonia.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = e.Open(c.net, engine.Options{Batch: c.batch}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A stride far beyond the image takes no more time or memory than another.
func TestLongStrides(t *testing.T) {
	t.Parallel()
	net := newDraft(3, 5, 4).conv("c", 4, models.Attrs{Kernel: [2]int{2, 3}, Stride: [2]int{1 << 16, 1 << 16}, Pad: [4]int{1, 0, 0, 1}}).flat(2)
	checkNetwork(t, net, 3, 2)
}
