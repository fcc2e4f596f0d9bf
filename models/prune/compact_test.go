package prune_test

import (
	"context"
	"testing"

	"espalier/models/prune"
)

func TestCompactKeepsOutputs(t *testing.T) {
	t.Parallel()
	narrowed := 0
	for seed := range uint64(30) {
		net := mlp(t, seed, 8, 9, 7, 6)
		o := han(0.8)
		o.DeadNeurons = seed%2 == 0
		p, err := prune.NewPlan(context.Background(), net, o, prune.Basis{})
		if err != nil {
			continue // a cut network
		}
		pruned := apply(t, net, p)
		before := pruned.Clone()
		compact, err := prune.Compact(pruned)
		if err != nil {
			t.Fatal(err)
		}
		sameOutputs(t, pruned, compact)
		sameOutputs(t, before, pruned)
		for i, p := range compact.Params {
			narrowed += len(pruned.Params[i].Data) - len(p.Data)
		}
		if got, want := compact.Param("fc1.weight").Shape[0], 9-len(p.Layers[0].Dead); o.DeadNeurons && got != want {
			t.Errorf("seed %d: fc1 has %d neurons, want %d: all but the dead", seed, got, want)
		}
	}
	if narrowed == 0 {
		t.Error("no network became smaller, nothing was tested")
	}
}

func TestCompactByHand(t *testing.T) {
	t.Parallel()
	// Neuron 0 is not heard, 1 sends relu(-1) = 0, 2 is a constant that is
	// heard, 3 lives.
	net := with(t, 1, []int{4}, []float32{5, 0, 0, 6}, []float32{0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 2, 3})
	copy(net.Param("fc1.bias").Data, []float32{1, -1, 1, 1})
	setMask(net, "fc2.weight", "0111 0110 0111")
	compact, err := prune.Compact(net)
	if err != nil {
		t.Fatal(err)
	}
	sameOutputs(t, net, compact)
	if shape := compact.Param("fc2.weight").Shape; shape[0] != 3 || shape[1] != 2 {
		t.Errorf("fc2 has shape %v, want [3 2]", shape)
	}
	if got := mask(compact, "fc2.weight"); got != "111011" {
		t.Errorf("fc2 mask %s, want 111011", got)
	}
}

func TestCompactKeepsOneNeuron(t *testing.T) {
	t.Parallel()
	net := with(t, 1, []int{3}, []float32{0, 0, 0}, make([]float32, 9))
	compact, err := prune.Compact(net)
	if err != nil {
		t.Fatal(err)
	}
	sameOutputs(t, net, compact)
	if node, _ := compact.Node("fc1"); node.Attrs.Out != 1 {
		t.Errorf("fc1 has %d neurons, want 1", node.Attrs.Out)
	}
}

func TestCompactRefusesInvalidNetwork(t *testing.T) {
	t.Parallel()
	net := mlp(t, 1, 2, 2)
	net.Params = net.Params[:1]
	if _, err := prune.Compact(net); err == nil {
		t.Error("a network without its parameters is not refused")
	}
}
