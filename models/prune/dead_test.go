package prune_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune"
)

func deadNeurons(sparsity float64) prune.Options {
	o := han(sparsity)
	o.DeadNeurons = true
	return o
}

// setMask takes "1101 0111", spaces for people, and zeroes what does not stay.
func setMask(net *models.Network, param, mask string) {
	p := net.Param(param)
	p.Mask = nil
	for _, c := range strings.ReplaceAll(mask, " ", "") {
		p.Mask = append(p.Mask, c == '1')
	}
	p.ApplyMask()
}

func TestDeadNeuronsByHand(t *testing.T) {
	t.Parallel()
	// 2 inputs, 3 hidden, 3 classes. Neuron 0 loses its inputs, neuron 1 its
	// outputs, neuron 2 lives.
	net := with(t, 2, []int{3},
		[]float32{.1, .2, 5, 6, 7, 8},
		[]float32{3, .1, 4, .2, .3, 5, 6, .4, .5})
	bias1, bias2 := net.Param("fc1.bias").Data, net.Param("fc2.bias").Data
	copy(bias1, []float32{2, -1, 0.5})
	copy(bias2, []float32{10, 20, 30})
	o := deadNeurons(0)
	o.Layers = map[string]float64{"fc1": 0.4, "fc2": 0.55} // 2 of 6, 5 of 9
	p := plan(t, net, o)
	pruned := apply(t, net, p)
	if got, want := mask(pruned, "fc1.weight"), "000011"; got != want {
		t.Errorf("fc1 mask %s, want %s", got, want)
	}
	if got, want := mask(pruned, "fc2.weight"), "001001000"; got != want {
		t.Errorf("fc2 mask %s, want %s", got, want)
	}
	// The constant 2 goes through 3 to class 0 and through 6 to class 2.
	want := [][]prune.Bias{{{Neuron: 0, Value: 0}, {Neuron: 1, Value: 0}}, {{Neuron: 0, Value: 16}, {Neuron: 2, Value: 42}}}
	for i, l := range p.Layers {
		if diff := cmp.Diff(want[i], l.Bias); diff != "" {
			t.Errorf("%s biases (-want +got):\n%s", l.Name, diff)
		}
	}
	if diff := cmp.Diff([]int{0, 1}, p.Layers[0].Dead); diff != "" {
		t.Errorf("dead neurons of fc1 (-want +got):\n%s", diff)
	}
	if p.Layers[0].After != 2 || p.Layers[1].After != 2 {
		t.Errorf("%d and %d weights stay, want 2 and 2", p.Layers[0].After, p.Layers[1].After)
	}
}

func TestNegativeConstantsStopAtTheReLU(t *testing.T) {
	t.Parallel()
	net := with(t, 1, []int{2}, []float32{.1, 5}, []float32{3, 4, 3, 4, 3, 4})
	net.Param("fc1.bias").Data[0] = -7
	o := deadNeurons(0.5)
	o.Layers = map[string]float64{"fc2": 0.01} // nothing
	p := plan(t, net, o)
	if got := mask(apply(t, net, p), "fc2.weight"); got != "010101" {
		t.Errorf("fc2 mask %s, want 010101", got)
	}
	if len(p.Layers[1].Bias) != 0 {
		t.Errorf("biases %v changed by a neuron that sends 0", p.Layers[1].Bias)
	}
}

