package data_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/data"
)

// The pinned orders keep old checkpoints resumable: they may never change.
func TestPermutationsArePinned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seed     uint64
		epoch, n int
		want     []int32
	}{
		{1, 0, 10, []int32{6, 3, 9, 0, 7, 4, 2, 8, 1, 5}},
		{1, 1, 10, []int32{4, 7, 3, 2, 0, 9, 1, 8, 5, 6}},
		{2, 0, 10, []int32{8, 9, 4, 7, 2, 6, 5, 1, 0, 3}},
		{1 << 63, 1 << 30, 5, []int32{0, 3, 4, 1, 2}},
		{1, 0, 1, []int32{0}},
		{1, 0, 0, []int32{}},
		{1, 0, -1, []int32{}},
	} {
		if d := cmp.Diff(c.want, data.Permutation(c.seed, c.epoch, c.n)); d != "" {
			t.Errorf("Permutation(%d, %d, %d) (-want +got):\n%s", c.seed, c.epoch, c.n, d)
		}
	}
	all := fmt.Append(nil, data.Permutation(1, 3, 60000))
	if got, want := hash(all), "4caf619aa4827be2470619e0b46bb55f9f9cb77e9637371ea94be95bc7f47a12"; got != want {
		t.Errorf("Permutation(1, 3, 60000) prints with SHA-256 %s, want %s", got, want)
	}
}

func TestPermutationHoldsEachSampleOnce(t *testing.T) {
	t.Parallel()
	for epoch := range 20 {
		order := data.Permutation(7, epoch, 1000+epoch)
		slices.Sort(order)
		for i, v := range order {
			if int(v) != i {
				t.Fatalf("epoch %d: sorted, place %d holds %d", epoch, i, v)
			}
		}
	}
}

// Each of the 24 orders of 4 samples comes up about equally often: 24,000
// epochs, so 1000 times with a deviation of 31; 5 deviations are allowed.
func TestPermutationsAreFair(t *testing.T) {
	t.Parallel()
	counts := map[[4]int32]int{}
	for epoch := range 24000 {
		counts[[4]int32(data.Permutation(5, epoch, 4))]++
	}
	if len(counts) != 24 {
		t.Errorf("%d orders of 4 samples, want 24", len(counts))
	}
	for order, n := range counts {
		if n < 845 || n > 1155 {
			t.Errorf("order %v came up %d times, want about 1000", order, n)
		}
	}
}

func ExamplePermutation() {
	fmt.Println(data.Permutation(1, 0, 8))
	fmt.Println(data.Permutation(1, 1, 8))
	// Output:
	// [7 2 0 3 6 4 1 5]
	// [7 3 0 2 1 6 4 5]
}

func BenchmarkPermutation(b *testing.B) {
	for epoch := 0; b.Loop(); epoch++ {
		data.Permutation(1, epoch, 60000)
	}
}
