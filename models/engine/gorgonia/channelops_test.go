package gorgonia

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models/engine/kernel"
)

// opCase is an operation and the shapes of its operands.
type opCase struct {
	op     fused
	shapes []tensor.Shape
	// values makes an operand where a normal distribution does not serve: near
	// a kink a central difference is no gradient.
	values func(r *rand.Rand, n int) []float32
}

const opBatch = 3

// distinct are numbers that differ by more than twice the step.
func distinct(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i, p := range r.Perm(n) {
		x[i] = 4 * difference * float32(p-n/2)
	}
	return x
}

// smooth are numbers that are not near a kink of the activations.
func smooth(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(9)-4) + 0.25 + 0.5*r.Float32()
	}
	return x
}

func opCases() map[string]opCase {
	image := tensor.Shape{opBatch, 6, 5, 10}
	one := tensor.Shape{opBatch, 1, 1, 10}
	flat := tensor.Shape{opBatch, 7}
	pool := func(kernelSize, stride, out [2]int, pad [4]int) kernel.Window {
		return kernel.Window{H: 6, W: 5, C: 10, OH: out[0], OW: out[1], Kernel: kernelSize, Stride: stride, Pad: pad}
	}
	pairs := pool([2]int{2, 2}, [2]int{2, 2}, [2]int{3, 2}, [4]int{})
	overlap := pool([2]int{3, 3}, [2]int{2, 2}, [2]int{3, 3}, [4]int{1, 1, 1, 1})
	hanging := pool([2]int{3, 3}, [2]int{2, 2}, [2]int{3, 2}, [4]int{})
	single := pool([2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}, [4]int{})
	counted := overlap
	counted.CountPad = true
	wide := image.Clone()
	wide[3] = 3
	cases := map[string]opCase{
		"max pool":                   {newMaxPool("p", opBatch, pairs), []tensor.Shape{image}, distinct},
		"max pool that overlaps":     {newMaxPool("p", opBatch, overlap), []tensor.Shape{image}, distinct},
		"max pool that hangs over":   {newMaxPool("p", opBatch, hanging), []tensor.Shape{image}, distinct},
		"subsampling":                {newMaxPool("p", opBatch, single), []tensor.Shape{image}, nil},
		"average pool":               {newAvgPool("p", opBatch, overlap), []tensor.Shape{image}, nil},
		"average pool with padding":  {newAvgPool("p", opBatch, counted), []tensor.Shape{image}, nil},
		"global average":             {newGlobalAvgPool("p", opBatch, 6, 5, 10), []tensor.Shape{image}, nil},
		"concat":                     {newConcat("c", image, wide, image), []tensor.Shape{image, wide, image}, nil},
		"concat of features":         {newConcat("c", flat, tensor.Shape{opBatch, 2}), []tensor.Shape{flat, {opBatch, 2}}, nil},
		"channel select":             {newChannelSelect("s", image, []int{-1, 3, 3, 4, 5, 0, -1, -1, 9}), []tensor.Shape{image}, nil},
		"channel select of features": {newChannelSelect("s", flat, []int{6, 6, -1, 0, 1, 2, 3, 4}), []tensor.Shape{flat}, nil},
		"mul":                        {newMul("m", image, false), []tensor.Shape{image, image}, nil},
		"mul of features":            {newMul("m", flat, false), []tensor.Shape{flat, flat}, nil},
		"mul that spreads":           {newMul("m", image, true), []tensor.Shape{image, one}, nil},
		"lrn":                        {newLRN("l", image, kernel.LRN{Size: 5, Alpha: 0.5, Beta: 0.75, Bias: 1}), []tensor.Shape{image}, nil},
		"lrn of an even size":        {newLRN("l", image, kernel.LRN{Size: 4, Alpha: 0.5, Beta: 0.6, Bias: 2}), []tensor.Shape{image}, nil},
	}
	for name, kind := range map[string]kernel.Activation{
		"relu6": kernel.ReLU6, "leaky relu": kernel.LeakyReLU, "sigmoid": kernel.Sigmoid, "tanh": kernel.Tanh,
		"hard sigmoid": kernel.HardSigmoid, "hard swish": kernel.HardSwish, "silu": kernel.SiLU,
	} {
		cases[name] = opCase{newActivation("a", image, kind, 0.2), []tensor.Shape{image}, smooth}
		cases[name+" of features"] = opCase{newActivation("a", flat, kind, 0.2), []tensor.Shape{flat}, smooth}
	}
	return cases
}

// difference is the step of the central differences.
const difference = 1.0 / 128

