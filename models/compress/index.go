package compress

import (
	"fmt"
)

// The widths of a gap in bits. The paper takes 5 for LeNets and VGG-16, 4 for
// AlexNet, and draws 3.
const (
	MinGapBits = 3
	MaxGapBits = 16
)

// Index says where the entries of a matrix are, in the order of the walk: each
// gap is how many steps lie between an entry and the one before, and the first
// gap counts from the start. A gap that Bits cannot hold is bridged by fillers,
// entries with the largest gap and the value zero, each of which goes on 2^Bits
// steps (section 2 of the paper, figure 1). No row or column has a pointer.
type Index struct {
	View
	Bits int
	Gaps []uint16
}

// Size is the number of bits of the gaps.
func (x Index) Size() int64 { return int64(len(x.Gaps)) * int64(x.Bits) }

// pattern is which elements of a matrix are stored.
type pattern struct {
	view  View
	at    []int // row-major positions, in the order of the walk
	steps []int // of the walk, to each from the one before: at least 1
}

func patternOf(v View, stored func(at int) bool) pattern {
	p := pattern{view: v}
	before := -1
	for i := range v.size() {
		if at := v.at(i); stored(at) {
			p.at, p.steps = append(p.at, at), append(p.steps, i-before)
			before = i
		}
	}
	return p
}

// entries is how many entries there are, with fillers, for gaps of that width.
func (p pattern) entries(bits int) int64 {
	n := int64(len(p.at))
	for _, d := range p.steps {
		n += int64(d-1) >> bits
	}
	return n
}

// width is the given width of a gap, or for 0 the one with which entries of
// valueBits take the fewest bits; of equals the narrowest.
func (p pattern) width(bits, valueBits int) (int, error) {
	if bits != 0 {
		return bits, checkGapBits(bits)
	}
	best, least := 0, int64(0)
	for b := MinGapBits; b <= MaxGapBits; b++ {
		if size := p.entries(b) * int64(b+valueBits); best == 0 || size < least {
			best, least = b, size
		}
	}
	return best, nil
}

func checkGapBits(bits int) error {
	if bits < MinGapBits || bits > MaxGapBits {
		return fmt.Errorf("a gap has %d bits: from %d to %d are allowed", bits, MinGapBits, MaxGapBits)
	}
	return nil
}

// index also says where the value of each entry is from: -1 for a filler.
func (p pattern) index(bits int) (x Index, from []int) {
	n := p.entries(bits)
	x = Index{View: p.view, Bits: bits, Gaps: make([]uint16, 0, n)}
	from = make([]int, 0, n)
	for i, d := range p.steps {
		for d > 1<<bits {
			x.Gaps, from = append(x.Gaps, uint16(1<<bits-1)), append(from, -1)
			d -= 1 << bits
		}
		x.Gaps, from = append(x.Gaps, uint16(d-1)), append(from, p.at[i])
	}
	return x, from
}

// gather is the value of each entry, zero for fillers.
func gather[T float32 | uint16](values []T, from []int) []T {
	entries := make([]T, len(from))
	for i, at := range from {
		if at >= 0 {
			entries[i] = values[at]
		}
	}
	return entries
}

// scatter is the matrix of these entries. It checks all that the entries could
// be wrong in; isFiller tells fillers by their value.
func scatter[T float32 | uint16](x Index, entries []T, isFiller func(T) bool) ([]T, error) {
	if err := x.check(); err != nil {
		return nil, err
	}
	if len(entries) != len(x.Gaps) {
		return nil, fmt.Errorf("%d values for %d gaps", len(entries), len(x.Gaps))
	}
	dense := make([]T, x.size())
	at := -1
	for i, gap := range x.Gaps {
		if int(gap) >= 1<<x.Bits {
			return nil, fmt.Errorf("the gap of entry %d is %d: %d bits hold less than %d", i, gap, x.Bits, 1<<x.Bits)
		}
		if isFiller(entries[i]) && int(gap) != 1<<x.Bits-1 {
			return nil, fmt.Errorf("entry %d is a filler with a gap of %d, want %d", i, gap, 1<<x.Bits-1)
		}
		if at += int(gap) + 1; at >= len(dense) {
			return nil, fmt.Errorf("entry %d is at step %d of the walk, which has %d", i, at, len(dense))
		}
		dense[x.at(at)] = entries[i]
	}
	return dense, nil
}

func (x Index) check() error {
	if err := x.View.check(); err != nil {
		return err
	}
	return checkGapBits(x.Bits)
}
