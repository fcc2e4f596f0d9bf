package channel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

func penalties(t *testing.T, net *models.Network) map[string]float64 {
	t.Helper()
	all, err := channel.Penalties(net)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPenaltiesAreTheMemoryOfAChannel(t *testing.T) {
	t.Parallel()
	conv := func(name string, out, kernel int, input string) models.Node {
		pad := kernel / 2
		return node(name, models.OpConv2D, models.Attrs{Out: out, Kernel: [2]int{kernel, kernel}, Pad: [4]int{pad, pad, pad, pad}, NoBias: true}, input)
	}
	norm := func(name, input string) models.Node { return node(name, models.OpBatchNorm, models.Attrs{}, input) }
	relu := func(name, input string) models.Node { return node(name, models.OpReLU, models.Attrs{}, input) }
	image := models.Shape{3, 8, 8} // 64 pixels
	tests := map[string]struct {
		net  *models.Network
		want map[string]float64 // times 64
	}{
		"of two layers": {graph(t, image, conv("a", 4, 3, "x"), norm("an", "a"), relu("ar", "an"),
			conv("b", 6, 5, "ar"), norm("bn", "b"), relu("br", "bn"), conv("c", 2, 1, "br")),
			map[string]float64{"an.gamma": 27 + 25*6 + 64, "bn.gamma": 25*4 + 2 + 64}},
		"of a map that a linear layer reads": {graph(t, image, conv("a", 4, 3, "x"), norm("an", "a"),
			node("p", models.OpMaxPool, models.Attrs{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, "an"),
			node("f", models.OpFlatten, models.Attrs{}, "p"), node("fc", models.OpLinear, models.Attrs{Out: 5}, "f")),
			map[string]float64{"an.gamma": 27 + 16*5 + 64}},
		"through a depthwise convolution": {graph(t, image, conv("a", 4, 1, "x"), norm("an", "a"),
			node("d", models.OpConv2D, models.Attrs{Out: 4, Groups: 4, Kernel: [2]int{3, 3}}, "an"), norm("dn", "d"), conv("b", 7, 1, "dn")),
			map[string]float64{"an.gamma": 3 + 9 + 7 + 64, "dn.gamma": 9 + 7 + 36}},
		"of what a sum hands on": {graph(t, image, conv("a", 4, 1, "x"), norm("an", "a"), conv("b", 4, 1, "an"), norm("bn", "b"),
			node("s", models.OpAdd, models.Attrs{}, "an", "bn"), conv("c", 5, 1, "s")),
			map[string]float64{"an.gamma": 3 + 4 + 5 + 64, "bn.gamma": 4 + 5 + 64}},
		"of a sum that is normalized, and of a concatenation": {graph(t, image, conv("a", 4, 1, "x"), conv("b", 4, 1, "x"),
			node("s", models.OpAdd, models.Attrs{}, "a", "b"), norm("sn", "s"), conv("c", 5, 1, "sn"), norm("cn", "c"),
			node("k", models.OpConcat, models.Attrs{}, "sn", "cn"), conv("d", 2, 3, "k")),
			map[string]float64{"sn.gamma": 5 + 9*2 + 64, "cn.gamma": 4 + 9*2 + 64}},
		"of half of the channels": {graph(t, image, conv("a", 4, 1, "x"), norm("an", "a"),
			node("h", models.OpChannelSelect, models.Attrs{Channels: []int{0, 2}}, "an"), conv("b", 6, 1, "h"), conv("c", 2, 1, "an"),
			node("k", models.OpConcat, models.Attrs{}, "b", "c"), conv("d", 2, 1, "k")),
			map[string]float64{"an.gamma": 3 + 6/2 + 2 + 64}},
		"of the output, and of a map of other size": {graph(t, image,
			node("a", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, "x"), norm("an", "a"), conv("b", 6, 1, "an"), norm("bn", "b")),
			map[string]float64{"an.gamma": 12 + 6 + 16, "bn.gamma": 0}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name := range c.want {
				c.want[name] /= 64
			}
			if got := penalties(t, c.net); !reflect.DeepEqual(got, c.want) {
				t.Errorf("Penalties = %v, want %v", got, c.want)
			}
		})
	}
	flat := penalties(t, graph(t, models.Shape{12}, node("a", models.OpLinear, models.Attrs{Out: 5}, "x"), norm("an", "a"), node("b", models.OpLinear, models.Attrs{Out: 3}, "an")))
	if want := map[string]float64{"an.gamma": 12 + 3 + 1}; !reflect.DeepEqual(flat, want) {
		t.Errorf("of a flat input: %v, want %v", flat, want)
	}
}

// The authors' example: ConvNet's first layer costs (75 + 25*192 + 1024)/1024.
// Of a pruned network the channels that are left count.
func TestPenaltiesOfThePapersConvNet(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "convnet", Input: models.Shape{3, 32, 32}})
	first := net.Params[1].Name
	if got := penalties(t, net)[first]; math.Abs(got-5.76) > 0.005 {
		t.Errorf("%s: %g, want 5.76", first, got)
	}
	conv2 := groups(t, net)[2]
	small := remove(t, net, channel.Set{conv2.Name: count(100)})
	if got, want := penalties(t, small)[first], (75+25*92+1024)/1024.0; got != want {
		t.Errorf("%s, the next layer having lost 100 channels: %g, want %g", first, got, want)
	}
}

