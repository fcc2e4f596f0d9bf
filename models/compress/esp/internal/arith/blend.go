package arith

import (
	"math"
	"math/bits"
)

// Log odds are in units of 2^-oddsBits, to the base 2; weights of a [Blend] in
// units of 2^-weightBits.
const (
	oddsBits   = 12
	weightBits = 16
	tableBits  = 8 // of a fraction, of which the tables know so many
	rateBits   = 19
)

// logs are log2(1 + i/256), and shares are 2^(-i/256).
var logs, shares = func() (l, s [1 << tableBits]uint32) {
	for i := range l {
		fraction := float64(i) / (1 << tableBits)
		l[i] = uint32(math.Log2(1+fraction) * (1 << oddsBits))
		s[i] = uint32(math.Exp2(-fraction) * (1 << probBits))
	}
	return l, s
}()

// Log is the logarithm of a number above 0 to the base 2, in 2^-12, rounded
// down to what the first nine bits of the number say.
func Log(v uint64) int32 {
	width := bits.Len64(v) - 1
	fraction := v << (63 - width) >> (63 - tableBits) & (1<<tableBits - 1)
	return int32(width<<oddsBits) + int32(logs[fraction])
}

// LogOdds are those of something that happened in part of all cases.
func LogOdds(part, all uint64) int32 { return Log(max(1, part)) - Log(max(1, all-min(all, part))) }

// FromLogOdds is how probable a 0 is if those of a 1 are given.
func FromLogOdds(odds int32) Prob {
	far := min(uint32(max(odds, -odds)), 30<<oddsBits)
	fraction := far >> (oddsBits - tableBits) & (1<<tableBits - 1)
	unlikely := uint64(shares[fraction] >> (far >> oddsBits)) // against 2^28
	unlikely = unlikely << probBits / (1<<probBits + unlikely)
	if odds < 0 {
		unlikely = 1<<probBits - unlikely
	}
	return Prob{zero: uint32(min(max(unlikely, least), 1<<probBits-least))}
}

// knows is what a probability knows of a 1: its log odds, nearer to 0 relative
// to those that it began with the fewer decisions it has seen.
func (p *Prob) knows(prior int32) int32 {
	odds := Log(uint64(1<<probBits-p.zero)) - Log(uint64(p.zero)) - prior
	return int32(int64(odds) * int64(p.seen) / int64(p.seen+2))
}

// Blend mixes what several probabilities and estimates say of a decision: their
// log odds are added, with weights that learn from every decision (logistic
// mixing, Mahoney 2005). Everything is counted from prior log odds on.
type Blend struct {
	prior   int32
	probs   []*Prob
	inputs  []int32
	weights []int32
}

// NewBlend begins a decision of which a 1 has these log odds as long as nothing
// else is known.
func NewBlend(prior int32) *Blend { return &Blend{prior: prior} }

// Weights are those of a blend of n opinions, in the beginning a quarter each.
func Weights(n int) []int32 {
	w := make([]int32, n)
	for i := range w {
		w[i] = 1 << weightBits / 4
	}
	return w
}

// Begin forgets the opinions of the decision before, and takes the weights for
// those to come.
func (b *Blend) Begin(weights []int32) {
	b.weights, b.probs, b.inputs = weights, b.probs[:0], b.inputs[:0]
}

// Learned adds the opinion of a probability, which learns the decision.
func (b *Blend) Learned(p *Prob) {
	b.probs = append(b.probs, p)
	b.inputs = append(b.inputs, p.knows(b.prior))
}

// Estimate adds an opinion: it happens in part of all cases.
func (b *Blend) Estimate(part, all uint64) {
	b.inputs = append(b.inputs, LogOdds(part, all)-b.prior)
}

func (b *Blend) mixed() Prob {
	sum := int64(b.prior) << weightBits
	for i, x := range b.inputs {
		sum += int64(x) * int64(b.weights[i])
	}
	return FromLogOdds(int32(min(max(sum>>weightBits, -40<<oddsBits), 40<<oddsBits)))
}

func (b *Blend) learn(mixed Prob, bit int) {
	wrong := int64(bit<<probBits) - int64(1<<probBits-mixed.zero)
	for i, x := range b.inputs {
		w := int64(b.weights[i]) + (int64(x)*(wrong>>(probBits-weightBits)))>>rateBits
		b.weights[i] = int32(min(max(w, -8<<weightBits), 8<<weightBits))
	}
	for _, p := range b.probs {
		p.update(bit)
	}
}

// Blended writes a decision as its blend expects it, which learns.
func (e *Encoder) Blended(b *Blend, bit int) {
	mixed := b.mixed()
	once := mixed
	e.Bit(&once, bit)
	b.learn(mixed, bit)
}

// Blended reads a decision that [Encoder.Blended] wrote.
func (d *Decoder) Blended(b *Blend) int {
	mixed := b.mixed()
	once := mixed
	bit := d.Bit(&once)
	b.learn(mixed, bit)
	return bit
}
