package prune

// Mask is which elements of a tensor stay, a bit each: element i is bit i%8,
// from the least significant, of byte i/8. In JSON it is base64.
type Mask []byte

// NewMask packs a mask.
func NewMask(stays []bool) Mask {
	m := make(Mask, maskBytes(len(stays)))
	for i, s := range stays {
		if s {
			m[i/8] |= 1 << (i % 8)
		}
	}
	return m
}

// Stays says whether element i stays. It panics past the mask's last byte.
func (m Mask) Stays(i int) bool { return m[i/8]>>(i%8)&1 == 1 }

func maskBytes(elements int) int { return (elements + 7) / 8 }
