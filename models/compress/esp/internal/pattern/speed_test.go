package pattern_test

import (
	"math/rand/v2"
	"testing"

	"espalier/models/compress/esp/internal/pattern"
)

// BenchmarkDecode reads patterns of 200 x 800 places; a place is what counts.
func BenchmarkDecode(b *testing.B) {
	m := sorted(drawn(rand.New(rand.NewPCG(1, 1)), 200, 800, 0.005, false))
	for name, decisions := range map[string]int{"plain": 200 * 800, "blended": 1 << 30} {
		data := pattern.Encode(m, nil, 16, decisions)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := pattern.Decode(data, 200, 800, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/(200*800), "ns/place")
			b.ReportMetric(float64(len(data)), "bytes")
		})
	}
}
