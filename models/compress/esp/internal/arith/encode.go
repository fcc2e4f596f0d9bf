// Package arith writes decisions between 0 and 1 in about as many bits as they
// are surprising: an adaptive binary range coder, after Martin (1979) with the
// carry of the one in LZMA.
//
// A [Prob] learns how probable a decision is from those before it, so that no
// table stands in front of a message. That makes it the smallest coder for
// short messages, and a slow one: a decision takes some nanoseconds.
//
// [Decoder] reads what nobody has checked: behind the end of its bytes it finds
// zeros, so every string of bytes means something, and the caller bounds how
// much is read from it.
package arith

const (
	probBits = 28
	half     = 1 << (probBits - 1)
	// A decision costs at least 1/40,000 of a bit: a bound of the range must
	// not be empty.
	least = 1 << (probBits - 16)
	top   = 1 << 24
	limit = 1023 // decisions after which a probability moves no slower
)

// Prob is how probable a 0 is, and of how many decisions it knows.
type Prob struct {
	zero uint32
	seen uint32
}

// New knows nothing: 0 and 1 are as probable.
func New() Prob { return Prob{zero: half} }

// NewProbs is n of them.
func NewProbs(n int) []Prob {
	probs := make([]Prob, n)
	for i := range probs {
		probs[i] = New()
	}
	return probs
}

// steps are 2^16 / (n + 1.5), the share by which a probability that knows n
// decisions moves towards the next.
var steps = func() (s [limit + 1]uint32) {
	for n := range s {
		s[n] = uint32(1 << 17 / (2*n + 3))
	}
	return s
}()

func (p *Prob) bound(width uint32) uint32 {
	return uint32(uint64(width) * uint64(p.zero) >> probBits)
}

func (p *Prob) update(bit int) {
	step := uint64(steps[p.seen])
	if bit == 0 {
		p.zero = min(p.zero+uint32(uint64(1<<probBits-p.zero)*step>>16), 1<<probBits-least)
	} else {
		p.zero = max(p.zero-uint32(uint64(p.zero)*step>>16), least)
	}
	if p.seen < limit {
		p.seen++
	}
}

// Encoder writes decisions. [NewEncoder] makes one.
type Encoder struct {
	low     uint64
	width   uint32
	held    byte // the last byte, to which a carry may still come
	pending int  // bytes of 255 behind it
	begun   bool
	out     []byte
}

// NewEncoder begins a message.
func NewEncoder() *Encoder { return &Encoder{width: 1<<32 - 1} }

// Bit writes a decision, 0 or 1, and lets p learn it.
func (e *Encoder) Bit(p *Prob, bit int) {
	bound := p.bound(e.width)
	if bit == 0 {
		e.width = bound
	} else {
		e.low += uint64(bound)
		e.width -= bound
	}
	p.update(bit)
	for e.width < top {
		e.width <<= 8
		e.shift()
	}
}

// Raw writes the lowest n bits of v, at most 32, the first one first, each as
// probable as not.
func (e *Encoder) Raw(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		e.width >>= 1
		if v>>i&1 == 1 {
			e.low += uint64(e.width)
		}
		for e.width < top {
			e.width <<= 8
			e.shift()
		}
	}
}

// shift moves the highest byte of low out. The very first is always 0 and is
// not written.
func (e *Encoder) shift() {
	if e.low < 0xff<<24 || e.low >= 1<<32 {
		carry := byte(e.low >> 32)
		if e.begun {
			e.out = append(e.out, e.held+carry)
		}
		for ; e.pending > 0; e.pending-- {
			e.out = append(e.out, 255+carry)
		}
		e.begun, e.held = true, byte(e.low>>24)
	} else {
		e.pending++
	}
	e.low = e.low << 8 & (1<<32 - 1)
}

// Bytes ends the message. Of the numbers that mean it, it writes one with as
// few bytes as any, without the zeros at its end.
func (e *Encoder) Bytes() []byte {
	for drop := 32; drop > 0; drop -= 8 {
		mask := uint64(1)<<drop - 1
		if v := (e.low + mask) &^ mask; v < e.low+uint64(e.width) {
			e.low = v
			break
		}
	}
	for range 5 {
		e.shift()
	}
	for len(e.out) > 0 && e.out[len(e.out)-1] == 0 {
		e.out = e.out[:len(e.out)-1]
	}
	return e.out
}
