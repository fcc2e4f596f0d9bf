package data

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// stream returns the key of a random stream that depends on its name and
// numbers and on nothing else.
func stream(name string, numbers ...uint64) [sha256.Size]byte {
	var room [64]byte
	b := append(append(room[:0], name...), 0)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return sha256.Sum256(b)
}

// Permutation returns the order of n samples in an epoch: a Fisher-Yates
// shuffle over ChaCha8, keyed by the SHA-256 of seed and epoch. It depends on
// its arguments and on nothing else.
func Permutation(seed uint64, epoch, n int) []int32 {
	order := make([]int32, max(n, 0))
	newShuffler(seed).fill(order, epoch)
	return order
}

// shuffler computes permutations into memory that is there already.
type shuffler struct {
	seed   uint64
	source *rand.ChaCha8
	rng    *rand.Rand
}

func newShuffler(seed uint64) *shuffler {
	source := rand.NewChaCha8([32]byte{})
	return &shuffler{seed: seed, source: source, rng: rand.New(source)}
}

func (s *shuffler) fill(order []int32, epoch int) {
	for i := range order {
		order[i] = int32(i)
	}
	s.source.Seed(stream("shuffle", s.seed, uint64(epoch)))
	for i := len(order) - 1; i > 0; i-- {
		j := s.rng.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
}
