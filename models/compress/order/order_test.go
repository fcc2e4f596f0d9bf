package order_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/compress/order"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// pruned is a network with drawn values of whose weights about that share is
// left, more in some rows than in others.
func pruned(t testing.TB, o zoo.Options, seed uint64, share float64) *models.Network {
	t.Helper()
	net := zootest.Drawn(t, o, seed)
	r := rand.New(rand.NewPCG(seed, 5))
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		p.Mask = make([]bool, len(p.Data))
		columns, row := p.Shape[1:].Size(), 0.0
		for i := range p.Mask {
			if i%columns == 0 {
				row = 2 * r.Float64() * share
			}
			p.Mask[i] = r.Float64() < row
		}
		p.ApplyMask()
	}
	return net
}

// sizes are those of packed networks.
func sizes() func(*models.Network) (int, error) {
	packing := esp.NewEncoder(esp.Options{Smallest: true})
	return func(net *models.Network) (int, error) {
		data, err := packing.Encode(net)
		return len(data), err
	}
}

func outputs(t *testing.T, net *models.Network) []float32 {
	t.Helper()
	backend, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := backend.Open(net, engine.Options{Batch: 2, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := rand.New(rand.NewPCG(5, 5))
	x := make([]float32, 2*net.Input.Size())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	y, err := session.Forward(x, 2)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), y...)
}

func TestFewestComputesTheSameInFewerBytes(t *testing.T) {
	t.Parallel()
	for _, o := range []zoo.Options{
		{Arch: "lenet-300-100"}, {Arch: "lenet-5", Width: 0.5}, {Arch: "lenet-5", Width: 0.4, BatchNorm: true},
		{Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 8, 8}},
	} {
		t.Run(o.Arch, func(t *testing.T) {
			t.Parallel()
			net := pruned(t, o, 3, 0.02)
			before := net.Clone()
			packed := sizes()
			ordered, err := order.Fewest(net, packed)
			if err != nil {
				t.Fatal(err)
			}
			was, _ := packed(before)
			is, err := packed(ordered)
			if err != nil || is >= was {
				t.Errorf("%d bytes, %d before, error %v", is, was, err)
			}
			want, got := outputs(t, before), outputs(t, ordered)
			for i := range want {
				if !(math.Abs(float64(want[i]-got[i])) <= 1e-5*max(1, math.Abs(float64(want[i])))) {
					t.Fatalf("output %d is %v, was %v", i, got[i], want[i])
				}
			}
		})
	}
}

// Where no weight is 0 nothing is tried.
func TestDenseNetworksStay(t *testing.T) {
	t.Parallel()
	net, asked := zootest.Drawn(t, zoo.Options{Arch: "lenet-300-100"}, 1), 0
	packed := sizes()
	ordered, err := order.Fewest(net, func(n *models.Network) (int, error) { asked++; return packed(n) })
	if err != nil || ordered != net || asked != 1 {
		t.Errorf("another network after %d sizes, error %v", asked, err)
	}
}

func TestErrorsOfSizesAreTold(t *testing.T) {
	t.Parallel()
	broken := errors.New("no size")
	for at := range 3 {
		left := at
		_, err := order.Fewest(pruned(t, zoo.Options{Arch: "lenet-300-100"}, 1, 0.02), func(*models.Network) (int, error) {
			if left--; left < 0 {
				return 0, broken
			}
			return 1000 - left, nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("error %v after %d sizes", err, at)
		}
	}
	if _, err := order.Fewest(&models.Network{}, sizes()); err == nil {
		t.Error("a network without nodes has an order")
	}
}
