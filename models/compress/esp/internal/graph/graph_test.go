package graph_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/models"
	"espalier/models/compress/esp/internal/graph"
	"espalier/models/zoo"
)

func built(t testing.TB, o zoo.Options) *models.Network {
	t.Helper()
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Params {
		p.Data = nil
	}
	return net
}

// every has a node of each operation with each attribute, one of them in a field
// that does not count.
func every() *models.Network {
	net := &models.Network{Name: "every operation, ünïcode", Input: models.Shape{4, 9, 9}}
	add := func(name string, op models.Op, a models.Attrs, inputs ...string) {
		net.Nodes = append(net.Nodes, models.Node{Name: name, Op: op, Inputs: inputs, Attrs: a})
	}
	add("in", models.OpInput, models.Attrs{Slope: -2})
	add("conv", models.OpConv2D, models.Attrs{Out: 6, Kernel: [2]int{3, 1}, Stride: [2]int{1, 2}, Pad: [4]int{1, 0, 1, 2}, Dilation: [2]int{1, 2}, Groups: 2, NoBias: true}, "in")
	add("norm", models.OpBatchNorm, models.Attrs{Eps: 1e-3, Momentum: 0.01, NoScale: true, NoShift: true}, "conv")
	add("lrn", models.OpLRN, models.Attrs{Size: 5, Alpha: 1e-4, Beta: 0.75, Bias: 1}, "norm")
	add("max", models.OpMaxPool, models.Attrs{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}, Ceil: true}, "lrn")
	add("avg", models.OpAvgPool, models.Attrs{Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, CountPad: true}, "max")
	add("leak", models.OpLeakyReLU, models.Attrs{Slope: 0.1}, "avg")
	add("select", models.OpChannelSelect, models.Attrs{Channels: []int{0, 1, -1, 5, 2, 2}}, "max")
	add("add", models.OpAdd, models.Attrs{}, "avg", "avg", "leak")
	add("both", models.OpConcat, models.Attrs{}, "add", "select")
	add("squeeze", models.OpGlobalAvgPool, models.Attrs{}, "both")
	add("mul", models.OpMul, models.Attrs{}, "both", "squeeze")
	for _, op := range []models.Op{models.OpReLU, models.OpReLU6, models.OpSigmoid, models.OpTanh, models.OpHardSigmoid, models.OpHardSwish, models.OpSiLU} {
		add(string(op), op, models.Attrs{}, net.Output())
	}
	add("drop", models.OpDropout, models.Attrs{Rate: 0.5}, net.Output())
	add("flat", models.OpFlatten, models.Attrs{}, "drop")
	add("fc", models.OpLinear, models.Attrs{Out: 10}, "flat")
	return net
}

func TestGraphsComeBack(t *testing.T) {
	t.Parallel()
	nets := map[string]*models.Network{"every operation": every()}
	for _, name := range []string{"lenet-5", "lenet-300-100", "resnet-20", "densenet-40", "vgg-11-bn"} {
		o, _ := zoo.Default(name)
		if name != "lenet-5" && name != "lenet-300-100" {
			o.Width, o.Growth, o.Stem = 0.1, 0, 0
		}
		if name == "densenet-40" {
			o.Width, o.Growth, o.Stem = 0, 2, 2
		}
		nets[name] = built(t, o)
	}
	for name, net := range nets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := graph.Encode(net)
			if err != nil {
				t.Fatal(err)
			}
			got, err := graph.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			want := *net
			if want.Params, err = net.Layout(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("another graph comes back (-want +got):\n%s", diff)
			}
			if limit := map[string]int{"lenet-5": 45, "lenet-300-100": 35}[name]; limit > 0 && len(data) > limit {
				t.Errorf("it takes %d bytes, want at most %d", len(data), limit)
			}
		})
	}
}

func TestGraphsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*models.Network)
		want   string
	}{
		"an operation":     {func(n *models.Network) { n.Nodes[1].Op = "softmax" }, `op "softmax" is not known`},
		"a node's name":    {func(n *models.Network) { n.Nodes[1].Name = "\xff" }, "the name is no UTF-8"},
		"the network's":    {func(n *models.Network) { n.Name = "\xff" }, "the name is no UTF-8"},
		"a name too long":  {func(n *models.Network) { n.Name = strings.Repeat("a", 1<<20) }, "at most 1048576 are allowed"},
		"more than 65,536": {func(n *models.Network) { n.Nodes = slices.Repeat(n.Nodes, 40_000) }, "at most 65536 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := &models.Network{Name: "n", Input: models.Shape{3}, Nodes: []models.Node{{Name: "in", Op: models.OpInput}, {Name: "r", Op: models.OpReLU, Inputs: []string{"in"}}}}
			test.change(net)
			if _, err := graph.Encode(net); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, net := range []*models.Network{every(), built(f, zoo.Options{Arch: "mlp", Hidden: []int{4}, Input: models.Shape{3}, Classes: 2})} {
		data, err := graph.Encode(net)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(binary.AppendUvarint(nil, 1<<20))
	f.Fuzz(func(t *testing.T, data []byte) {
		net, err := graph.Decode(data)
		if err != nil {
			return
		}
		again, err := graph.Encode(net)
		if err != nil {
			t.Fatalf("what is read cannot be written: %v", err)
		}
		if back, err := graph.Decode(again); err != nil || !cmp.Equal(net, back, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()) {
			t.Errorf("written again it is another graph, error %v", err)
		}
	})
}

// FuzzPlain is for what a graph says, past its coding.
func FuzzPlain(f *testing.F) {
	for _, net := range []*models.Network{every(), built(f, zoo.Options{Arch: "mlp", Hidden: []int{4}, Input: models.Shape{3}, Classes: 2})} {
		plain, err := graph.Plain(net)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		net, err := graph.Parse(plain)
		if err != nil {
			return
		}
		again, err := graph.Plain(net)
		if err != nil {
			t.Fatalf("what is read cannot be written: %v", err)
		}
		if back, err := graph.Parse(again); err != nil || !cmp.Equal(net, back, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()) {
			t.Errorf("written again it is another graph, error %v", err)
		}
	})
}
