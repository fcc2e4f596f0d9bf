package graph

import (
	"fmt"

	"espalier/models/compress/esp/internal/arith"
)

// model is the bytes of a plain graph as a source: each bit of a byte has a
// probability by the bits before it in the byte and, in one table each, by
// nothing more and by the one, two and four bytes before.
type model struct {
	tables [len(masks)][]arith.Prob
	before uint32 // the last four bytes, the last one lowest
	probs  [len(masks)]*arith.Prob
}

// masks are the bytes before that count, for each table.
var masks = [...]uint32{0, 0xff, 0xffff, 0xffffffff}

// tableBits is the size of a table. Contexts share a place where they fall on
// the same, so that a graph takes no more memory than another.
const tableBits = 14

func newModel() *model {
	m := &model{}
	for i := range m.tables {
		m.tables[i] = arith.NewProbs(1 << tableBits)
	}
	scratch := arith.NewEncoder()
	for _, b := range []byte(primer) {
		m.encode(scratch, b)
	}
	return m
}

// at are the probabilities of the next bit, the most general first. Node is 1
// and the bits of the byte so far.
func (m *model) at(node uint32) []*arith.Prob {
	for i, mask := range masks {
		// Knuth's multiplicative hash, once for the bytes and once for the bits.
		hash := ((m.before&mask)*2654435761 + node) * 2654435761
		m.probs[i] = &m.tables[i][hash>>(32-tableBits)]
	}
	return m.probs[:]
}

func (m *model) encode(e *arith.Encoder, b byte) {
	node := uint32(1)
	for i := 7; i >= 0; i-- {
		bit := b >> i & 1
		e.Mixed(m.at(node), int(bit))
		node = node<<1 | uint32(bit)
	}
	m.before = m.before<<8 | uint32(b)
}

func (m *model) decode(d *arith.Decoder) byte {
	node := uint32(1)
	for range 8 {
		node = node<<1 | uint32(d.Mixed(m.at(node)))
	}
	m.before = m.before<<8 | node&0xff
	return byte(node)
}

func squeeze(plain []byte) []byte {
	e, m := arith.NewEncoder(), newModel()
	for _, b := range plain {
		m.encode(e, b)
	}
	return e.Bytes()
}

func expand(data []byte, size int) ([]byte, error) {
	d, m := arith.NewDecoder(data), newModel()
	plain := make([]byte, size)
	for i := range plain {
		plain[i] = m.decode(d)
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	return plain, nil
}
