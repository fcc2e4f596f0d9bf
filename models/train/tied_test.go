package train_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/train"
)

// rounded makes the weights of a network share values: multiples of a step.
func rounded(net *models.Network, step float64) *models.Network {
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			for i, v := range p.Data {
				p.Data[i] = float32(math.Round(float64(v)/step)*step) + 0 // no -0
			}
		}
	}
	return net
}

// distinct is the number of values in a tensor.
func distinct(values []float32) int {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return len(slices.Compact(sorted))
}

// The values that most weights have are shared; a free weight that equals
// another is a centroid of its own all the same.
func TestFreeWeightsAreTiedToNone(t *testing.T) {
	t.Parallel()
	net := &models.Network{Params: []*models.Param{
		{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Data: []float32{3, 2, -1, 0, 2, 5, 3, -1, 2}},
		{Name: "fc.bias", Node: "fc", Role: models.RoleBias, Data: []float32{1, 1, 4}},
		{Name: "out.weight", Node: "out", Role: models.RoleWeight, Data: []float32{1, 1}},
	}}
	most := func(p *models.Param) int {
		return map[models.Role]int{models.RoleWeight: 2, models.RoleBias: 7}[p.Role]
	}
	want := []train.Tie{
		{Param: "fc.weight", Codes: []int32{3, 2, 1, 0, 2, 4, 5, 1, 2}},
		{Param: "fc.bias", Codes: []int32{1, 1, 2}},
	}
	if diff := cmp.Diff(want, train.TiesAmongFree(net, []string{"out"}, true, most)); diff != "" {
		t.Error(diff)
	}
}

// One or two steps of plain descent with rate 1, worked by hand.
func TestACentroidMovesByTheSumOfItsGradients(t *testing.T) {
	t.Parallel()
	weight, gradient := []float32{2, -1, 2, 0, -1, 2}, []float32{1, 2, 3, 100, -4, 0.5}
	codes := []int32{2, 1, 2, 0, 1, 2}
	for name, c := range map[string]struct {
		o         train.Options
		gradients [][]float32
		low, high float32 // the centroids
	}{
		"sum":                      {train.Options{}, [][]float32{gradient}, -1 + 2, 2 - 4.5},
		"mean":                     {train.Options{MeanGradient: true}, [][]float32{gradient}, -1 + 1, 2 - 1.5},
		"a penalty on each weight": {train.Options{L2: train.Penalty{Weight: 0.25}, L1: train.Penalty{Weight: 0.5}}, [][]float32{gradient}, -1 + 2 + 2*0.25 + 2*0.5, 2 - 4.5 - 3*0.5 - 3*0.5},
		"decay of the centroid":    {train.Options{Optimizer: train.Optimizer{WeightDecay: 0.5}}, [][]float32{gradient}, -1 + 2 + 0.5, 2 - 4.5 - 1},
		"one momentum":             {train.Options{Optimizer: train.Optimizer{Momentum: 0.5}}, [][]float32{gradient, gradient}, -1 + 2 + 3, 2 - 4.5 - 6.75},
		"the norm is of centroids": {train.Options{Clip: math.Hypot(2, 4.5) / 2}, [][]float32{gradient}, -1 + 1, 2 - 2.25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Optimizer.Kind, c.o.Optimizer.LR = train.SGD, 1
			c.o.Ties = []train.Tie{{Param: "fc.weight", Codes: codes}}
			trainer, _ := onGiven(t, c.o, slices.Clone(weight), nil, c.gradients)
			run(t, trainer, -1)
			got, want := trainer.Result().Params[0].Data, []float32{c.high, c.low, c.high, 0, c.low, c.high}
			if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
				t.Errorf("weights %v, want %v", got, want)
			}
		})
	}
}

// Whatever moves the centroids: weights that were equal stay equal, and zeros 0.
func TestTiedWeightsStayEqual(t *testing.T) {
	t.Parallel()
	for oname, optimizer := range map[string]train.Optimizer{"sgd": plain, "momentum": momentum, "nesterov": nesterov, "adam": adam, "adamw": adamw} {
		t.Run(oname, func(t *testing.T) {
			t.Parallel()
			net := rounded(prune(network(0.4, 1), 0.4, 2), 0.25)
			o := options(optimizer)
			o.EMA, o.L1, o.Ties = 0.9, train.Penalty{Weight: 1e-4}, train.Ties(net, nil, false)
			trainer := start(t, net, o, nil)
			for !trainer.Done() {
				run(t, trainer, 1)
				for _, at := range []*models.Network{trainer.Result(), trainer.Candidate()} {
					equal(t, o.Ties, at)
				}
			}
			if after := trainer.Result(); slices.Equal(after.Params[0].Data, net.Params[0].Data) || slices.Equal(after.Params[1].Data, net.Params[1].Data) {
				t.Error("the weights or the biases did not move")
			}
		})
	}
}

// equal checks that a network keeps the ties.
func equal(t *testing.T, ties []train.Tie, net *models.Network) {
	t.Helper()
	for _, tie := range ties {
		p := net.Param(tie.Param)
		centroids := map[int32]float32{0: 0}
		for i, v := range p.Data {
			first, ok := centroids[tie.Codes[i]]
			if !ok {
				centroids[tie.Codes[i]], first = v, v
			}
			if math.Float32bits(v) != math.Float32bits(first) || p.Mask != nil && !p.Mask[i] && v != 0 {
				t.Fatalf("%s[%d] = %g, others of its centroid are %g", tie.Param, i, v, first)
			}
		}
	}
}

