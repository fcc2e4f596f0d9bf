package data_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/data"
)

// coloured is a split of n images of 3 x 5 x 7 pixels, all of them different
// and none 0, and a normalization of its own for each channel.
func coloured(t testing.TB, n int) *data.Split {
	t.Helper()
	shape := models.Shape{3, 5, 7}
	images, labels := make([]byte, n*shape.Size()), make([]int32, n)
	for i := range images {
		images[i] = byte(1 + (i*31+i/105*17)%255)
	}
	for i := range labels {
		labels[i] = int32(i)
	}
	s, err := data.NewSplit(shape, images, labels, data.MeasureChannels(shape, images)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// varied is the definition, pixel by pixel: pad with black, crop, mirror,
// normalize.
func varied(s *data.Split, norm []data.Normalization, sample int, dy, dx int, flip bool) []float32 {
	shape := s.Shape()
	pixels, _ := s.At(sample)
	var out []float32
	for c := range shape[0] {
		for y := range shape[1] {
			for x := range shape[2] {
				if flip {
					x = shape[2] - 1 - x
				}
				p, sy, sx := byte(0), y+dy, x+dx
				if sy >= 0 && sy < shape[1] && sx >= 0 && sx < shape[2] {
					p = pixels[(c*shape[1]+sy)*shape[2]+sx]
				}
				out = append(out, norm[c].Table[p])
			}
		}
	}
	return out
}

// Every augmented image is one of the possible ones, every possible one comes
// up, and about equally often.
func TestAugmentedImagesAreShiftedAndMirrored(t *testing.T) {
	t.Parallel()
	const n, epochs = 4, 400
	s := coloured(t, n)
	var all []byte
	for i := range n {
		p, _ := s.At(i)
		all = append(all, p...)
	}
	norm := data.MeasureChannels(s.Shape(), all)
	for _, a := range []data.Augmentation{{Shift: 2, Flip: true}, {Flip: true}, {Shift: 4}} {
		l := data.NewAugmentedLoader(s, n, 3, a)
		counts := map[string]int{}
		for epoch := range epochs {
			x, labels, err := l.Batch(epoch, 0)
			if err != nil {
				t.Fatal(err)
			}
			for k, label := range labels {
				counts[which(t, s, norm, a, int(label), x[k*105:][:105])]++
			}
		}
		l.Close()
		places := (2*a.Shift + 1) * (2*a.Shift + 1)
		if a.Flip {
			places *= 2
		}
		mean := float64(n*epochs) / float64(places)
		for place, got := range counts {
			if float64(got) < mean/3 || float64(got) > 2.5*mean {
				t.Errorf("%+v: %s came up %d times, want about %.0f", a, place, got, mean)
			}
		}
		if len(counts) != places {
			t.Errorf("%+v: %d variations came up, want %d", a, len(counts), places)
		}
	}
}

// which finds the variation that made an image.
func which(t *testing.T, s *data.Split, norm []data.Normalization, a data.Augmentation, sample int, got []float32) string {
	t.Helper()
	for dy := -a.Shift; dy <= a.Shift; dy++ {
		for dx := -a.Shift; dx <= a.Shift; dx++ {
			for _, flip := range []bool{false, true} {
				if (a.Flip || !flip) && slices.Equal(got, varied(s, norm, sample, dy, dx, flip)) {
					return fmt.Sprint(dy, dx, flip)
				}
			}
		}
	}
	t.Fatalf("%+v: sample %d became %v, which is none of its variations", a, sample, got)
	return ""
}

// The variation of a sample depends on seed, epoch and sample, and not on the
// way there or on the batch that it is in.
func TestAugmentationDependsOnThePlaceOnly(t *testing.T) {
	t.Parallel()
	s := coloured(t, 50)
	a := data.Augmentation{Shift: 2, Flip: true}
	images := func(seed uint64, batch, epoch int, from int) map[int32][]float32 {
		l := data.NewAugmentedLoader(s, batch, seed, a)
		defer l.Close()
		seen := map[int32][]float32{}
		for i := from; i < from+l.Batches(); i++ {
			x, labels, err := l.Batch(epoch, i%l.Batches())
			if err != nil {
				t.Fatal(err)
			}
			for k, label := range labels {
				seen[label] = slices.Clone(x[k*105:][:105])
			}
		}
		return seen
	}
	want := images(1, 8, 5, 0)
	for name, same := range map[string]map[int32][]float32{
		"again": images(1, 8, 5, 0), "from the middle": images(1, 8, 5, 4), "other batches": images(1, 50, 5, 0),
	} {
		if d := cmp.Diff(want, same); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for name, other := range map[string]map[int32][]float32{"seed": images(2, 8, 5, 0), "epoch": images(1, 8, 6, 0)} {
		if cmp.Equal(want, other) {
			t.Errorf("another %s gives the same images", name)
		}
	}
}

// The pinned bytes keep old checkpoints resumable: they may never change.
func TestAugmentationIsPinned(t *testing.T) {
	t.Parallel()
	l := data.NewAugmentedLoader(coloured(t, 100), 100, 7, data.Augmentation{Shift: 3, Flip: true})
	defer l.Close()
	x, labels, err := l.Batch(2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hash(fmt.Append(nil, x, labels)), "ad7d431ec7f5701385f997e3945fbae69414d567818ecc107d804727448f583a"; got != want {
		t.Errorf("batch 0 of epoch 2 prints with SHA-256 %s, want %s", got, want)
	}
}

func TestNoAugmentationIsGather(t *testing.T) {
	t.Parallel()
	s := coloured(t, 10)
	l := data.NewAugmentedLoader(s, 4, 9, data.Augmentation{})
	defer l.Close()
	if d := cmp.Diff(direct(s, 4, 9, 1, 2), take(t, l, 1, 2)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestBadAugmentationsAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a     data.Augmentation
		shape models.Shape
		want  string
	}{
		{data.Augmentation{Shift: -1}, models.Shape{3, 32, 32}, "shift -1"},
		{data.Augmentation{Shift: 28}, models.Shape{1, 28, 40}, "0 to 27"},
		{data.Augmentation{Flip: true}, models.Shape{784}, "shape [784]"},
		{data.Augmentation{}, models.Shape{784}, ""},
		{data.Augmentation{Shift: 27, Flip: true}, models.Shape{1, 28, 40}, ""},
	} {
		err := c.a.Validate(c.shape)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v on %v: error %v, want %q", c.a, c.shape, err, c.want)
		}
	}
}

// Not parallel: it counts the allocations of the whole process.
func TestAugmentedLoaderDoesNotAllocateInItsSteadyState(t *testing.T) {
	l := data.NewAugmentedLoader(coloured(t, 1000), 64, 1, data.Augmentation{Shift: 2, Flip: true})
	defer l.Close()
	step := 0
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := l.Batch(step/l.Batches(), step%l.Batches()); err != nil {
			t.Error(err)
		}
		step++
	}); n != 0 {
		t.Errorf("%v allocations a batch, want 0", n)
	}
}

// One batch of CIFAR, 128 images of 3 x 32 x 32 pixels.
func BenchmarkAugmentedBatch(b *testing.B) {
	shape := models.Shape{3, 32, 32}
	images, labels := make([]byte, 12800*shape.Size()), make([]int32, 12800)
	for i := range images {
		images[i] = byte(i * 7)
	}
	s, err := data.NewSplit(shape, images, labels, data.MeasureChannels(shape, images)...)
	if err != nil {
		b.Fatal(err)
	}
	l := data.NewAugmentedLoader(s, 128, 1, data.Augmentation{Shift: 4, Flip: true})
	defer l.Close()
	step := 0
	for b.Loop() {
		if _, _, err := l.Batch(step/l.Batches(), step%l.Batches()); err != nil {
			b.Fatal(err)
		}
		step++
	}
}
