package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// sketch writes groups as lines of "name(producers>consumers): fixed", and each
// unit as the slices that it has.
func sketch(found []channel.Group) string {
	var b strings.Builder
	for _, g := range found {
		fmt.Fprintf(&b, "%s (%s > %s)\n", g.Name, strings.Join(g.Producers, " "), strings.Join(g.Consumers, " "))
		for _, u := range g.Units {
			fmt.Fprint(&b, " ", u.Fixed)
			for _, s := range u.Slices() {
				fmt.Fprintf(&b, " %s/%d%v", s.Param, s.Axis, s.Indices)
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}

func TestGroups(t *testing.T) {
	t.Parallel()
	conv := func(out int) models.Attrs { return models.Attrs{Out: out, NoBias: true} }
	tests := map[string]struct {
		net     *models.Network
		exclude []string
		want    string
	}{
		"chain with normalization and flattening": {net: graph(t, models.Shape{1, 2, 1},
			node("c", models.OpConv2D, models.Attrs{Out: 2}, "x"), node("bn", models.OpBatchNorm, models.Attrs{NoScale: true}, "c"),
			node("f", models.OpFlatten, models.Attrs{}, "bn"), node("fc", models.OpLinear, conv(1), "f")), want: `
x ( > c)
 input c.weight/1[0]
c (c > fc)
  c.weight/0[0] c.bias/0[0] bn.beta/0[0] bn.mean/0[0] bn.variance/0[0] fc.weight/1[0 1]
  c.weight/0[1] c.bias/0[1] bn.beta/0[1] bn.mean/0[1] bn.variance/0[1] fc.weight/1[2 3]
fc (fc > )
 output fc.weight/0[0]
`},
		"sum with padding, as in residual networks": {net: graph(t, models.Shape{1, 1, 1},
			node("c", models.OpConv2D, conv(2), "x"), node("pad", models.OpChannelSelect, models.Attrs{Channels: []int{-1, 0, 1, -1}}, "c"),
			node("d", models.OpConv2D, conv(4), "c"), node("add", models.OpAdd, models.Attrs{}, "d", "pad"),
			node("f", models.OpFlatten, models.Attrs{}, "add"), node("fc", models.OpLinear, conv(1), "f")), exclude: []string{"fc"}, want: `
x ( > c)
 input c.weight/1[0]
c (c d > d fc)
  c.weight/0[0] d.weight/0[1] d.weight/1[0] fc.weight/1[1]
  c.weight/0[1] d.weight/0[2] d.weight/1[1] fc.weight/1[2]
d (d > fc)
  d.weight/0[0] fc.weight/1[0]
  d.weight/0[3] fc.weight/1[3]
fc (fc > )
 output fc.weight/0[0]
`},
		"gate and depthwise": {net: graph(t, models.Shape{1, 2, 2},
			node("c", models.OpConv2D, conv(2), "x"), node("dw", models.OpConv2D, models.Attrs{Out: 4, Groups: 2}, "c"),
			node("pool", models.OpGlobalAvgPool, models.Attrs{}, "dw"), node("squeeze", models.OpConv2D, conv(1), "pool"),
			node("excite", models.OpConv2D, conv(4), "squeeze"), node("gate", models.OpSigmoid, models.Attrs{}, "excite"),
			node("mul", models.OpMul, models.Attrs{}, "dw", "gate"), node("mean", models.OpGlobalAvgPool, models.Attrs{}, "mul"),
			node("f", models.OpFlatten, models.Attrs{}, "mean"), node("fc", models.OpLinear, conv(1), "f")), exclude: []string{"squeeze"}, want: `
x ( > c)
 input c.weight/1[0]
c (c excite > squeeze fc)
  c.weight/0[0] excite.weight/0[0 1] dw.weight/0[0 1] dw.bias/0[0 1] squeeze.weight/1[0 1] fc.weight/1[0 1]
  c.weight/0[1] excite.weight/0[2 3] dw.weight/0[2 3] dw.bias/0[2 3] squeeze.weight/1[2 3] fc.weight/1[2 3]
squeeze (squeeze > excite)
 excluded squeeze.weight/0[0] excite.weight/1[0]
fc (fc > )
 output fc.weight/0[0]
`},
		"groups, concatenation, normalization across channels": {net: graph(t, models.Shape{1, 1, 1},
			node("c", models.OpConv2D, conv(4), "x"), node("g", models.OpConv2D, models.Attrs{Out: 6, Groups: 2, NoBias: true}, "c"),
			node("d", models.OpConv2D, conv(1), "x"), node("lrn", models.OpLRN, models.Attrs{Size: 3, Bias: 1}, "d"),
			node("cat", models.OpConcat, models.Attrs{}, "g", "lrn"),
			node("f", models.OpFlatten, models.Attrs{}, "cat"), node("fc", models.OpLinear, conv(1), "f")), want: `
x ( > c d)
 input c.weight/1[0] d.weight/1[0]
c (c > g)
  c.weight/0[0 2] g.weight/1[0]
  c.weight/0[1 3] g.weight/1[1]
g (g > fc)
  g.weight/0[0 3] fc.weight/1[0 3]
  g.weight/0[1 4] fc.weight/1[1 4]
  g.weight/0[2 5] fc.weight/1[2 5]
d (d > fc)
 lrn d.weight/0[0] fc.weight/1[6]
fc (fc > )
 output fc.weight/0[0]
`},
		"samples": {net: graph(t, models.Shape{1, 1, 1},
			node("c", models.OpConv2D, conv(3), "x"), node("s", models.OpChannelSelect, models.Attrs{Channels: []int{2, -1}}, "c"),
			node("d", models.OpConv2D, conv(1), "s"), node("e", models.OpConv2D, conv(1), "c"), node("cat", models.OpConcat, models.Attrs{}, "d", "e"),
			node("f", models.OpFlatten, models.Attrs{}, "cat")), want: `
x ( > c)
 input c.weight/1[0]
c (c > e)
  c.weight/0[0] e.weight/1[0]
  c.weight/0[1] e.weight/1[1]
  c.weight/0[2] e.weight/1[2]
d (d > )
 output d.weight/0[0]
e (e > )
 output e.weight/0[0]
s ( > d)
  d.weight/1[0]
  d.weight/1[1]
`},
		"samples that normalization across channels reads": {net: graph(t, models.Shape{1, 1, 1},
			node("c", models.OpConv2D, models.Attrs{Out: 2, Groups: 1, NoBias: true}, "x"),
			node("s", models.OpChannelSelect, models.Attrs{Channels: []int{0}}, "c"), node("lrn", models.OpLRN, models.Attrs{Size: 3, Bias: 1}, "s"),
			node("cat", models.OpConcat, models.Attrs{}, "lrn", "c"),
			node("f", models.OpFlatten, models.Attrs{}, "cat"), node("fc", models.OpLinear, conv(1), "f")), want: `
x ( > c)
 input c.weight/1[0]
c (c > fc)
 lrn c.weight/0[0] fc.weight/1[0 1]
  c.weight/0[1] fc.weight/1[2]
fc (fc > )
 output fc.weight/0[0]
`},
		"two groups that begin alike": {net: graph(t, models.Shape{1, 1, 1},
			node("c", models.OpConv2D, conv(3), "x"), node("d", models.OpConv2D, conv(1), "x"), node("e", models.OpConv2D, conv(1), "x"),
			node("s0", models.OpChannelSelect, models.Attrs{Channels: []int{0}}, "c"), node("s1", models.OpChannelSelect, models.Attrs{Channels: []int{1}}, "c"),
			node("a0", models.OpAdd, models.Attrs{}, "s0", "d"), node("a1", models.OpAdd, models.Attrs{}, "s1", "e"),
			node("cat", models.OpConcat, models.Attrs{}, "a0", "a1", "c"),
			node("f", models.OpFlatten, models.Attrs{}, "cat"), node("fc", models.OpLinear, conv(1), "f")), exclude: []string{"d"}, want: `
x ( > c d e)
 input c.weight/1[0] d.weight/1[0] e.weight/1[0]
c (c d > fc)
 excluded c.weight/0[0] d.weight/0[0] fc.weight/1[0 2]
c+e (c e > fc)
  c.weight/0[1] e.weight/0[0] fc.weight/1[1 3]
c' (c > fc)
  c.weight/0[2] fc.weight/1[4]
fc (fc > )
 output fc.weight/0[0]
`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sketch(groups(t, test.net, test.exclude...))
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), got); diff != "" {
				t.Errorf("Groups (-want +got):\n%s", diff)
			}
		})
	}
}

