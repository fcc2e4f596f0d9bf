package esp_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/compress"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// lenet is a small form of LeNet-5.
func lenet() zoo.Options { return zoo.Options{Arch: "lenet-5", Width: 0.4} }

// pruned is a network of the zoo with drawn values, of whose weights each layer
// keeps about that share, at places that its masks say.
func pruned(t testing.TB, o zoo.Options, seed uint64, share float64) *models.Network {
	t.Helper()
	net := zootest.Drawn(t, o, seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		p.Mask = make([]bool, len(p.Data))
		for i := range p.Mask {
			p.Mask[i] = r.Float64() < share
		}
		p.ApplyMask()
	}
	return net
}

// dying is a network half of whose neurons have nothing left, at random.
func dying(t testing.TB, seed uint64) *models.Network {
	net := pruned(t, zoo.Options{Arch: "lenet-300-100"}, seed, 0.04)
	r := rand.New(rand.NewPCG(seed, 4))
	for _, layers := range [][2]string{{"fc1", "fc2"}, {"fc2", "fc3"}} {
		in, bias, out := net.Param(layers[0]+".weight"), net.Param(layers[0]+".bias"), net.Param(layers[1]+".weight")
		columns, neurons := in.Shape[1], in.Shape[0]
		for n := range neurons {
			if r.IntN(2) == 0 {
				continue
			}
			bias.Data[n] = 0
			for i := range columns {
				in.Data[n*columns+i], in.Mask[n*columns+i] = 0, false
			}
			for i := n; i < len(out.Data); i += neurons {
				out.Data[i], out.Mask[i] = 0, false
			}
		}
	}
	return net
}

// shared is a network with weights that take few different values.
func shared(t testing.TB, net *models.Network, bits int) *models.Network {
	t.Helper()
	quantized, _, err := compress.Quantize(net, compress.Options{Bits: map[string]int{compress.Default: bits}, Init: compress.InitLinear})
	if err != nil {
		t.Fatal(err)
	}
	return quantized
}

// scaled is a network whose weights are multiples of a scale for each output.
func scaled(net *models.Network, top float32) *models.Network {
	net = net.Clone()
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		columns := p.Shape[1:].Size()
		for row := range slices.Chunk(p.Data, columns) {
			largest := float32(0)
			for _, v := range row {
				largest = max(largest, v, -v)
			}
			for i, v := range row {
				if scale := largest / top; scale > 0 {
					row[i] = float32(math.RoundToEven(float64(v/scale))) * scale
				}
				if row[i] == 0 {
					row[i] = 0 // not -0
				}
			}
		}
	}
	return net
}

// differ says how two networks differ, to the bit; "" if they do not.
func differ(a, b *models.Network) string {
	if a.Name != b.Name || !slices.Equal(a.Input, b.Input) || len(a.Nodes) != len(b.Nodes) || len(a.Params) != len(b.Params) {
		return "another graph"
	}
	for i, node := range a.Nodes {
		other := b.Nodes[i]
		if node.Name != other.Name || node.Op != other.Op || !slices.Equal(node.Inputs, other.Inputs) || !sameAttrs(node.Attrs, other.Attrs) {
			return "node " + node.Name
		}
	}
	for i, p := range a.Params {
		q := b.Params[i]
		if p.Name != q.Name || p.Node != q.Node || p.Role != q.Role || !slices.Equal(p.Shape, q.Shape) {
			return "parameter " + p.Name
		}
		if !sameBits(p.Data, q.Data) {
			return "values of " + p.Name
		}
		if (p.Mask == nil) != (q.Mask == nil) || !slices.Equal(p.Mask, q.Mask) {
			return "mask of " + p.Name
		}
	}
	return ""
}

func sameAttrs(a, b models.Attrs) bool {
	if !slices.Equal(a.Channels, b.Channels) {
		return false
	}
	a.Channels, b.Channels = nil, nil
	return a.Out == b.Out && a.Rate == b.Rate && a.Kernel == b.Kernel && a.Stride == b.Stride && a.Pad == b.Pad && a.Dilation == b.Dilation &&
		a.Groups == b.Groups && a.NoBias == b.NoBias && a.Ceil == b.Ceil && a.CountPad == b.CountPad && a.Eps == b.Eps && a.Momentum == b.Momentum &&
		a.NoScale == b.NoScale && a.NoShift == b.NoShift && a.Slope == b.Slope && a.Size == b.Size && a.Alpha == b.Alpha && a.Beta == b.Beta && a.Bias == b.Bias
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