func count(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func rescale(t *testing.T, net *models.Network, alpha float64) *models.Network {
	t.Helper()
	scaled, err := channel.Rescale(net, alpha)
	if err != nil {
		t.Fatal(err)
	}
	if err := scaled.Validate(); err != nil {
		t.Fatal(err)
	}
	return scaled
}

// checkRescale holds for every network: the function is the same, going back
// gives the values back, zeros stay, and net is as it was. It answers how many
// batch normalizations were scaled.
func checkRescale(t *testing.T, net *models.Network, alpha float64) int {
	t.Helper()
	scaleToZero(t, net)
	before := net.Clone()
	there := rescale(t, net, alpha)
	back := rescale(t, there, 1/alpha)
	if !reflect.DeepEqual(before, net) {
		t.Fatal("the network has changed")
	}
	if gap := distance(forward(t, net), forward(t, there)); !(gap <= 1e-4) {
		t.Errorf("outputs scaled by %g differ by %g of the largest", alpha, gap)
	}
	changed := 0
	for i, p := range net.Params {
		for k, v := range p.Data {
			if w := back.Params[i].Data[k]; math.Abs(float64(w-v)) > 1e-6*math.Abs(float64(v)) || v == 0 && there.Params[i].Data[k] != 0 {
				t.Fatalf("%s[%d] = %g, there and back %g", p.Name, k, v, w)
			}
		}
		if p.Role == models.RoleGamma && !slices.Equal(p.Data, there.Params[i].Data) {
			changed++
			for k, v := range p.Data {
				if w := there.Params[i].Data[k]; math.Abs(float64(w)-alpha*float64(v)) > 1e-6*alpha*math.Abs(float64(v)) {
					t.Fatalf("%s[%d] = %g, want %g times %g", p.Name, k, w, alpha, v)
				}
			}
		}
	}
	return changed
}

func TestRescaleOfTheZoo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    zoo.Options
		left int // batch normalizations that cannot be scaled
	}{
		"convnet":     {zoo.Options{Arch: "convnet", Width: 0.25}, 1},
		"resnet-ista": {zoo.Options{Arch: "resnet-20-ista"}, 1},
		"resnet":      {zoo.Options{Arch: "resnet-20"}, 0},
		"projections": {zoo.Options{Arch: "resnet-20", Shortcut: zoo.ShortcutProjection}, 0},
		"pre-act":     {zoo.Options{Arch: "resnet-164", Width: 0.5}, 0},
		"densenet":    {zoo.Options{Arch: "densenet-40", Width: 0.5}, 0},
		"vgg":         {zoo.Options{Arch: "vgg-16-bn", Width: 0.25}, 0},
		"perceptron":  {zoo.Options{Arch: "lenet-300-100", BatchNorm: true}, 0},
		"lenet-5":     {zoo.Options{Arch: "lenet-5", BatchNorm: true}, 0},
		"without":     {zoo.Options{Arch: "lenet-5"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(c.o.Arch, "net-") && !strings.HasPrefix(c.o.Arch, "lenet") {
				c.o.Input = models.Shape{3, 8, 8}
			}
			net := build(t, c.o)
			all := 0
			for _, p := range net.Params {
				if p.Role == models.RoleGamma {
					all++
				}
			}
			if n := checkRescale(t, net, 0.01); n != all-c.left {
				t.Errorf("%d of %d batch normalizations were scaled, want %d", n, all, all-c.left)
			}
		})
	}
}

