package esp

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"

	"espalier/models"
)

// Encoder packs networks that have most of their tensors in common: it encodes
// those only that are not as in a network before, to the same bytes as [Encode].
type Encoder struct {
	o    Options
	seen sync.Map // payloads, by what they were encoded from
}

// NewEncoder has seen no network yet.
func NewEncoder(o Options) *Encoder { return &Encoder{o: o} }

// Encode packs a network. It fails as the function Encode does.
func (e *Encoder) Encode(net *models.Network) ([]byte, error) {
	return encode(net, func(p *models.Param, like context) []byte {
		key := digest(p, like)
		if payload, ok := e.seen.Load(key); ok {
			return payload.([]byte)
		}
		payload := encodeTensor(p, like, e.o)
		e.seen.Store(key, payload)
		return payload
	})
}

// digest tells apart all that can make another payload.
func digest(p *models.Param, like context) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprint(h, p.Shape, len(p.Mask), like.period)
	if x := like.expected; x != nil {
		fmt.Fprint(h, len(x.Rows), len(x.Cols))
		write(h, x.Rows)
		write(h, x.Cols)
	}
	write(h, p.Mask)
	write(h, p.Data)
	return [sha256.Size]byte(h.Sum(nil))
}

// write cannot fail: a hash takes everything, and both types have sizes.
func write[T bool | float32](h hash.Hash, values []T) {
	_ = binary.Write(h, binary.LittleEndian, values)
}
