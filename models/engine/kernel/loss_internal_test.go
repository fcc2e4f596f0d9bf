package kernel

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	t.Parallel()
	for x := float32(0); x > -690; x -= 0.0137 {
		want := math.Exp(float64(x))
		if got := exp(x); math.Abs(got-want) > 2e-8*want {
			t.Fatalf("exp(%g) = %g, want %g", x, got, want)
		}
	}
	if exp(0) != 1 || exp(float32(math.Inf(-1))) != 0 || exp(-1e30) != 0 || !math.IsNaN(exp(float32(math.NaN()))) {
		t.Errorf("exp of 0, -infinity, -1e30, NaN: %g %g %g %g", exp(0), exp(float32(math.Inf(-1))), exp(-1e30), exp(float32(math.NaN())))
	}
}