func TestRescaleOfRandomGraphs(t *testing.T) {
	t.Parallel()
	changed := 0
	for seed := range uint64(120) {
		net := randomNetwork(t, seed)
		if !finite(net, t) {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			alpha := math.Exp(3 * rand.New(rand.NewPCG(seed, 4)).NormFloat64())
			changed += checkRescale(t, net, alpha)
		})
	}
	if t.Logf("%d batch normalizations were scaled", changed); changed < 50 {
		t.Errorf("only %d batch normalizations were scaled", changed)
	}
}

// A scale behind which the factor would get lost stays.
func TestRescaleLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	norm := func(name, input string) models.Node { return node(name, models.OpBatchNorm, models.Attrs{}, input) }
	conv := func(name, input string) models.Node { return node(name, models.OpConv2D, models.Attrs{Out: 4}, input) }
	start := []models.Node{conv("a", "x"), norm("an", "a")}
	for name, c := range map[string]struct {
		rest []models.Node
		want int
	}{
		"of the output":        {nil, 0},
		"before sigmoid":       {[]models.Node{node("s", models.OpSigmoid, models.Attrs{}, "an"), conv("b", "s")}, 0},
		"before relu6":         {[]models.Node{node("s", models.OpReLU6, models.Attrs{}, "an"), conv("b", "s")}, 0},
		"before another":       {[]models.Node{norm("bn", "an"), conv("c", "bn")}, 1},
		"added to a layer's":   {[]models.Node{conv("b", "an"), node("s", models.OpAdd, models.Attrs{}, "an", "b"), conv("c", "s")}, 0},
		"added to another's":   {[]models.Node{conv("b", "an"), norm("bn", "b"), node("s", models.OpAdd, models.Attrs{}, "an", "bn"), conv("c", "s")}, 2},
		"added to one without": {[]models.Node{conv("b", "an"), norm("bn", "b"), node("s", models.OpAdd, models.Attrs{}, "an", "bn"), node("t", models.OpAdd, models.Attrs{}, "s", "b"), conv("c", "t")}, 0},
		"times a gate":         {[]models.Node{conv("b", "an"), node("g", models.OpSigmoid, models.Attrs{}, "b"), node("s", models.OpMul, models.Attrs{}, "an", "g"), conv("c", "s")}, 1},
		"times itself":         {[]models.Node{node("s", models.OpMul, models.Attrs{}, "an", "an"), conv("c", "s")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := checkRescale(t, graph(t, models.Shape{3, 4, 4}, append(append(start[:2:2], c.rest...), node("f", models.OpFlatten, models.Attrs{}, last(start, c.rest)))...), 0.1); got != c.want {
				t.Errorf("%d batch normalizations were scaled, want %d", got, c.want)
			}
		})
	}
}

func last(start, rest []models.Node) string {
	all := append(start[:len(start):len(start)], rest...)
	return all[len(all)-1].Name
}

func TestRescaleRefusesWhatIsNoScale(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "lenet-5", BatchNorm: true})
	for _, alpha := range []float64{0, -1, math.NaN(), math.Inf(1), 1e-60} {
		if _, err := channel.Rescale(net, alpha); err == nil || !strings.Contains(err.Error(), "is not a positive number") {
			t.Errorf("Rescale by %g: error %v, want one that says so", alpha, err)
		}
	}
	if _, err := channel.Rescale(net, 1e38); err != nil {
		t.Errorf("Rescale by 1e38: %v", err)
	}
	net.Param("bn1.gamma").Data[0] = 100
	if _, err := channel.Rescale(net, 1e38); err == nil || !strings.Contains(err.Error(), "bn1.gamma[0] times 1e+38 is too large: 100") {
		t.Errorf("error %v, want one that names the scale", err)
	}
}
