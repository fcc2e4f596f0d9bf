package gorgonia

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// everything uses each operation of the graph.
func everything(t *testing.T) *models.Network {
	t.Helper()
	net := &models.Network{Name: "everything", Input: models.Shape{2, 3}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput},
		{Name: "r0", Op: models.OpReLU, Inputs: []string{"x"}},
		{Name: "flat", Op: models.OpFlatten, Inputs: []string{"r0"}},
		{Name: "a", Op: models.OpLinear, Inputs: []string{"flat"}, Attrs: models.Attrs{Out: 9}},
		{Name: "r1", Op: models.OpReLU, Inputs: []string{"a"}},
		{Name: "d", Op: models.OpDropout, Inputs: []string{"r1"}, Attrs: models.Attrs{Rate: 0.4}},
		{Name: "r2", Op: models.OpReLU, Inputs: []string{"d"}},
		{Name: "b", Op: models.OpLinear, Inputs: []string{"r2"}, Attrs: models.Attrs{Out: 4}},
	}}
	params, err := net.Layout()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range params {
		p.Data = random(r, p.Shape.Size())
	}
	net.Params = params
	return net
}

func let(t *testing.T, n *G.Node, backing any) {
	t.Helper()
	if err := G.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(backing))); err != nil {
		t.Fatal(err)
	}
}

// Gorgonia's own machine, which knows nothing of the executor, runs the same
// graph to the same bits: the executor's order, stages and sharing of memory
// lose nothing.
func TestExecutorAgreesWithGorgoniasTapeMachine(t *testing.T) {
	t.Parallel()
	const batch = 6
	net := everything(t)
	lib := blas.Gonum()
	r := rand.New(rand.NewPCG(3, 4))
	x, labels := random(r, batch*6), []int32{0, 3, 1, 1, 2, 0}

	s, err := open(net, engine.Options{Batch: batch, Seed: 9}, lib, 1)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := s.Backward(x, labels, 21)
	if err != nil {
		t.Fatal(err)
	}

	agreesWithMachine(t, net, s, loss, runMachine(t, net, mode{batch: batch, lib: lib, draw: &draw{seed: 9, step: 21}}, x, labels))
}

