package arith

import "math/bits"

// Tree codes numbers of a fixed width in bits by their bits, the first one
// first, each with a probability that depends on those before it.
type Tree struct {
	width int
	probs []Prob
}

// NewTree is for numbers of at most 16 bits.
func NewTree(width int) *Tree { return &Tree{width, NewProbs(1 << width)} }

// Encode writes a number below 2^width.
func (t *Tree) Encode(e *Encoder, v uint32) {
	node := uint32(1)
	for i := t.width - 1; i >= 0; i-- {
		bit := v >> i & 1
		e.Bit(&t.probs[node], int(bit))
		node = node<<1 | bit
	}
}

// Decode reads one.
func (t *Tree) Decode(d *Decoder) uint32 {
	node := uint32(1)
	for range t.width {
		node = node<<1 | uint32(d.Bit(&t.probs[node]))
	}
	return node - 1<<t.width
}

// Gamma codes numbers of any size, small ones with few decisions: how many bits
// v+1 has, in ones that end in a zero, then those bits. The first learned of
// them have probabilities of their own; the rest are as probable as not.
type Gamma struct {
	length []Prob
	top    [33]*Tree
}

// learned is how many bits below the first of a number are learned.
const learned = 3

// NewGamma is for numbers of less than 32 bits.
func NewGamma() *Gamma { return &Gamma{length: NewProbs(32)} }

func (g *Gamma) tree(width int) *Tree {
	if g.top[width] == nil {
		g.top[width] = NewTree(min(width, learned))
	}
	return g.top[width]
}

// Encode writes a number below 2^32 - 1.
func (g *Gamma) Encode(e *Encoder, v uint32) {
	v++
	width := bits.Len32(v) - 1
	for i := range width {
		e.Bit(&g.length[i], 1)
	}
	if width < 31 {
		e.Bit(&g.length[width], 0)
	}
	rest := max(0, width-learned)
	g.tree(width).Encode(e, v&(1<<width-1)>>rest)
	e.Raw(v&(1<<rest-1), rest)
}

// Decode reads one.
func (g *Gamma) Decode(d *Decoder) uint32 {
	width := 0
	for width < 31 && d.Bit(&g.length[width]) == 1 {
		width++
	}
	rest := max(0, width-learned)
	v := uint32(1)<<min(width, learned) | g.tree(width).Decode(d)
	return v<<rest | d.Raw(rest) - 1
}
