package arith

// Mixed is a decision that several probabilities know something of. Each counts
// by how many decisions it knows, and four times as much as the one before it:
// they go from the most general to the most special.
func (e *Encoder) Mixed(probs []*Prob, bit int) {
	mixed := mix(probs)
	e.Bit(&mixed, bit)
	for _, p := range probs {
		p.update(bit)
	}
}

// Mixed reads a decision that [Encoder.Mixed] wrote.
func (d *Decoder) Mixed(probs []*Prob) int {
	mixed := mix(probs)
	bit := d.Bit(&mixed)
	for _, p := range probs {
		p.update(bit)
	}
	return bit
}

func mix(probs []*Prob) Prob {
	sum, weights := uint64(half), uint64(1)
	for i, p := range probs {
		weight := uint64(p.seen) * 4 << (2 * i)
		sum += weight * uint64(p.zero)
		weights += weight
	}
	return Prob{zero: uint32(min(max(sum/weights, least), 1<<probBits-least))}
}