func TestTiesAreOfEqualWeights(t *testing.T) {
	t.Parallel()
	net := rounded(prune(network(0, 1), 0.4, 2), 0.5)
	ties := train.Ties(net, []string{"fc2"}, false)
	if len(ties) != 1 || ties[0].Param != "fc1.weight" {
		t.Fatalf("ties %+v, want those of fc1.weight alone", ties)
	}
	equal(t, ties, net)
	if got, want := int(slices.Max(ties[0].Codes)), distinct(net.Params[0].Data)-1; got != want {
		t.Errorf("%d centroids, want %d, the values other than 0", got, want)
	}
}

func TestResumeOfTiedWeightsIsExact(t *testing.T) {
	t.Parallel()
	for oname, optimizer := range map[string]train.Optimizer{"sgd": plain, "nesterov": nesterov, "adamw": adamw} {
		t.Run(oname, func(t *testing.T) {
			t.Parallel()
			for i, exclude := range [][]string{nil, {"fc1"}} {
				net := rounded(prune(normalized(0.4, 1), 0.3, 2), 0.25)
				o := options(optimizer)
				o.EMA, o.Clip, o.MeanGradient, o.Ties = 0.9, 0.5, i > 0, train.Ties(net, exclude, false)
				interrupt(t, net, o, uint64(i))
			}
		})
	}
}

func TestResumeOfTiedWeightsIsExactOnGorgonia(t *testing.T) {
	t.Parallel()
	r := newReal(t, 500)
	net := rounded(digits(t), 0.02)
	r.o.Optimizer.LR, r.o.Ties = 0.002, train.Ties(net, nil, false)
	r.interrupted(t, net, 1, 9, 5, -1)
	trainer := r.start(t, &checkpoint.Checkpoint{Network: net})
	run(t, trainer, -1)
	equal(t, r.o.Ties, trainer.Result())
}

// The gradient of a centroid is the numeric derivative of the loss.
func TestCentroidGradientIsTheDerivative(t *testing.T) {
	t.Parallel()
	net := rounded(prune(network(0, 5), 0.2, 3), 0.5)
	o := options(train.Optimizer{Kind: train.SGD, LR: 1})
	o.Schedule, o.Ties = train.Schedule{Kind: train.Constant}, train.Ties(net, nil, false)
	trainer := start(t, net, o, nil)
	run(t, trainer, 1)
	moved := trainer.Result()
	x, labels, err := newClusters(samples, o.Seed).Batch(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	x, labels = slices.Clone(x), slices.Clone(labels)
	loss := func(param string, codes []int32, code int32, by float32) float64 {
		shifted := net.Clone()
		for i, c := range codes {
			if c == code {
				shifted.Param(param).Data[i] += by
			}
		}
		l, err := open(shifted, o.Seed).Backward(x, labels, 0)
		if err != nil {
			t.Fatal(err)
		}
		return l.Mean
	}
	const h = 1.0 / 256
	for _, tie := range o.Ties {
		for code := int32(1); code <= slices.Max(tie.Codes); code++ {
			want := (loss(tie.Param, tie.Codes, code, h) - loss(tie.Param, tie.Codes, code, -h)) / (2 * h)
			at := slices.Index(tie.Codes, code)
			if got := float64(net.Param(tie.Param).Data[at] - moved.Param(tie.Param).Data[at]); !(math.Abs(got-want) < 2e-3*(1+math.Abs(want))) {
				t.Errorf("%s: gradient of centroid %d = %g, the derivative is %g", tie.Param, code, got, want)
			}
		}
	}
}

func TestTiesThatDoNotFit(t *testing.T) {
	t.Parallel()
	net := rounded(network(0, 1), 0.5)
	good := train.Ties(net, nil, false)[0]
	with := func(change func(codes []int32)) []train.Tie {
		tie := train.Tie{Param: good.Param, Codes: slices.Clone(good.Codes)}
		change(tie.Codes)
		return []train.Tie{tie}
	}
	first := slices.IndexFunc(good.Codes, func(c int32) bool { return c > 0 })
	for name, c := range map[string]struct {
		ties     []train.Tie
		proximal []train.Proximal
		want     string
	}{
		"no such parameter":  {[]train.Tie{{Param: "fc9.weight"}}, nil, `no trained parameter "fc9.weight"`},
		"twice":              {[]train.Tie{good, good}, nil, "named twice"},
		"too few codes":      {[]train.Tie{{Param: good.Param, Codes: good.Codes[1:]}}, nil, "53 codes for 54 weights"},
		"a negative code":    {with(func(codes []int32) { codes[0] = -1 }), nil, "negative"},
		"a code too large":   {with(func(codes []int32) { codes[0] = 1 << 30 }), nil, "more than there are weights"},
		"a gap":              {with(func(codes []int32) { codes[first] = slices.Max(codes) + 2 }), nil, "no weight has code"},
		"a weight left over": {with(func(codes []int32) { codes[first] = 0 }), nil, "has no centroid, want 0"},
		"unequal weights":    {with(func(codes []int32) { codes[first] = codes[first]%slices.Max(codes) + 1 }), nil, "the weights of code"},
		"proximal steps":     {[]train.Tie{good}, []train.Proximal{{Param: good.Param, Lambda: 1}}, "leave no shared values"},
	} {
		o := options(plain)
		o.Ties, o.Proximal = c.ties, c.proximal
		if _, err := train.New(net, open(net, o.Seed), newClusters(samples, o.Seed), o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
