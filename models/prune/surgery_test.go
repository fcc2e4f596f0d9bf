package prune_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune"
)

func TestApplyRefusesOtherPlans(t *testing.T) {
	t.Parallel()
	o := han(0.5)
	o.AdjustDropout = true
	for name, c := range map[string]struct {
		change func(*prune.Plan)
		want   string
	}{
		"unknown layer":    {func(p *prune.Plan) { p.Layers[0].Param = "fc9.weight" }, `layer fc1: the network has no weight "fc9.weight" there`},
		"a bias":           {func(p *prune.Plan) { p.Layers[0].Param = "fc1.bias" }, `no weight "fc1.bias" there`},
		"another's weight": {func(p *prune.Plan) { p.Layers[0].Param = "fc2.weight" }, `no weight "fc2.weight" there`},
		"other size":       {func(p *prune.Plan) { p.Layers[0].Weights = 7 }, "the plan is for 7 weights, the network has 24"},
		"other start":      {func(p *prune.Plan) { p.Layers[0].Before = 20 }, "the plan starts from 20 weights, the network has 24 left"},
		"wrong count":      {func(p *prune.Plan) { p.Layers[0].After++ }, "the plan's mask leaves 12 weights, the plan says 13"},
		"short mask":       {func(p *prune.Plan) { p.Layers[0].Mask = p.Layers[0].Mask[:2] }, "the plan's mask has 2 bytes, 24 weights need 3"},
		"empty mask":       {func(p *prune.Plan) { p.Layers[0].Mask, p.Layers[0].After = make(prune.Mask, 3), 0 }, "at least 1 must stay"},
		"layer twice":      {func(p *prune.Plan) { p.Layers = append(p.Layers, p.Layers[0]) }, "the plan starts from 24 weights, the network has 12 left"},
		"no such neuron":   {func(p *prune.Plan) { p.Layers[1].Bias = []prune.Bias{{Neuron: 3, Value: 1}} }, "layer fc2: the plan sets bias 3 of 3 to 1"},
		"negative neuron":  {func(p *prune.Plan) { p.Layers[1].Bias = []prune.Bias{{Neuron: -1, Value: 1}} }, "the plan sets bias -1 of 3"},
		"bias NaN":         {func(p *prune.Plan) { p.Layers[1].Bias = []prune.Bias{{Value: float32(math.NaN())}} }, "the plan sets bias 0 of 3 to NaN"},
		"unknown dropout":  {func(p *prune.Plan) { p.Dropout[0].Node = "fc1" }, "dropout fc1: the network has no such node"},
		"other rate":       {func(p *prune.Plan) { p.Dropout[0].From = 0.4 }, "dropout drop1: the plan starts from rate 0.4, the network has 0.5"},
		"higher rate":      {func(p *prune.Plan) { p.Dropout[0].To = 0.6 }, "the plan sets rate 0.6, allowed is 0 to 0.5"},
		"rate NaN":         {func(p *prune.Plan) { p.Dropout[0].To = math.NaN() }, "the plan sets rate NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := mlp(t, 1, 4, 6)
			p := plan(t, net, o)
			if len(p.Dropout) != 1 {
				t.Fatalf("%d dropout changes, want 1", len(p.Dropout))
			}
			c.change(p)
			before := net.Clone()
			if _, err := prune.Apply(net, p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Apply error %v, want it to say %q", err, c.want)
			}
			if diff := cmp.Diff(before, net); diff != "" {
				t.Errorf("a refused plan changed the network:\n%s", diff)
			}
		})
	}
}

