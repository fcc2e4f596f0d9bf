package esp_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// thinned is a network of which some weights are left, more in some places than
// in others; tensors of as many weights have the same.
func thinned(t *testing.T, net *models.Network) *models.Network {
	t.Helper()
	zootest.Draw(net, 1)
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			r := rand.New(rand.NewPCG(1, 1))
			for i := range p.Data {
				if p.Data[i] = 0; r.IntN(40) < 1+i/160%2*8 {
					p.Data[i] = float32(r.IntN(5)) - 2.5
				}
			}
		}
	}
	return net
}

// behind is a linear layer of 64 inputs behind a convolution of so many filters.
func behind(t *testing.T, filters, size int) *models.Network {
	t.Helper()
	net := &models.Network{Name: "behind", Input: models.Shape{1, size, size}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput},
		{Name: "conv", Op: models.OpConv2D, Attrs: models.Attrs{Out: filters, Kernel: [2]int{1, 1}}, Inputs: []string{"x"}},
		{Name: "flat", Op: models.OpFlatten, Inputs: []string{"conv"}},
		{Name: "fc", Op: models.OpLinear, Attrs: models.Attrs{Out: 200}, Inputs: []string{"flat"}},
	}}
	zootest.Lay(t, net)
	thinned(t, net)
	for i := range net.Param("fc.weight").Data {
		if i%64/16%2 == 0 { // of 4 filters, two are dead
			net.Param("fc.weight").Data[i] = 0
		}
	}
	return net
}

// An encoder that has seen like networks writes the same bytes as one that has
// seen none: of other values, masks and shapes, and behind other weights.
func TestEncoderForgetsNothingThatCounts(t *testing.T) {
	t.Parallel()
	net := func(change func(fc1, fc2 *models.Param)) *models.Network {
		net := thinned(t, zootest.Blank(t, zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 4, 4}, Classes: 4}))
		clear(net.Param("fc1.bias").Data[:250])
		change(net.Param("fc1.weight"), net.Param("fc2.weight"))
		return net
	}
	dead := func(from, to int) *models.Network {
		return net(func(fc1, fc2 *models.Param) {
			clear(fc1.Data[16*from : 16*to])
			for i := range fc2.Data {
				if i%300 < 250 {
					fc2.Data[i] = 0
				}
			}
		})
	}
	masked := func(but int) *models.Network {
		return net(func(_, fc2 *models.Param) {
			fc2.Mask = make([]bool, len(fc2.Data))
			clear(fc2.Data)
			fc2.Mask[but] = true
		})
	}
	networks := map[string]*models.Network{
		"a network":         net(func(_, _ *models.Param) {}),
		"another weight":    net(func(_, fc2 *models.Param) { fc2.Data[0] = 9 }),
		"a negative zero":   net(func(_, fc2 *models.Param) { fc2.Data[1] = float32(math.Copysign(0, -1)) }),
		"dead neurons":      dead(0, 250),
		"others dead":       dead(50, 300),
		"masked":            masked(5),
		"masked elsewhere":  masked(500),
		"zeros, not masked": net(func(_, fc2 *models.Param) { clear(fc2.Data) }),
		"8 x 16":            thinned(t, zootest.Blank(t, zoo.Options{Arch: "mlp", Hidden: []int{80}, Input: models.Shape{160, 1, 1}, Classes: 4})),
		"16 x 8":            thinned(t, zootest.Blank(t, zoo.Options{Arch: "mlp", Hidden: []int{160}, Input: models.Shape{80, 1, 1}, Classes: 4})),
		"4 filters":         behind(t, 4, 4),
		"16 filters":        behind(t, 16, 2),
	}
	for _, o := range []esp.Options{{}, {Smallest: true}} {
		e := esp.NewEncoder(o)
		for range 2 {
			for name, net := range networks {
				got, err := e.Encode(net)
				if err != nil {
					t.Fatal(err)
				}
				want, err := esp.Encode(net, o)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%q, %+v: %d bytes, and %d that are not the same from Encode", name, o, len(got), len(want))
				}
			}
		}
	}
}
