package conv

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The assembly and the portable loop give the same bits.
func TestDepthwiseAssemblyAgreesWithPortableLoop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for n := 1; n < 50; n++ {
		for _, strides := range [][3]int{{n, 2 * n, 0}, {0, n + 3, n}, {n + 1, n, n}} {
			const rows = 4
			x, w, got := normal(r, rows*(2*n+3)), normal(r, rows*(n+3)), normal(r, rows*(n+3))
			want := slices.Clone(got)
			addProducts(got, strides[0], x, strides[1], w, strides[2], n, rows)
			addProductsGeneric(want, strides[0], x, strides[1], w, strides[2], n, rows)
			if !slices.Equal(got, want) {
				t.Fatalf("%d elements with strides %v: %v, want %v", n, strides, got, want)
			}
		}
	}
}
