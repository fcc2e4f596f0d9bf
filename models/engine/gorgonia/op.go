package gorgonia

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fused is an operation of ours. Gorgonia sees an Op that it can type, shape
// and, where it is an SDOp, differentiate; the executor sees a task.
type fused interface {
	G.Op
	// task binds the operation to its operands. It does not read or write them.
	task(in []*buffer, out *buffer) task
	// inPlace is the operand whose memory the result may take, or -1.
	inPlace() int
}

// buffer is an operand: the value of one node of the graph.
type buffer struct {
	data   []float32
	labels []int32 // instead of data, for class numbers
	batch  bool    // the outermost axis counts samples
	width  int     // elements of a sample, or of all where batch is false
	size   int     // elements of all
	over   *buffer // whose memory this one takes over, or nil
}

// axis says along which axis a task may be divided.
type axis int

const (
	overSamples  axis = iota // a sample's result depends on the same sample of the operands
	overFeatures             // needs all samples; columns of the result are independent
	overNothing              // all at once
)

// task computes one node from its operands. run covers the range lo to hi of
// the axis, of the first n samples of a batch; ranges may run at the same time.
type task struct {
	axis     axis
	features int // extent of the axis where it is overFeatures
	run      func(n, lo, hi int)
}

// extent is the length of the task's axis for n samples.
func (t *task) extent(n int) int {
	switch t.axis {
	case overSamples:
		return n
	case overFeatures:
		return t.features
	default:
		return 1
	}
}

// signature is what Gorgonia wants to know of every operation. Name is part of
// the node's identity: Gorgonia merges nodes whose name and operands agree.
type signature struct {
	name string
	in   []hm.Type
	out  hm.Type
	size tensor.Shape
}

func (s *signature) Arity() int           { return len(s.in) }
func (s *signature) ReturnsPtr() bool     { return true }
func (s *signature) CallsExtern() bool    { return false }
func (s *signature) OverwritesInput() int { return -1 }
func (s *signature) String() string       { return s.name }
func (s *signature) inPlace() int         { return -1 }

// Type makes a new function type at each call, for Gorgonia recycles it.
func (s *signature) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type(nil), s.in...), s.out)...)
}

func (s *signature) InferShape(...G.DimSizer) (tensor.Shape, error) { return s.size.Clone(), nil }

func (s *signature) WriteHash(h hash.Hash) { fmt.Fprint(h, s.name, s.size) }

func (s *signature) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

func matrix() hm.Type { return G.TensorType{Dims: 2, Of: tensor.Float32} }
func vector() hm.Type { return G.TensorType{Dims: 1, Of: tensor.Float32} }
func tensorOf(dims int) hm.Type {
	return G.TensorType{Dims: dims, Of: tensor.Float32}
}

// do runs an operation on Gorgonia's own values, as its machines ask for. The
// tests compare those machines with the executor.
func do(op fused, size tensor.Shape, values []G.Value) (G.Value, error) {
	in := make([]*buffer, len(values))
	for i, v := range values {
		var err error
		if in[i], err = bufferOf(v); err != nil {
			return nil, fmt.Errorf("%v: operand %d: %w", op, i, err)
		}
	}
	out := &buffer{data: make([]float32, size.TotalSize())}
	t := op.task(in, out)
	n := 1
	if len(size) > 0 {
		n = size[0]
	}
	if t.axis != overSamples && len(values) > 0 && len(values[len(values)-1].Shape()) > 0 {
		n = values[len(values)-1].Shape()[0] // the samples that are summed
	}
	t.run(n, 0, t.extent(n))
	if len(size) == 0 {
		return G.NewF32(out.data[0]), nil
	}
	return tensor.New(tensor.WithShape(size...), tensor.WithBacking(out.data)), nil
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
