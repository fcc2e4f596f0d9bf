package winograd

import (
	"fmt"
	"testing"
)

// Who was faster when it was measured (BenchmarkLayer), and by how much at
// least: only differences of a fifth and more are held on to.
func TestTheChoiceIsTheFasterOne(t *testing.T) {
	t.Parallel()
	const direct = -1
	for _, c := range []struct {
		size, c, k, n int
		want          form
	}{
		{32, 16, 16, 1, tile4},
		{16, 32, 32, 32, tile4},
		{8, 64, 64, 1, tile4},
		{32, 64, 64, 4, tile4},
		{16, 128, 128, 8, tile4},
		{8, 256, 256, 1, tile4},
		{4, 512, 512, 32, tile4},
		{4, 512, 512, 4, tile2},
		{2, 512, 512, 32, tile2},
		{2, 128, 128, 32, tile2},
		{2, 512, 512, 1, direct},
		{32, 1, 20, 4, direct},
		{32, 8, 16, 4, tile4},
		{7, 200, 12, 16, tile4},
	} {
		t.Run(fmt.Sprintf("%d to %d at %d, %d samples", c.c, c.k, c.size, c.n), func(t *testing.T) {
			t.Parallel()
			s := Shape{H: c.size, W: c.size, C: c.c, K: c.k, Pad: [4]int{1, 1, 1, 1}}
			got := chooseForm(s, c.n)
			if !WinsFor(s, c.n) {
				got = direct
			}
			if got != c.want {
				t.Errorf("chose %d, want %d", got, c.want)
			}
		})
	}
}
