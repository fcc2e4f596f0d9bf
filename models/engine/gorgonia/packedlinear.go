package gorgonia

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"

	"espalier/models/engine/gemm"
)

// packedLinear is a linear node for inference: with the batch normalization
// behind it, if there is one, and with weights packed for few samples at a
// time, if they do not change. BLAS libraries pack the weights in every call,
// which takes longer than the product does with few samples. Operands: x, W, b,
// those of the normalization.
type packedLinear struct {
	*linear
	norm   *normAttrs
	panels bool
}

// perWeight is what reading a weight once costs beside a multiplication of a
// convolution, which uses it for many pixels.
const perWeight = 16

// few is how many samples are multiplied by packed weights.
const few = 8

func newPackedLinear(of *linear, norm *normAttrs, panels bool, in []hm.Type) *packedLinear {
	of.signature.in, of.name = in, of.name+" packed"
	return &packedLinear{of, norm, panels}
}

func (o *packedLinear) Do(v ...G.Value) (G.Value, error) { return do(o, o.size, v) }
func (o *packedLinear) scratch() int                     { return 0 }
func (o *packedLinear) workspace() int                   { return 0 }

// packed are the panels, the folded weights and the folded bias.
func (o *packedLinear) packed() int {
	at, n := o.folded()
	return at + n
}

// folded is where the folded parameters begin and how many they are.
func (o *packedLinear) folded() (at, n int) {
	if o.panels {
		at = gemm.PackedLen(o.in, o.out)
	}
	if o.norm != nil {
		n = (o.in + 1) * o.out
	}
	return at, n
}

func (o *packedLinear) pack(in []*buffer, packed, _ *buffer) []share {
	var steps []share
	w, at, size := in[1], 0, o.in*o.out
	if o.norm != nil {
		var b *buffer
		norm := in[2:]
		if o.bias {
			b, norm = in[2], in[3:]
		}
		at, _ = o.folded()
		f := newFold(o.norm, b, w, norm, o.out)
		steps = append(steps, func(_, part, parts int) {
			f.run(packed.data[at:at+size], packed.data[at+size:], part, parts)
		})
	}
	if o.panels {
		steps = append(steps, func(_, part, parts int) {
			from := w.data
			if o.norm != nil {
				from = packed.data[at:]
			}
			if lo, hi := panels(o.out, part, parts); lo < hi {
				gemm.PackT(packed.data[lo*o.in:], from[lo*o.in:], o.in, hi-lo, o.in)
			}
		})
	}
	return steps
}

// panels are the part's columns of n: whole panels of the packed form.
func panels(n, part, parts int) (lo, hi int) {
	all := (n + gemm.Width - 1) / gemm.Width
	return all * part / parts * gemm.Width, min(n, all*(part+1)/parts*gemm.Width)
}

func (o *packedLinear) bind(in []*buffer, out, packed, _ *buffer) task {
	at, n := o.folded()
	x, w, b := in[0], in[1], (*buffer)(nil)
	if o.bias {
		b = in[2]
	}
	begin := func(int) {}
	if o.norm != nil {
		w, b = new(buffer), new(buffer)
		begin = func(int) { w.data, b.data = packed.data[at:at+o.in*o.out], packed.data[at+o.in*o.out:at+n] }
	}
	t := o.product(x, w, b, out)
	t.begin = begin
	if !o.panels {
		return t
	}
	whole, rows, results, taps := t.run, make([]int32, few), make([]int32, few), []int32{0}
	for i := range few {
		rows[i], results[i] = int32(i*o.in), int32(i*o.out)
	}
	multiply := func(lo, hi, from, to int) {
		e := gemm.Epilogue{ReLU: o.relu}
		if b != nil {
			e.Bias = b.data
		}
		left := gemm.Left{Data: x.data[lo*o.in : hi*o.in], Rows: rows[:hi-lo], Taps: taps, Span: o.in}
		gemm.Mul(out.data[lo*o.out:hi*o.out], results[:hi-lo], left, packed.data, o.out, from, to, e)
	}
	t.run = func(n, lo, hi int) {
		if hi-lo > few {
			whole(n, lo, hi)
			return
		}
		multiply(lo, hi, 0, o.out)
	}
	t.columns = func(lo, hi, part, parts int) {
		from, to := panels(o.out, part, parts)
		for ; lo < hi && from < to; lo += few {
			multiply(lo, min(hi, lo+few), from, to)
		}
	}
	t.work = perWeight * o.in * o.out
	return t
}
