package gorgonia

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// do runs an operation on Gorgonia's own values, as its machines ask for. The
// tests compare those machines with the executor.
func do(op G.Op, size tensor.Shape, values []G.Value) (G.Value, error) {
	in := make([]*buffer, len(values))
	for i, v := range values {
		var err error
		if in[i], err = bufferOf(v); err != nil {
			return nil, fmt.Errorf("%v: operand %d: %w", op, i, err)
		}
	}
	out := &buffer{data: make([]float32, size.TotalSize())}
	n := 1 // samples: of the result, or those that are summed
	if len(values) > 0 && len(values[0].Shape()) > 0 {
		n = values[0].Shape()[0]
	}
	if len(size) > 0 {
		if t, ok := op.(fused); !ok || t.task(in, out).axis == overSamples {
			_, sum := op.(reduction)
			if !sum {
				n = size[0]
			}
		}
	}
	compute(op, in, out, n)
	if len(size) == 0 {
		return G.NewF32(out.data[0]), nil
	}
	return tensor.New(tensor.WithShape(size...), tensor.WithBacking(out.data)), nil
}

// compute runs an operation for n samples in one part.
func compute(op G.Op, in []*buffer, out *buffer, n int) {
	floats := func(n int) *buffer { return &buffer{data: make([]float32, n)} }
	switch op := op.(type) {
	case reduction:
		singles, doubles := op.sums()
		sum := floats(singles)
		sum.sums = make([]float64, doubles)
		op.accumulate(in, sum, floats(op.workspace())).all(n)
		op.merge([]*buffer{sum}, out)(n, 0, 1)
	case packing:
		packed := floats(op.packed())
		for _, step := range op.pack(in, packed, floats(op.scratch())) {
			step(n, 0, 1)
		}
		op.bind(in, out, packed, floats(op.workspace())).all(n)
	case fused:
		op.task(in, out).all(n)
	}
}

// all runs the task for n samples.
func (t task) all(n int) {
	if t.begin != nil {
		t.begin(n)
	}
	switch t.axis {
	case overSamples:
		t.run(n, 0, n)
	case overFeatures:
		t.run(n, 0, t.features)
	default:
		t.run(n, 0, 1)
	}
}

func bufferOf(v G.Value) (*buffer, error) {
	switch data := v.Data().(type) {
	case []float32:
		return &buffer{data: data}, nil
	case []int32:
		return &buffer{labels: data}, nil
	case float32:
		return &buffer{data: []float32{data}}, nil
	default:
		return nil, fmt.Errorf("type %T, want float32 or int32", data)
	}
}
