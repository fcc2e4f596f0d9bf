package arith

import "fmt"

// Decoder reads what an [Encoder] wrote, with the same probabilities in the
// same order. [NewDecoder] makes one.
type Decoder struct {
	data  []byte
	at    int
	width uint32
	code  uint32
}

// NewDecoder begins to read.
func NewDecoder(data []byte) *Decoder {
	d := &Decoder{data: data, width: 1<<32 - 1}
	for range 4 {
		d.code = d.code<<8 | uint32(d.next())
	}
	return d
}

func (d *Decoder) next() byte {
	d.at++
	if d.at > len(d.data) {
		return 0
	}
	return d.data[d.at-1]
}

// Bit reads a decision and lets p learn it.
func (d *Decoder) Bit(p *Prob) int {
	bound := p.bound(d.width)
	bit := 0
	if d.code < bound {
		d.width = bound
	} else {
		d.code -= bound
		d.width -= bound
		bit = 1
	}
	p.update(bit)
	for d.width < top {
		d.width <<= 8
		d.code = d.code<<8 | uint32(d.next())
	}
	return bit
}

// Raw reads n bits, at most 32, that [Encoder.Raw] wrote.
func (d *Decoder) Raw(n int) uint32 {
	v := uint32(0)
	for range n {
		d.width >>= 1
		bit := uint32(0)
		if d.code >= d.width {
			d.code -= d.width
			bit = 1
		}
		v = v<<1 | bit
		for d.width < top {
			d.width <<= 8
			d.code = d.code<<8 | uint32(d.next())
		}
	}
	return v
}

// End refuses a message of which bytes are left, or that ends in a zero.
func (d *Decoder) End() error {
	if d.at < len(d.data) {
		return fmt.Errorf("%d bytes follow the end of the message", len(d.data)-d.at)
	}
	if n := len(d.data); n > 0 && d.data[n-1] == 0 {
		return fmt.Errorf("the message of %d bytes ends in a zero, which is left out", n)
	}
	return nil
}