func TestDeathSpreads(t *testing.T) {
	t.Parallel()
	// fc1 neuron 0 feeds only fc2 neuron 0, which feeds nothing; forwards, fc1
	// neuron 1 has no inputs and is all that fc2 neuron 1 hears.
	net := mlp(t, 2, 2, 3, 3)
	setMask(net, "fc1.weight", "11 00 11")
	setMask(net, "fc2.weight", "101 010 001")
	setMask(net, "fc3.weight", "011 011 011")
	before := net.Clone()
	o := deadNeurons(0)
	o.Layers = map[string]float64{"fc1": 0.01, "fc2": 0.01, "fc3": 0.01}
	p := plan(t, net, o)
	pruned := apply(t, net, p)
	for param, want := range map[string]string{"fc1.weight": "000011", "fc2.weight": "000000001", "fc3.weight": "001001001"} {
		if got := mask(pruned, param); got != want {
			t.Errorf("%s mask %s, want %s", param, got, want)
		}
	}
	if diff := cmp.Diff([][]int{{1, 0}, {0, 1}}, [][]int{p.Layers[0].Dead, p.Layers[1].Dead}); diff != "" {
		t.Errorf("dead neurons (-want +got):\n%s", diff)
	}
	sameOutputs(t, before, pruned)
	if again := plan(t, pruned, o); len(again.Layers[0].Dead)+len(again.Layers[0].Bias) != 0 {
		t.Errorf("neurons died twice: %v", again.Layers[0])
	}
}

func TestDeadNeuronsChangeNoOutput(t *testing.T) {
	t.Parallel()
	died := 0
	for seed := range uint64(30) {
		net := mlp(t, seed, 8, 9, 7, 6)
		// No constant shows where the ReLU stops it, so most are positive.
		for _, p := range net.Params {
			if p.Role == models.RoleBias && seed%2 == 0 {
				for i := range p.Data {
					p.Data[i] = float32(math.Abs(float64(p.Data[i])))
				}
			}
		}
		masked := apply(t, net, plan(t, net, han(0.8)))
		p, err := prune.NewPlan(context.Background(), net, deadNeurons(0.8), prune.Basis{})
		if err != nil {
			if !strings.Contains(err.Error(), "join the network's input and output nowhere") {
				t.Fatal(err)
			}
			continue
		}
		pruned := apply(t, net, p)
		sameOutputs(t, masked, pruned)
		for _, l := range p.Layers {
			died += len(l.Dead)
		}
		checkNoneDead(t, pruned)
	}
	if died < 30 {
		t.Errorf("only %d neurons died, too few to test anything", died)
	}
}

// checkNoneDead: every hidden neuron has connections on both sides, or none
// and no bias.
func checkNoneDead(t *testing.T, net *models.Network) {
	t.Helper()
	for layer, next := range map[string]string{"fc1": "fc2", "fc2": "fc3", "fc3": "fc4"} {
		w, b, out := net.Param(layer+".weight"), net.Param(layer+".bias"), net.Param(next+".weight")
		rows, columns := mask(net, w.Name), mask(net, out.Name)
		for neuron := range w.Shape[0] {
			ins := ones(rows[neuron*w.Shape[1] : (neuron+1)*w.Shape[1]])
			outs := 0
			for row := range out.Shape[0] {
				outs += ones(columns[row*out.Shape[1]+neuron:][:1])
			}
			if (ins == 0) != (outs == 0) || (ins == 0 && b.Data[neuron] != 0) {
				t.Errorf("%s neuron %d: %d inputs, %d outputs, bias %g", layer, neuron, ins, outs, b.Data[neuron])
			}
		}
	}
}

func TestOutputsNeverDie(t *testing.T) {
	t.Parallel()
	// Class 0 hears nothing and keeps its bias.
	net := with(t, 1, []int{2}, []float32{5, 6}, []float32{.1, .2, 7, 8, 9, 10})
	before := net.Param("fc2.bias").Data[0]
	o := deadNeurons(0.33)
	o.Layers = map[string]float64{"fc1": 0.01}
	p := plan(t, net, o)
	if got := apply(t, net, p).Param("fc2.bias").Data[0]; got != before || before == 0 || len(p.Layers[1].Dead) != 0 {
		t.Errorf("bias of class 0 is %g, was %g; dead %v, want none", got, before, p.Layers[1].Dead)
	}
}