// A unit says where its activations are.
func TestPlaces(t *testing.T) {
	t.Parallel()
	u := group(t, zootest.Blank(t, zoo.Options{Arch: "lenet-5"}), "conv2").Units[3]
	var flat channel.Place
	for _, p := range u.Places {
		if p.Node == "flatten" {
			flat = p
		} else if !cmp.Equal(p.Channels, []int{3}) {
			t.Errorf("in %s the unit has channels %v, want 3", p.Node, p.Channels)
		}
	}
	if want := first(64)[48:]; !cmp.Equal(flat.Channels, want) {
		t.Errorf("behind the flattening the unit has features %v, want %v", flat.Channels, want)
	}
	if got := u.Inputs[0].Indices; !cmp.Equal(got, flat.Channels) {
		t.Errorf("the linear layer reads columns %v, want %v", got, flat.Channels)
	}
}

// What Zero says is zero is zero.
func TestZeroedChannels(t *testing.T) {
	t.Parallel()
	net := build(t, zoo.Options{Arch: "resnet-20", Input: models.Shape{3, 8, 8}})
	set := channel.Set{"conv1": {0, 5}, "layer2.0.conv1": {7}}
	zeroed := zero(t, net, set)
	for name, units := range set {
		g := group(t, net, name)
		for _, i := range units {
			for _, p := range g.Units[i].Places {
				if y := output(t, zeroed, p); y != 0 {
					t.Errorf("group %s: unit %d is %g in %s", name, i, y, p.Node)
				}
			}
		}
	}
	if alive := (channel.Place{Node: "bn1", Channels: []int{1}}); output(t, zeroed, alive) == 0 {
		t.Error("a channel that stays is zero")
	}
	mask := zeroed.Param("bn1.beta").Mask
	if mask == nil || mask[0] || !mask[1] || mask[5] {
		t.Errorf("bn1.beta has the mask %v, want 0 and 5 alone masked", mask)
	}
	mean, variance := zeroed.Param("bn1.mean"), zeroed.Param("bn1.variance")
	if mean.Mask != nil || variance.Mask != nil || mean.Data[5] != 0 || variance.Data[5] != net.Param("bn1.variance").Data[5] {
		t.Errorf("statistics are %g and %g with masks %v and %v, want 0, as it was, and none", mean.Data[5], variance.Data[5], mean.Mask, variance.Mask)
	}
}

// output is the largest value at a place of an image.
func output(t *testing.T, net *models.Network, p channel.Place) float32 {
	t.Helper()
	seen := net.Clone()
	for i, n := range seen.Nodes {
		if n.Name == p.Node {
			seen.Nodes = append(seen.Nodes[:i+1], node("only", models.OpChannelSelect, models.Attrs{Channels: p.Channels}, p.Node),
				node("out", models.OpFlatten, models.Attrs{}, "only"))
			break
		}
	}
	layout, err := seen.Layout()
	if err != nil {
		t.Fatal(err)
	}
	seen.Params = seen.Params[:len(layout)]
	largest := float32(0)
	for _, y := range forward(t, seen) {
		largest = max(largest, y, -y)
	}
	return largest
}
