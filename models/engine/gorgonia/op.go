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
	// It is called for each part of a batch, so that what it allocates is the
	// part's own.
	task(in []*buffer, out *buffer) task
	// inPlace is the operand whose memory the result may take, or -1.
	inPlace() int
}

// reduction is an operation that sums over samples: every part adds up its
// own, and at the next stage the parts' sums are merged in their order.
type reduction interface {
	G.Op
	// sums is how large the sum of a part is.
	sums() (singles, doubles int)
	workspace() int
	// accumulate adds the samples to the part's sum, which begin clears.
	accumulate(in []*buffer, sum, workspace *buffer) task
	// merge makes the result of the parts' sums.
	merge(sums []*buffer, out *buffer) share
	// replicated says that every part merges for itself alone what all of them
	// read at once; otherwise they share the work.
	replicated() bool
}

// packing is an operation over samples that first brings parameters into
// another form.
type packing interface {
	G.Op
	packed() int  // elements of the form
	scratch() int // elements needed while packing
	workspace() int
	// pack are the steps, each of which needs the one before to be complete.
	pack(in []*buffer, packed, scratch *buffer) []share
	bind(in []*buffer, out, packed, workspace *buffer) task
}

// weighty is a packing whose weights lie elsewhere than in its packed form.
type weighty interface {
	// weights are how many elements each chunk reads of them.
	weights() int
}

// share does part's share of a piece of work; n is the number of samples.
type share func(n, part, parts int)

// buffer is an operand as a task sees it: the value of one node of the graph,
// or of a batch the rows at hand, beginning with sample first.
type buffer struct {
	data   []float32
	labels []int32   // instead of data, for class numbers
	sums   []float64 // besides data, for the sums of a reduction
	first  int
	batch  bool // the outermost axis counts samples
	width  int  // elements of a sample, or of all where batch is false
}

// axis says along which axis a task may be divided.
type axis int

const (
	overSamples  axis = iota // a sample's result depends on the same sample of the operands
	overFeatures             // needs all samples; columns of the result are independent
	overNothing              // all at once
)

// task computes one node from its operands.
type task struct {
	axis     axis
	features int // extent of the axis where it is overFeatures
	// begin, if any, comes before a part's first samples.
	begin func(n int)
	// run covers the range lo to hi of the axis. Over samples the numbers are
	// those of rows of the buffers at hand. n is the number of samples of the
	// batch. Ranges may run at the same time.
	run func(n, lo, hi int)
	// columns, if any, does a part's share of the result's columns, for all
	// rows: how parts share a task over fewer samples than there are parts.
	// Begin comes before it too. work is about the number of multiplications for
	// a sample.
	columns func(lo, hi, part, parts int)
	work    int
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

// types are the types of nodes, for a signature.
func types(nodes ...*G.Node) []hm.Type {
	in := make([]hm.Type, len(nodes))
	for i, n := range nodes {
		in[i] = tensorOf(len(n.Shape()))
	}
	return in
}

// gradients says that an operation is differentiable by each of n operands.
func gradients(n int) []bool {
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	return all
}

func sampleSize(s tensor.Shape) int { return s[1:].TotalSize() }
