package esp_test

import (
	"bytes"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
)

// check holds a file that nobody has made against what every file keeps: it is
// read by all ways or by none, and what is read is a network.
func check(t *testing.T, data []byte) {
	t.Helper()
	net, err := esp.Decode(data)
	streamed, streamErr := esp.Read(bytes.NewReader(data))
	if err != nil {
		return
	}
	if err := net.Validate(); err != nil {
		t.Fatalf("what is read is no network: %v", err)
	}
	if streamErr != nil || differ(net, streamed) != "" {
		t.Fatalf("from a stream it is read otherwise: %v", streamErr)
	}
	f, err := esp.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := f.Sizes()
	if err != nil || sizes.Total() != len(data) {
		t.Fatalf("%d bytes are counted of %d, error %v", sizes.Total(), len(data), err)
	}
	for _, p := range net.Params {
		tensor, err := f.Tensor(p.Name)
		if err != nil || !sameBits(tensor.Dense(), p.Data) {
			t.Fatalf("tensor %s alone is another, error %v", p.Name, err)
		}
	}
	again, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatalf("what is read cannot be packed: %v", err)
	}
	if back, err := esp.Decode(again); err != nil || differ(net, back) != "" {
		t.Fatalf("packed again it is another network, error %v", err)
	}
}

func FuzzFile(f *testing.F) {
	for _, net := range []*models.Network{
		tiny(1, 0, 2, 0, 0, 3), tiny(1, 1, 1, 2, 2, 2), tiny(0, 0, 0, 0, 0, 0),
		pruned(f, zoo.Options{Arch: "mlp", Hidden: []int{5}, Input: models.Shape{7}, BatchNorm: true}, 1, 0.3),
		pruned(f, zoo.Options{Arch: "lenet-5", Width: 0.1}, 1, 0.2), dying(f, 1),
	} {
		for _, smallest := range []bool{false, true} {
			data, err := esp.Encode(net, esp.Options{Smallest: smallest})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(check)
}

// FuzzTensor is for what a tensor holds, behind checksums that are right.
func FuzzTensor(f *testing.F) {
	net := zoo.Options{Arch: "mlp", Hidden: []int{24}, Input: models.Shape{30}}
	var graph []byte
	for seed := range uint64(3) {
		base := pruned(f, net, seed, []float64{1, 0.4, 0.03}[seed])
		for _, n := range []*models.Network{base, shared(f, base, 3), scaled(base, 127)} {
			alone := &models.Network{Name: "alone", Input: n.Input, Nodes: n.Nodes[:2], Params: n.Params[:1]}
			alone.Nodes[1].Attrs.NoBias = true
			data, err := esp.Encode(alone, esp.Options{Smallest: seed == 2})
			if err != nil {
				f.Fatal(err)
			}
			graph = graphOf(f, alone)
			f.Add(data[len(sealed(graph, make([]byte, 8))):])
		}
	}
	f.Fuzz(func(t *testing.T, tensor []byte) { check(t, holding(graph, tensor)) })
}
