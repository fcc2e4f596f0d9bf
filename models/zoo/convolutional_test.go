package zoo_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/zoo"
)

// published builds an architecture in its published form.
func published(t *testing.T, name string, change func(*zoo.Options)) *models.Network {
	t.Helper()
	o, ok := zoo.Default(name)
	if !ok {
		t.Fatalf("no defaults of %s", name)
	}
	if change != nil {
		change(&o)
	}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func names(net *models.Network, prefix string) []string {
	var found []string
	for _, node := range net.Nodes {
		if strings.HasPrefix(node.Name, prefix) {
			found = append(found, node.Name)
		}
	}
	return found
}

func TestEveryArchitecture(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(zoo.Names()) {
		t.Errorf("Names() = %q is not sorted", zoo.Names())
	}
	for _, name := range zoo.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := published(t, name, nil)
			if err := net.Validate(); err != nil {
				t.Error(err)
			}
			shapes, err := net.Shapes()
			if err != nil {
				t.Fatal(err)
			}
			if logits := shapes[net.Output()]; !slices.Equal(logits, models.Shape{10}) {
				t.Errorf("the output is %v, want 10 logits", logits)
			}
			if about := zoo.Describe(name); about == "" || len(about) > 100 || strings.Contains(about, "\n") {
				t.Errorf("Describe = %q, want one short line", about)
			}
			if name != "mlp" && net.Name != name {
				t.Errorf("the network is called %q", net.Name)
			}
		})
	}
}

// The names of an outline's parameters are those of the real network.
func TestOutline(t *testing.T) {
	t.Parallel()
	for _, name := range zoo.Names() {
		o, _ := zoo.Default(name)
		real, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		o.Input, o.Classes = nil, 0
		outline, err := zoo.Outline(o)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, p := range real.Params {
			want = append(want, p.Name)
		}
		for _, p := range outline.Params {
			got = append(got, p.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-real +outline):\n%s", name, diff)
		}
		if params, _ := count(outline); params > 50_000 {
			t.Errorf("the outline of %s has %d parameters", name, params)
		}
	}
	for _, o := range []zoo.Options{{Arch: "lenet"}, {Arch: "mlp"}, {Arch: "mlp", Hidden: []int{0}}, {Arch: "vgg-11-bn", Width: -1}} {
		if _, err := zoo.Outline(o); err == nil {
			t.Errorf("Outline(%+v) gave no error", o)
		}
	}
}

func TestResNetGraph(t *testing.T) {
	t.Parallel()
	padded := published(t, "resnet-20", nil)
	if diff := cmp.Diff([]string{
		"layer2.0.conv1", "layer2.0.bn1", "layer2.0.relu1", "layer2.0.conv2", "layer2.0.bn2",
		"layer2.0.shortcut.subsample", "layer2.0.shortcut.pad", "layer2.0.add", "layer2.0.relu2",
	}, names(padded, "layer2.0.")); diff != "" {
		t.Errorf("option A (-want +got):\n%s", diff)
	}
	pad, _ := padded.Node("layer2.0.shortcut.pad")
	var want []int // 8 channels of zeros on either side
	want = append(want, slices.Repeat([]int{-1}, 8)...)
	for c := range 16 {
		want = append(want, c)
	}
	want = append(want, slices.Repeat([]int{-1}, 8)...)
	if diff := cmp.Diff(want, pad.Attrs.Channels); diff != "" {
		t.Errorf("padding 16 channels to 32 (-want +got):\n%s", diff)
	}
	add, _ := padded.Node("layer2.0.add")
	if diff := cmp.Diff([]string{"layer2.0.bn2", "layer2.0.shortcut.pad"}, add.Inputs); diff != "" {
		t.Errorf("inputs of the sum (-want +got):\n%s", diff)
	}
	identity, _ := padded.Node("layer2.1.add")
	if diff := cmp.Diff([]string{"layer2.1.bn2", "layer2.0.relu2"}, identity.Inputs); diff != "" {
		t.Errorf("inputs of an identity block's sum (-want +got):\n%s", diff)
	}
	projected := published(t, "resnet-20", func(o *zoo.Options) { o.Shortcut = "B" })
	if diff := cmp.Diff([]string{"layer2.0.shortcut.0", "layer2.0.shortcut.1"}, names(projected, "layer2.0.shortcut")); diff != "" {
		t.Errorf("option B (-want +got):\n%s", diff)
	}
	shapes, err := padded.Shapes()
	if err != nil {
		t.Fatal(err)
	}
	for node, want := range map[string]models.Shape{"layer1.2.relu2": {16, 32, 32}, "layer2.2.relu2": {32, 16, 16}, "layer3.2.relu2": {64, 8, 8}} {
		if !slices.Equal(shapes[node], want) {
			t.Errorf("%s is %v, want %v", node, shapes[node], want)
		}
	}
}