func TestExcludedLayersAreLeftByDeath(t *testing.T) {
	t.Parallel()
	net := with(t, 2, []int{2}, []float32{.1, .2, 7, 8}, []float32{1, 2, 3, 4, 5, 6})
	o := deadNeurons(0.5)
	o.Exclude = []string{"fc2"}
	p := plan(t, net, o)
	pruned := apply(t, net, p)
	if pruned.Param("fc2.weight").Mask != nil || len(p.Layers[0].Dead) != 0 {
		t.Errorf("fc2 mask %s, dead in fc1 %v, want a dense layer and none", mask(pruned, "fc2.weight"), p.Layers[0].Dead)
	}
}

func TestCutNetworkIsRefused(t *testing.T) {
	t.Parallel()
	// fc1 keeps neuron 0 only, fc2 hears neuron 1 only.
	net := with(t, 1, []int{2}, []float32{5, .1}, []float32{.1, 5, .1, 5, .1, 5})
	_, err := prune.NewPlan(context.Background(), net, deadNeurons(0.5), prune.Basis{})
	if err == nil || !strings.Contains(err.Error(), "layer fc1 would be empty once dead neurons are removed") {
		t.Errorf("NewPlan error %v, want it to say that fc1 is empty", err)
	}
}

func TestOverflowingBiasIsRefused(t *testing.T) {
	t.Parallel()
	huge := float32(math.MaxFloat32)
	net := with(t, 1, []int{2}, []float32{.1, 5}, []float32{huge, huge, huge, huge, huge, huge})
	net.Param("fc1.bias").Data[0] = huge
	o := deadNeurons(0.5)
	o.Layers = map[string]float64{"fc2": 0.01}
	if _, err := prune.NewPlan(context.Background(), net, o, prune.Basis{}); err == nil || !strings.Contains(err.Error(), "the bias of neuron 0 would be +Inf") {
		t.Errorf("NewPlan error %v, want it to name the bias", err)
	}
}

// A graph whose layer feeds two others, one of them without a ReLU between.
func TestDeadNeuronsFollowTheGraph(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: "fork", Input: models.Shape{2}, Nodes: []models.Node{
		{Name: "in", Op: models.OpInput},
		{Name: "stem", Op: models.OpLinear, Inputs: []string{"in"}, Attrs: models.Attrs{Out: 2}},
		{Name: "side", Op: models.OpLinear, Inputs: []string{"stem"}, Attrs: models.Attrs{Out: 1}},
		{Name: "flat", Op: models.OpFlatten, Inputs: []string{"stem"}},
		{Name: "act", Op: models.OpReLU, Inputs: []string{"flat"}},
		{Name: "head", Op: models.OpLinear, Inputs: []string{"act"}, Attrs: models.Attrs{Out: 2}},
		{Name: "last", Op: models.OpReLU, Inputs: []string{"head"}},
	}}
	params, err := net.Layout()
	if err != nil {
		t.Fatal(err)
	}
	net.Params = params
	for _, p := range net.Params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			p.Data[i] = float32(i + 2)
		}
	}
	copy(net.Param("stem.weight").Data, []float32{.1, .2, 7, 8})
	net.Param("stem.bias").Data[0] = -3
	o := deadNeurons(0.5)
	o.Layers = map[string]float64{"side": 0.1, "head": 0.1}
	p := plan(t, net, o)
	pruned := apply(t, net, p)
	// side sees -3 x its weight 2 added to its bias 2, head sees relu(-3) = 0.
	if got := pruned.Param("side.bias").Data[0]; got != -4 {
		t.Errorf("side's bias %g, want -4", got)
	}
	if got := mask(pruned, "side.weight") + " " + mask(pruned, "head.weight"); got != "01 0101" {
		t.Errorf("masks of side and head %s, want 01 0101", got)
	}
	if len(p.Layers[2].Bias) != 0 || len(p.Layers[2].Dead) != 0 {
		t.Errorf("head %v changed, want it left: it is the output behind a ReLU", p.Layers[2])
	}
	sameOutputs(t, apply(t, net, plan(t, net, func() prune.Options { o.DeadNeurons = false; return o }())), pruned)
}
