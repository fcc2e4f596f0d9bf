package kernel_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models/engine/kernel"
)

func TestLayouts(t *testing.T) {
	t.Parallel()
	const samples = 3
	for _, c := range []int{1, 2, 3, 8, 16, 20, 50} {
		for _, pixels := range []int{1, 7, 16, 64, 81} {
			x := random(1, samples*c*pixels)
			y, back := make([]float32, len(x)), make([]float32, len(x))
			kernel.ToNHWC(y, x, c, pixels)
			for i, v := range x {
				s, rest := i/(c*pixels), i%(c*pixels)
				if got := y[s*c*pixels+rest%pixels*c+rest/pixels]; got != v {
					t.Fatalf("%d channels of %d pixels: element %d became %g, want %g", c, pixels, i, got, v)
				}
			}
			kernel.ToNCHW(back, y, c, pixels)
			equalBits(t, "there and back", back, x)
		}
	}
}

func TestCopyChannels(t *testing.T) {
	t.Parallel()
	x, y := random(1, 5*7), make([]float32, 5*9)
	kernel.CopyChannels(y[2:], x[3:], 5, 4, 9, 7)
	for i, v := range y {
		want := float32(0)
		if j := i % 9; j >= 2 && j < 6 {
			want = x[i/9*7+j+1]
		}
		if v != want {
			t.Errorf("y[%d] = %g, want %g", i, v, want)
		}
	}
	whole := make([]float32, len(x))
	kernel.CopyChannels(whole, x, 5, 7, 7, 7)
	equalBits(t, "all channels", whole, x)
}

// selections are the kinds of list that shortcuts and pruning make.
func selections(from int) map[string][]int32 {
	r := rand.New(rand.NewPCG(1, uint64(from)))
	random, padded, all := make([]int32, 0, 2*from), []int32{-1, -1, -1}, []int32(nil)
	for j := range from {
		random = append(random, int32(r.IntN(from+1)-1), int32(r.IntN(from)))
		all = append(all, int32(j))
	}
	return map[string][]int32{
		"at random, with repetition": random, "all": all, "padded": append(append(padded, all...), -1, -1),
		"backwards": backwards(all), "one twice": {0, 0}, "zeros": {-1, -1},
	}
}

func backwards(x []int32) []int32 {
	y := slices.Clone(x)
	slices.Reverse(y)
	return y
}

func TestSelectChannelsAndItsGradient(t *testing.T) {
	t.Parallel()
	for _, from := range []int{1, 5, 16, 33} {
		for name, channels := range selections(from) {
			for _, rows := range []int{1, 32, 70} {
				c := len(channels)
				x, g := random(1, rows*from), random(2, rows*c)
				y, dx, want := random(3, rows*c), random(4, rows*from), make([]float32, rows*from)
				kernel.SelectChannels(y, x, rows, from, channels)
				kernel.SelectChannelsGrad(dx, g, rows, from, channels)
				for i := range y {
					v, ch := float32(0), channels[i%c]
					if ch >= 0 {
						v = x[i/c*from+int(ch)]
						want[i/c*from+int(ch)] += g[i]
					}
					if y[i] != v {
						t.Fatalf("%s of %d: y[%d] = %g, want %g", name, from, i, y[i], v)
					}
				}
				equalBits(t, name+": gradient", dx, want)
			}
		}
	}
}
