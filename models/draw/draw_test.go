package draw_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/draw"
	"espalier/models/zoo"
)

func picture(t *testing.T, net *models.Network) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw.SVG(&b, net); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func build(t *testing.T, name string) *models.Network {
	t.Helper()
	o, _ := zoo.Default(name)
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// elements are the classes of the elements of that name, in their order.
func elements(t *testing.T, svg, name string) []string {
	t.Helper()
	var classes []string
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return classes
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == name {
			if start.Name.Space != "http://www.w3.org/2000/svg" {
				t.Fatalf("%s is in name space %q", name, start.Name.Space)
			}
			i := slices.IndexFunc(start.Attr, func(a xml.Attr) bool { return a.Name.Local == "class" })
			if i < 0 {
				classes = append(classes, "")
				continue
			}
			classes = append(classes, start.Attr[i].Value)
		}
	}
}

func count(all []string, want string) int {
	n := 0
	for _, s := range all {
		if s == want {
			n++
		}
	}
	return n
}

func TestEveryNodeAndTensorIsDrawn(t *testing.T) {
	t.Parallel()
	for _, name := range zoo.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := build(t, name)
			svg := picture(t, net)
			groups, tensors := elements(t, svg, "g"), 0
			for _, n := range net.Nodes {
				tensors += len(n.Inputs)
				if !strings.Contains(svg, "<title>"+n.Name+": "+string(n.Op)) {
					t.Errorf("%s is not in the picture", n.Name)
				}
			}
			if boxes := len(groups) - count(groups, "ghost"); boxes != len(net.Nodes) {
				t.Errorf("%d boxes of %d nodes", boxes, len(net.Nodes))
			}
			if lines := count(elements(t, svg, "path"), "line"); lines != tensors {
				t.Errorf("%d lines of %d tensors", lines, tensors)
			}
			if svg != picture(t, net) {
				t.Error("a second picture differs")
			}
		})
	}
}

func TestPictureOfResNet(t *testing.T) {
	t.Parallel()
	svg := picture(t, build(t, "resnet-20"))
	if frames := count(elements(t, svg, "rect"), "frame"); frames != 9 {
		t.Errorf("%d frames of 9 residual blocks", frames)
	}
	for _, want := range []string{
		"resnet-20: 269,722 parameters, 40,551,040 multiply-adds",
		"  conv2d 3×3 /2<", ">32×16×16 · 4,608 parameters<", ">layer2.0<", "  max_pool 1×1 /2<", ">shortcut.pad<",
		"<title>conv1: conv2d 3×3, output 16×32×32, 432 parameters, 442,368 multiply-adds</title>",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
}

func TestPictureOfOtherNodes(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: `a<b>&"c"`, Input: models.Shape{4, 9, 9}, Nodes: []models.Node{
		{Name: "in <&>", Op: models.OpInput},
		{Name: "separable", Op: models.OpConv2D, Inputs: []string{"in <&>"}, Attrs: models.Attrs{Out: 4, Kernel: [2]int{3, 1}, Stride: [2]int{1, 2}, Dilation: [2]int{2, 2}, Groups: 4, NoBias: true}},
		{Name: "drop", Op: models.OpDropout, Inputs: []string{"separable"}, Attrs: models.Attrs{Rate: 0.25}},
		{Name: "block1.twice", Op: models.OpAdd, Inputs: []string{"drop", "drop"}}, // alone in its block
	}}
	params, err := net.Layout()
	if err != nil {
		t.Fatal(err)
	}
	params[0].Data = make([]float32, params[0].Shape.Size())
	net.Params = params
	svg := picture(t, net)
	for _, want := range []string{"conv2d 3×1 /1×2 dilation 2 groups 4", "dropout 0.25", "a&lt;b&gt;&amp;", "in &lt;&amp;&gt;"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	if lines := count(elements(t, svg, "path"), "line"); lines != 4 {
		t.Errorf("%d lines, want 4", lines)
	}
	if frames := count(elements(t, svg, "rect"), "frame"); frames != 0 || !strings.Contains(svg, ">block1.twice<") {
		t.Errorf("%d frames around a single node", frames)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestSVGFails(t *testing.T) {
	t.Parallel()
	if err := draw.SVG(full{}, build(t, "lenet-5")); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("error %v of a full disk", err)
	}
	if err := draw.SVG(io.Discard, &models.Network{Name: "empty"}); err == nil || !strings.Contains(err.Error(), "network empty: no nodes") {
		t.Errorf("error %v of an empty network", err)
	}
}

func ExampleSVG() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-5", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	if err := draw.SVG(&b, net); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(b.String(), `class="conv"`), "convolutions")
	// Output: 2 convolutions
}