// So does it with a teacher.
func TestExecutorAgreesWithTheTapeMachineOnDistillation(t *testing.T) {
	t.Parallel()
	const batch = 6
	net, lib := everything(t), blas.Gonum()
	r := rand.New(rand.NewPCG(3, 4))
	x, teacher, labels := random(r, batch*6), random(r, batch*4), []int32{0, 3, 1, 1, 2, 0}
	d := engine.Distillation{Weight: 0.4, Temperature: 3}
	s, err := open(net, engine.Options{Batch: batch, Seed: 9, LabelSmoothing: 0.1, Distill: d}, lib, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Teach(teacher); err != nil {
		t.Fatal(err)
	}
	loss, err := s.Backward(x, labels, 21)
	if err != nil {
		t.Fatal(err)
	}
	agreesWithMachine(t, net, s, loss, runMachine(t, net, mode{batch: batch, lib: lib, draw: &draw{seed: 9, step: 21}, smoothing: 0.1, distill: d}, x, labels, teacher...))
}

// runMachine computes a network's training graph by Gorgonia's own machine.
func runMachine(t *testing.T, net *models.Network, m mode, x []float32, labels []int32, teacher ...float32) *graph {
	t.Helper()
	g, err := buildTraining(net, m)
	if err != nil {
		t.Fatal(err)
	}
	let(t, g.input, x)
	let(t, g.labels, labels)
	if g.teacher != nil {
		let(t, g.teacher, teacher)
	}
	for _, p := range net.Params {
		if n := g.params[p.Name]; n != nil {
			let(t, n, p.Data)
		}
	}
	machine := G.NewTapeMachine(g.g)
	defer machine.Close()
	if err := machine.RunAll(); err != nil {
		t.Fatal(err)
	}
	return g
}

// agreesWithMachine compares loss and gradients to the bit.
func agreesWithMachine(t *testing.T, net *models.Network, s *session, loss engine.Loss, g *graph) {
	t.Helper()
	if got := float64(g.cost.Value().Data().(float32)); got != loss.Mean {
		t.Errorf("%s: executor's loss %g, Gorgonia's %g", net.Name, loss.Mean, got)
	}
	for _, p := range s.Params() {
		want := g.grads[p.Name].Value().Data().([]float32)
		for i := range want {
			if math.Float32bits(p.Grad[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s: gradient of %s[%d]: executor %g, Gorgonia %g", net.Name, p.Name, i, p.Grad[i], want[i])
			}
		}
	}
}

// The same holds for images: reductions over parts of the batch, packed
// weights, values computed anew, sums that a convolution takes over.
func TestExecutorAgreesWithTapeMachineOnImages(t *testing.T) {
	t.Parallel()
	const batch = 6
	for _, arch := range []string{"lenet-5", "resnet-20"} {
		net := small(t, arch)
		r := rand.New(rand.NewPCG(3, 4))
		x, labels := random(r, batch*net.Input.Size()), []int32{0, 3, 1, 1, 2, 0}
		g := runMachine(t, net, mode{batch: batch, lib: blas.Gonum(), draw: &draw{}}, x, labels)
		for _, threads := range []int{1, 3} {
			s, err := open(net, engine.Options{Batch: batch}, blas.Gonum(), threads)
			if err != nil {
				t.Fatal(err)
			}
			loss, err := s.Backward(x, labels, 0)
			if err != nil {
				t.Fatal(err)
			}
			if want := float64(g.cost.Value().Data().(float32)); math.Abs(loss.Mean-want) > 1e-5 {
				t.Errorf("%s, %d threads: executor's loss %g, Gorgonia's %g", arch, threads, loss.Mean, want)
			}
			for _, p := range s.Params() {
				if p.Grad == nil {
					continue
				}
				want := g.grads[p.Name].Value().Data().([]float32)
				largest := 0.0
				for _, v := range want {
					largest = max(largest, math.Abs(float64(v)))
				}
				for i := range want {
					if math.Abs(float64(p.Grad[i]-want[i])) > 1e-4*largest+1e-7 {
						t.Fatalf("%s, %d threads: gradient of %s[%d]: executor %g, Gorgonia %g", arch, threads, p.Name, i, p.Grad[i], want[i])
					}
				}
			}
		}
	}
}

// A weight that two nodes share gets a gradient from each; Gorgonia adds them
// by an operation of its own. The activations between them add up likewise.
func TestSumsThatGorgoniaInserts(t *testing.T) {
	t.Parallel()
	const batch, width = 40, 5
	lib := blas.Gonum()
	r := rand.New(rand.NewPCG(5, 6))
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(batch, width), G.WithName("x"))
	w := G.NewMatrix(g, tensor.Float32, G.WithShape(width, width), G.WithName("w"))
	b := G.NewVector(g, tensor.Float32, G.WithShape(width), G.WithName("b"))
	labels := G.NewVector(g, tensor.Int32, G.WithShape(batch), G.WithName("labels"))
	apply := func(op G.Op, in ...*G.Node) *G.Node {
		n, err := G.ApplyOp(op, in...)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	h := apply(newLinear(lib, "one", batch, width, width, true, false), x, w, b)
	// h feeds two nodes, whose results meet again in Gorgonia's own addition. No
	// relu: its kink would spoil the numeric derivative.
	two := apply(newLinear(lib, "two", batch, width, width, true, false), h, w, b)
	three := apply(newLinear(lib, "three", batch, width, width, true, false), h, w, b)
	logits, err := G.Add(two, three)
	if err != nil {
		t.Fatal(err)
	}
	cost := apply(newMean(), apply(newCrossEntropy(batch, width, 0), logits, labels))
	grads, err := G.Grad(cost, w, b)
	if err != nil {
		t.Fatal(err)
	}

	xs, ws, bs := random(r, batch*width), random(r, width*width), random(r, width)
	classes := make([]int32, batch)
	for i := range classes {
		classes[i] = int32(i % width)
	}
	given := map[*G.Node]*buffer{
		x: {data: xs, batch: true, width: width}, w: {data: ws}, b: {data: bs},
		labels: {labels: classes, batch: true},
	}
	results := []*G.Node{cost, grads[0], grads[1]}
	p, err := compile(source{graph: g, batch: batch, threads: 2, given: given, results: results, least: 16, grain: 8})
	if err != nil {
		t.Fatal(err)
	}
	p.place(newArena(p.memory()))
	p.run(batch)

	loss := func() float64 {
		p.run(batch)
		return float64(p.result(cost).data[0])
	}
	for k, values := range [][]float32{ws, bs} {
		got := append([]float32(nil), p.result(grads[k]).data...)
		for i := range values {
			const step = 1e-2
			was := values[i]
			values[i] = was + step
			up := loss()
			values[i] = was - step
			down := loss()
			values[i] = was
			if want := (up - down) / (2 * step); math.Abs(float64(got[i])-want) > 5e-3*(1+math.Abs(want)) {
				t.Errorf("operand %d, gradient %d = %g, want %g", k, i, got[i], want)
			}
		}
	}
}

func TestForeignOperationIsRefused(t *testing.T) {
	t.Parallel()
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(2, 2), G.WithName("x"))
	y, err := G.Tanh(x)
	if err != nil {
		t.Fatal(err)
	}
	given := map[*G.Node]*buffer{x: {data: make([]float32, 4), batch: true, width: 2}}
	_, err = compile(source{graph: g, batch: 2, threads: 1, given: given, results: []*G.Node{y}})
	if err == nil || !strings.Contains(err.Error(), "not one that the executor knows") {
		t.Errorf("error %v, want one that names the operation", err)
	}
}

// The input's gradient costs a matrix product as large as the weights' and
// nobody reads it.
func TestInputGradientIsNotComputed(t *testing.T) {
	t.Parallel()
	s, err := open(everything(t), engine.Options{Batch: 4}, blas.Gonum(), 1)
	if err != nil {
		t.Fatal(err)
	}
	// 3 tasks of node b and 2 of a (weights, bias), 4 of the loss, 2 forward
	// linears, 2 relus and their gradients down to a's, dropout both ways.
	var tasks int
	for _, stage := range s.train.stages {
		tasks += len(stage.parts[0].tasks) + len(stage.parts[0].shares)
	}
	if want := 3 + 2 + 4 + 2 + 2 + 2 + 2; tasks != want {
		t.Errorf("%d tasks a step, want %d", tasks, want)
	}
	if len(s.train.stages) != 2 {
		t.Errorf("%d stages, want 2: by samples, by features", len(s.train.stages))
	}
}

func TestOperationsRefuseForeignTypes(t *testing.T) {
	t.Parallel()
	op := newReLU("r", tensor.Shape{1, 1})
	v := tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float64{1}))
	if _, err := op.Do(v); err == nil || !strings.Contains(err.Error(), "type []float64, want float32") {
		t.Errorf("error %v, want one that names the type", err)
	}
}
