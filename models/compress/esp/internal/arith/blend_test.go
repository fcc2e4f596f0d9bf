package arith_test

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/compress/esp/internal/arith"
)

func TestLogOdds(t *testing.T) {
	t.Parallel()
	for v := uint64(1); v < 1<<50; v += 1 + v/7 {
		if got, want := float64(arith.Log(v))/4096, math.Log2(float64(v)); got > want || got < want-0.006 {
			t.Errorf("the logarithm of %d is %v, want %v or hardly less", v, got, want)
		}
	}
	for _, c := range []struct {
		part, all uint64
		want      int32
	}{{1, 2, 0}, {1, 3, -4096}, {2, 3, 4096}, {1, 5, -8192}, {0, 5, -9510}, {5, 5, 2*4096 + 1318}, {9, 5, 3*4096 + 696}} {
		if got := arith.LogOdds(c.part, c.all); got != c.want {
			t.Errorf("log odds of %d in %d are %d, want %d", c.part, c.all, got, c.want)
		}
	}
}

// drawn is decisions that two hidden causes make probable together.
func drawn(seed uint64, n int) (bits, a, b []int) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		x, y := r.IntN(4), r.IntN(4)
		odds := float64(2*x+2*y) - 8
		bit := 0
		if r.Float64() < 1/(1+math.Exp2(-odds)) {
			bit = 1
		}
		bits, a, b = append(bits, bit), append(a, x), append(b, y)
	}
	return bits, a, b
}

type mixer struct {
	blend   *arith.Blend
	weights []int32
	a, b    [4]arith.Prob
	ones, n uint64
}

func newMixer() *mixer {
	m := &mixer{blend: arith.NewBlend(-2 << 12), weights: arith.Weights(3)}
	for i := range m.a {
		m.a[i], m.b[i] = arith.FromLogOdds(-2<<12), arith.FromLogOdds(-2<<12)
	}
	return m
}

func (m *mixer) expect(a, b int) *arith.Blend {
	m.blend.Begin(m.weights)
	m.blend.Learned(&m.a[a])
	m.blend.Learned(&m.b[b])
	m.blend.Estimate(2*m.ones+1, 2*m.n+5)
	return m.blend
}

func (m *mixer) learn(bit int) { m.ones, m.n = m.ones+uint64(bit), m.n+1 }

func TestBlendsComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		bits, a, b := drawn(seed, 1+int(seed)*7)
		e, m := arith.NewEncoder(), newMixer()
		for i, bit := range bits {
			e.Blended(m.expect(a[i], b[i]), bit)
			m.learn(bit)
		}
		d, m := arith.NewDecoder(e.Bytes()), newMixer()
		for i, want := range bits {
			got := d.Blended(m.expect(a[i], b[i]))
			if got != want {
				t.Fatalf("seed %d: decision %d is %d, want %d", seed, i, got, want)
			}
			m.learn(got)
		}
		if err := d.End(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// Opinions that are right together are worth more than each alone.
func TestBlendIsBetterThanItsParts(t *testing.T) {
	t.Parallel()
	bits, a, b := drawn(1, 20000)
	blended, m := arith.NewEncoder(), newMixer()
	alone, probs := arith.NewEncoder(), arith.NewProbs(4)
	for i, bit := range bits {
		blended.Blended(m.expect(a[i], b[i]), bit)
		m.learn(bit)
		alone.Bit(&probs[a[i]], bit)
	}
	if together, one := len(blended.Bytes()), len(alone.Bytes()); 20*together > 17*one {
		t.Errorf("20,000 decisions take %d bytes, and %d by one of their two causes", together, one)
	}
}

// What was written once is written so on every machine.
func TestBlendIsThatOfTheFormat(t *testing.T) {
	t.Parallel()
	bits, a, b := drawn(3, 200)
	e, m := arith.NewEncoder(), newMixer()
	for i, bit := range bits {
		e.Blended(m.expect(a[i], b[i]), bit)
		m.learn(bit)
	}
	const want = "cb032aea3ed713a06f9f38bb40084bef92ef17"
	if got := hex.EncodeToString(e.Bytes()); got != want {
		t.Errorf("200 decisions are %s, want %s", got, want)
	}
}
