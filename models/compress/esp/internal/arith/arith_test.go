package arith_test

import (
	"math/rand/v2"
	"testing"

	"espalier/models/compress/esp/internal/arith"
)

func TestDecisionsComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		n, share := r.IntN(400), r.Float64()*r.Float64()
		bits := make([]int, n)
		e, p := arith.NewEncoder(), arith.NewProbs(3)
		for i := range bits {
			if r.Float64() < share {
				bits[i] = 1
			}
			e.Bit(&p[i%3], bits[i])
			e.Raw(uint32(i), i%7)
		}
		data := e.Bytes()
		d, q := arith.NewDecoder(data), arith.NewProbs(3)
		for i, want := range bits {
			if got := d.Bit(&q[i%3]); got != want {
				t.Fatalf("seed %d: decision %d is %d, want %d", seed, i, got, want)
			}
			if got := d.Raw(i % 7); got != uint32(i)&(1<<(i%7)-1) {
				t.Fatalf("seed %d: bits %d are %d", seed, i, got)
			}
		}
		if err := d.End(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestNumbersComeBack(t *testing.T) {
	t.Parallel()
	numbers := []uint32{0, 1, 2, 3, 7, 8, 255, 256, 65535, 1 << 20, 1<<31 - 2, 1<<31 - 1, 1<<32 - 2}
	e, g, tree := arith.NewEncoder(), arith.NewGamma(), arith.NewTree(9)
	for _, v := range numbers {
		g.Encode(e, v)
		tree.Encode(e, v&511)
	}
	d := arith.NewDecoder(e.Bytes())
	g, tree = arith.NewGamma(), arith.NewTree(9)
	for _, v := range numbers {
		if got := g.Decode(d); got != v {
			t.Errorf("number %d, want %d", got, v)
		}
		if got := tree.Decode(d); got != v&511 {
			t.Errorf("number of 9 bits %d, want %d", got, v&511)
		}
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
}

// What is certain costs next to nothing, and what is even costs a bit.
func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bit  func(r *rand.Rand) int
		most int
	}{
		"always the same": {func(*rand.Rand) int { return 1 }, 4},
		"one of a hundred": {func(r *rand.Rand) int {
			if r.IntN(100) == 0 {
				return 1
			}
			return 0
		}, 1100}, // 100,000 times the entropy is 8,079 bits
		"even": {func(r *rand.Rand) int { return r.IntN(2) }, 12_600},
	} {
		r, e, p := rand.New(rand.NewPCG(1, 2)), arith.NewEncoder(), arith.New()
		for range 100_000 {
			e.Bit(&p, test.bit(r))
		}
		if n := len(e.Bytes()); n > test.most {
			t.Errorf("%s: %d bytes, want at most %d", name, n, test.most)
		}
	}
}