// What SymDiff gives, run by Gorgonia's own machine, is what central
// differences of the operation give, and both it and the operation compute a
// sample alike in whatever pieces a batch comes.
func TestGradientsOfChannelOps(t *testing.T) {
	t.Parallel()
	for name, c := range opCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(11, uint64(len(name))))
			if c.values == nil {
				c.values = random
			}
			values := make([][]float32, len(c.shapes))
			for i, s := range c.shapes {
				values[i] = c.values(r, s.TotalSize())
			}
			y := runOp(t, c.op, c.shapes, values)
			g := random(r, len(y))
			for i, grad := range symbolicGradients(t, c, values, g) {
				if len(grad) != len(values[i]) {
					t.Fatalf("operand %d: %d gradients of %d elements", i, len(grad), len(values[i]))
				}
				for k := range grad {
					if want := numericGradient(t, c, values, i, k, g); math.Abs(float64(grad[k])-want) > 5e-4*(1+math.Abs(want)) {
						t.Fatalf("operand %d: gradient %d is %g, differences give %g", i, k, grad[k], want)
					}
				}
			}
		})
	}
}

// runOp computes the operation at once and in pieces, which must agree.
func runOp(t *testing.T, op fused, shapes []tensor.Shape, values [][]float32) []float32 {
	t.Helper()
	whole := runPieces(t, op, shapes, values, 0, opBatch)
	if pieces := runPieces(t, op, shapes, values, 0, 1, 1, 2, opBatch); !slices.Equal(whole, pieces) {
		t.Fatalf("%v: other results in pieces than at once", op)
	}
	return whole
}

func runPieces(t *testing.T, op fused, shapes []tensor.Shape, values [][]float32, cuts ...int) []float32 {
	t.Helper()
	size, err := op.InferShape()
	if err != nil {
		t.Fatal(err)
	}
	in := make([]*buffer, len(values))
	for i := range in {
		in[i] = &buffer{data: values[i], batch: true, width: sampleSize(shapes[i])}
	}
	y := make([]float32, size.TotalSize())
	for i := range y {
		y[i] = float32(math.NaN()) // what is not written shows
	}
	task := op.task(in, &buffer{data: y, batch: true, width: sampleSize(size)})
	if task.axis != overSamples {
		t.Fatalf("%v is not divided by samples", op)
	}
	for i := range cuts[1:] {
		task.run(opBatch, cuts[i], cuts[i+1])
	}
	return y
}

// symbolicGradients are those of sum(g*y) by each operand.
func symbolicGradients(t *testing.T, c opCase, values [][]float32, g []float32) [][]float32 {
	t.Helper()
	graph := G.NewGraph()
	node := func(name string, s tensor.Shape, backing []float32) *G.Node {
		return G.NewTensor(graph, tensor.Float32, len(s), G.WithShape(s...), G.WithName(name), G.WithValue(tensor.New(tensor.WithShape(s...), tensor.WithBacking(slices.Clone(backing)))))
	}
	in := make(G.Nodes, len(values))
	for i, s := range c.shapes {
		in[i] = node(string(rune('a'+i)), s, values[i])
	}
	y, err := G.ApplyOp(c.op, in...)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := c.op.(G.SDOp).SymDiff(in, y, node("g", y.Shape(), g))
	if err != nil {
		t.Fatal(err)
	}
	machine := G.NewTapeMachine(graph)
	defer machine.Close()
	if err := machine.RunAll(); err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for i, n := range grads {
		if !n.Shape().Eq(c.shapes[i]) {
			t.Fatalf("gradient of operand %d has shape %v, want %v", i, n.Shape(), c.shapes[i])
		}
		var shapes []tensor.Shape
		var operandValues [][]float32
		for _, o := range children(n) {
			shapes, operandValues = append(shapes, o.Shape()), append(operandValues, o.Value().Data().([]float32))
		}
		grad := n.Value().Data().([]float32)
		if pieces := runOp(t, n.Op().(fused), shapes, operandValues); !slices.Equal(pieces, grad) {
			t.Fatalf("gradient of operand %d: the executor's task and Gorgonia's machine disagree", i)
		}
		out = append(out, grad)
	}
	return out
}

// numericGradient is the derivative of sum(g*y) by one element.
func numericGradient(t *testing.T, c opCase, values [][]float32, operand, k int, g []float32) float64 {
	t.Helper()
	at := &values[operand][k]
	was := *at
	*at = was + difference
	up := runPieces(t, c.op, c.shapes, values, 0, opBatch)
	*at = was - difference
	down := runPieces(t, c.op, c.shapes, values, 0, opBatch)
	*at = was
	sum := 0.0
	for i := range g {
		sum += float64(g[i]) * (float64(up[i]) - float64(down[i]))
	}
	return sum / (2 * difference)
}