// TensorFlow's SAME: a 3x3 window of stride 2 over an even size pads below and
// right only.
func TestIstaPadding(t *testing.T) {
	t.Parallel()
	net := published(t, "convnet", nil)
	for node, want := range map[string][4]int{"conv1": {2, 2, 2, 2}, "pool1": {0, 0, 1, 1}, "conv3": {1, 1, 1, 1}, "conv4": {}} {
		if n, _ := net.Node(node); n.Attrs.Pad != want {
			t.Errorf("%s is padded by %v, want %v", node, n.Attrs.Pad, want)
		}
	}
	odd := published(t, "convnet", func(o *zoo.Options) { o.Input = models.Shape{3, 25, 31} })
	if n, _ := odd.Node("pool1"); n.Attrs.Pad != [4]int{1, 1, 1, 1} {
		t.Errorf("an odd size is padded by %v, want 1 on all sides", n.Attrs.Pad)
	}
	residual := published(t, "resnet-20-ista", nil)
	if n, _ := residual.Node("layer2.0.conv1"); n.Attrs.Pad != [4]int{0, 0, 1, 1} {
		t.Errorf("the strided convolution is padded by %v", n.Attrs.Pad)
	}
}

// Widths, inputs and dropout other than the published ones.
func TestParametrised(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options zoo.Options
		node    string // whose output is looked at
		want    models.Shape
	}{
		"half of vgg":          {zoo.Options{Arch: "vgg-16-bn", Width: 0.5, Input: models.Shape{3, 32, 32}, Classes: 10}, "conv3_2", models.Shape{128, 8, 8}},
		"vgg of large images":  {zoo.Options{Arch: "vgg-11-bn", Width: 0.25, Input: models.Shape{1, 64, 96}, Classes: 5, Head: "li"}, "relu1", models.Shape{128}},
		"vgg, dropout":         {zoo.Options{Arch: "vgg-11-bn", Width: 0.25, Dropout: 0.5, Input: models.Shape{1, 32, 32}, Classes: 5}, "drop1", models.Shape{128}},
		"twice resnet":         {zoo.Options{Arch: "resnet-20", Width: 2, Input: models.Shape{3, 32, 32}, Classes: 10}, "layer3.0.shortcut.pad", models.Shape{128, 8, 8}},
		"odd images":           {zoo.Options{Arch: "resnet-20", Input: models.Shape{1, 29, 31}, Classes: 10}, "layer3.0.add", models.Shape{64, 8, 8}},
		"smallest resnet":      {zoo.Options{Arch: "resnet-20-ista", Width: 0.001, Input: models.Shape{1, 1, 1}, Classes: 2}, "layer3.2.add", models.Shape{1, 1, 1}},
		"rounded width":        {zoo.Options{Arch: "resnet-164", Width: 0.3, Input: models.Shape{3, 8, 8}, Classes: 10}, "conv1", models.Shape{5, 8, 8}},
		"growth and stem":      {zoo.Options{Arch: "densenet-40", Growth: 4, Stem: 24, Dropout: 0.2, Input: models.Shape{3, 32, 32}, Classes: 10}, "bn", models.Shape{24 + 36*4, 8, 8}},
		"lenet-5 of CIFAR":     {zoo.Options{Arch: "lenet-5", Dropout: 0.5, Input: models.Shape{3, 32, 32}, Classes: 10}, "flatten", models.Shape{50 * 5 * 5}},
		"lenet-5 with norm":    {zoo.Options{Arch: "lenet-5", BatchNorm: true, Input: models.Shape{1, 28, 28}, Classes: 10}, "conv2.bn", models.Shape{50, 8, 8}},
		"lenet-5 with ReLU":    {zoo.Options{Arch: "lenet-5", BatchNorm: true, ReLU: true, Input: models.Shape{1, 28, 28}, Classes: 10}, "conv2.relu", models.Shape{50, 8, 8}},
		"perceptron with norm": {zoo.Options{Arch: "mlp", Hidden: []int{500, 300}, BatchNorm: true, Input: models.Shape{784}, Classes: 10}, "bn2", models.Shape{300}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net, err := zoo.Build(c.options)
			if err != nil {
				t.Fatal(err)
			}
			shapes, err := net.Shapes()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(shapes[c.node], c.want) {
				t.Errorf("%s is %v, want %v", c.node, shapes[c.node], c.want)
			}
		})
	}
}

