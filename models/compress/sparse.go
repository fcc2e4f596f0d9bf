package compress

import (
	"fmt"
)

// Sparse is a matrix of weights as gaps and values: those that are not +0, and
// fillers.
type Sparse struct {
	Index
	Values []float32 // one for each gap; +0 for a filler
}

// valueBits is the width of a weight that is not shared.
const valueBits = 32

// Encode stores a matrix, given row-major. Gaps have gapBits bits, or for 0 as
// many as make it smallest. It fails on a view that does not fit the values and
// on gapBits that are not from MinGapBits to MaxGapBits.
func Encode(values []float32, v View, gapBits int) (Sparse, error) {
	if err := fits(len(values), v); err != nil {
		return Sparse{}, err
	}
	p := patternOf(v, func(at int) bool { return isStored(values[at]) })
	bits, err := p.width(gapBits, valueBits)
	if err != nil {
		return Sparse{}, err
	}
	x, from := p.index(bits)
	return Sparse{Index: x, Values: gather(values, from)}, nil
}

// Decode is the matrix, row-major: what was encoded, bit for bit. It fails on
// what [Encode] does not return, and then says which entry is wrong.
func (s Sparse) Decode() ([]float32, error) {
	return scatter(s.Index, s.Values, func(v float32) bool { return !isStored(v) })
}

// Size is the number of bits by the paper's rule: for each entry, fillers too,
// its gap and its value.
func (s Sparse) Size() int64 { return s.Index.Size() + valueBits*int64(len(s.Gaps)) }

func fits(n int, v View) error {
	if err := v.check(); err != nil {
		return err
	}
	if n != v.size() {
		return fmt.Errorf("%d values are no matrix of %d x %d", n, v.Rows, v.Columns)
	}
	return nil
}