func TestApplyRefusesPrunedAgain(t *testing.T) {
	t.Parallel()
	net := with(t, 2, []int{2}, []float32{1, 2, 3, 4}, []float32{1, 2, 3, 4, 5, 6})
	p := plan(t, net, han(0.5))
	once := apply(t, net, p)
	if _, err := prune.Apply(once, p); err == nil || !strings.Contains(err.Error(), "starts from 4 weights, the network has 2 left") {
		t.Errorf("applying a plan twice: %v", err)
	}
	other := plan(t, once, han(0.5))
	other.Layers[0].Mask = prune.NewMask([]bool{true, false, false, true})
	if _, err := prune.Apply(once, other); err == nil || !strings.Contains(err.Error(), "keeps weight 0, which is pruned already") {
		t.Errorf("a plan that brings a weight back: %v", err)
	}
}

func TestUntouchedLayersStayDense(t *testing.T) {
	t.Parallel()
	net := mlp(t, 1, 4, 6)
	o := han(0.5)
	o.Exclude = []string{"fc2"}
	pruned := apply(t, net, plan(t, net, o))
	if pruned.Param("fc2.weight").Mask != nil || pruned.Param("fc1.bias").Mask != nil || pruned.Param("fc1.weight").Mask == nil {
		t.Error("want a mask on fc1.weight and nowhere else")
	}
}

func TestDropoutFollowsConnections(t *testing.T) {
	t.Parallel()
	// Han et al. 2015: keeping 8 % of the connections turns 0.5 into 0.141.
	net := mlp(t, 1, 100, 10)
	o := han(0.92)
	o.Exclude, o.AdjustDropout = []string{"fc2"}, true
	p := plan(t, net, o)
	if got := p.Dropout[0].To; math.Abs(got-0.1414) > 0.0001 {
		t.Errorf("rate %g, want 0.1414", got)
	}
	if node, _ := apply(t, net, p).Node("drop1"); node.Attrs.Rate != p.Dropout[0].To {
		t.Errorf("the pruned network's rate is %g, the plan's %g", node.Attrs.Rate, p.Dropout[0].To)
	}
}

func TestDropoutComposesOverPasses(t *testing.T) {
	t.Parallel()
	net := mlp(t, 1, 50, 20)
	for pass := 1; pass <= 4; pass++ {
		sparsity, err := prune.At("geometric", pass, 4, 0, 0.92)
		if err != nil {
			t.Fatal(err)
		}
		o := han(sparsity)
		o.AdjustDropout, o.DeadNeurons = true, pass == 2
		net = retrained(apply(t, net, plan(t, net, o)), uint64(pass))
	}
	left := float64(ones(mask(net, "fc1.weight")))
	node, _ := net.Node("drop1")
	if want := 0.5 * math.Sqrt(left/1000); math.Abs(node.Attrs.Rate-want) > 1e-12 {
		t.Errorf("rate after 4 passes %g, want %g", node.Attrs.Rate, want)
	}
	again := han(0.5) // below what there is: nothing goes, so nothing changes
	again.AdjustDropout = true
	if p := plan(t, net, again); len(p.Dropout) != 0 {
		t.Errorf("dropout %v changes although no weight goes", p.Dropout)
	}
}

func TestDropoutOnTheInputStays(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: "drop first", Input: models.Shape{4}, Nodes: []models.Node{
		{Name: "in", Op: models.OpInput},
		{Name: "drop", Op: models.OpDropout, Inputs: []string{"in"}, Attrs: models.Attrs{Rate: 0.2}},
		{Name: "fc", Op: models.OpLinear, Inputs: []string{"drop"}, Attrs: models.Attrs{Out: 1}},
	}, Params: []*models.Param{
		{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Shape: models.Shape{1, 4}, Data: []float32{1, 2, 3, 4}},
		{Name: "fc.bias", Node: "fc", Role: models.RoleBias, Shape: models.Shape{1}, Data: []float32{1}},
	}}
	o := deadNeurons(0.5)
	o.AdjustDropout = true
	if p := plan(t, net, o); len(p.Dropout) != 0 || p.Layers[0].After != 2 {
		t.Errorf("plan %v, want 2 weights to stay and no dropout to change", p)
	}
}