func TestBuildRefusesImages(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]zoo.Options{
		"input shape [784]: it reads images of channels, height and width": {Arch: "lenet-5", Input: models.Shape{784}},
		"input shape [1 15 28]: height and width are at least 16":          {Arch: "lenet-5", Input: models.Shape{1, 15, 28}},
		"input shape [3 32 8]: height and width are at least 16":           {Arch: "vgg-19-bn", Input: models.Shape{3, 32, 8}},
		"input shape [3 64 64]: height and width are 25 to 32":             {Arch: "convnet", Input: models.Shape{3, 64, 64}},
		"dropout 0.5 cannot be set; it takes width, shortcut":              {Arch: "resnet-20", Dropout: 0.5},
		"hidden [3] cannot be set":                                         {Arch: "resnet-20", Hidden: []int{3}},
		"width 0.5 cannot be set; it takes hidden, dropout, batch_norm":    {Arch: "mlp", Hidden: []int{3}, Width: 0.5},
		"batch_norm true cannot be set":                                    {Arch: "convnet", BatchNorm: true},
		"relu true cannot be set":                                          {Arch: "mlp", Hidden: []int{3}, ReLU: true},
		"growth 3 cannot be set":                                           {Arch: "resnet-20", Growth: 3},
		"stem 3 cannot be set":                                             {Arch: "resnet-20", Stem: 3},
		"head li cannot be set":                                            {Arch: "resnet-20", Head: "li"},
		"shortcut A cannot be set":                                         {Arch: "resnet-164", Shortcut: "A"},
		"width -1 is not in (0, 1024]":                                     {Arch: "resnet-20", Width: -1},
		"width NaN is not in (0, 1024]":                                    {Arch: "resnet-20", Width: math.NaN()},
		"width 1025 is not in (0, 1024]":                                   {Arch: "resnet-20", Width: 1025},
		"more than 1073741824 parameters":                                  {Arch: "resnet-20", Width: 128},
		`shortcut "C" is not known; allowed are A, B`:                      {Arch: "resnet-20", Shortcut: "C"},
		`head "512" is not known; allowed are li, linear`:                  {Arch: "vgg-11-bn", Head: "512"},
		"growth -1; allowed is 1 to":                                       {Arch: "densenet-40", Growth: -1},
		"stem -1; allowed is 1 to":                                         {Arch: "densenet-40", Stem: -1},
	} {
		defaults, _ := zoo.Default(o.Arch)
		if o.Input == nil {
			o.Input = defaults.Input
		}
		o.Classes = 10
		if _, err := zoo.Build(o); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), o.Arch) {
			t.Errorf("Build(%+v) error %v, want it to say %q", o, err, want)
		}
	}
}

func TestInitOfConvolutions(t *testing.T) {
	t.Parallel()
	net := published(t, "resnet-20", nil)
	zoo.Init(net, 7)
	for _, p := range net.Params {
		switch p.Role {
		case models.RoleGamma, models.RoleVariance:
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 1 }) {
				t.Errorf("%s is not all one", p.Name)
			}
		case models.RoleWeight:
			fanIn := float64(p.Shape.Size() / p.Shape[0])
			square, n := 0.0, float64(len(p.Data))
			for _, v := range p.Data {
				square += float64(v) * float64(v) / n
			}
			if scaled, bound := square*fanIn/2, 5*math.Sqrt(2/n); math.Abs(scaled-1) > bound {
				t.Errorf("%s: variance %g of 2 / fan-in, want 1 within %g", p.Name, scaled, bound)
			}
		default:
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s is not all zero", p.Name)
			}
		}
	}
	const want = "5d82217a1102ed9be39ffbdcbaaa5d9478de2c1cc11298d3afdadee0e18510f4"
	if got := digest(net); got != want {
		t.Errorf("digest of resnet-20 with seed 7 is %s, want %s", got, want)
	}
}

func ExampleBuild() {
	net, err := zoo.Build(zoo.Options{Arch: "resnet-20", Width: 0.5, Shortcut: zoo.ShortcutProjection, Input: models.Shape{3, 32, 32}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"conv1.weight", "layer2.0.conv1.weight", "layer2.0.shortcut.0.weight", "linear.weight"} {
		fmt.Println(name, net.Param(name).Shape)
	}
	// Output:
	// conv1.weight [8 3 3 3]
	// layer2.0.conv1.weight [16 8 3 3]
	// layer2.0.shortcut.0.weight [16 8 1 1]
	// linear.weight [10 32]
}
