package data_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/data"
)

// counted is a split of n images of 3 pixels that tell which one they are.
func counted(t testing.TB, n int) *data.Split {
	t.Helper()
	images, labels := make([]byte, 0, 3*n), make([]int32, n)
	for i := range n {
		images = append(images, byte(i), byte(i>>8), byte(i*7))
		labels[i] = int32(i)
	}
	s, err := data.NewSplit(models.Shape{1, 1, 3}, images, labels, data.Measure(images))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type batch struct {
	X      []float32
	Labels []int32
}

// direct is what the loader promises: a piece of the permutation, gathered.
func direct(s *data.Split, size int, seed uint64, epoch, i int) batch {
	order := data.Permutation(seed, epoch, s.Len())
	indices := order[i*size : min((i+1)*size, len(order))]
	b := batch{make([]float32, len(indices)*s.Shape().Size()), make([]int32, len(indices))}
	s.Gather(indices, b.X, b.Labels)
	return b
}

func take(t *testing.T, l *data.Loader, epoch, i int) batch {
	t.Helper()
	x, labels, err := l.Batch(epoch, i)
	if err != nil {
		t.Fatalf("Batch(%d, %d): %v", epoch, i, err)
	}
	return batch{slices.Clone(x), slices.Clone(labels)}
}

func loader(t testing.TB, s *data.Split, size int, seed uint64) *data.Loader {
	t.Helper()
	l := data.NewLoader(s, size, seed)
	t.Cleanup(l.Close)
	return l
}

func TestBatchesFollowThePermutation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, batch, batches, last int }{
		{10, 4, 3, 2}, {12, 4, 3, 4}, {3, 8, 1, 3}, {1, 1, 1, 1}, {700, 128, 6, 60},
	} {
		s := counted(t, c.n)
		l := loader(t, s, c.batch, 9)
		if l.Batches() != c.batches {
			t.Fatalf("%d samples, %d a batch: %d batches, want %d", c.n, c.batch, l.Batches(), c.batches)
		}
		for epoch := range 4 {
			for i := range c.batches {
				got := take(t, l, epoch, i)
				if d := cmp.Diff(direct(s, c.batch, 9, epoch, i), got); d != "" {
					t.Fatalf("%d samples, batch %d of epoch %d (-want +got):\n%s", c.n, i, epoch, d)
				}
				if i == c.batches-1 && len(got.Labels) != c.last {
					t.Errorf("%d samples: the last batch has %d, want %d", c.n, len(got.Labels), c.last)
				}
			}
		}
	}
}

func TestAnyBatchCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s := counted(t, 50)
	l := loader(t, s, 8, 3)
	for _, at := range [][2]int{{5, 6}, {0, 0}, {0, 0}, {0, 1}, {0, 6}, {1, 0}, {1, 2}, {900, 3}, {1, 3}, {1, 2}} {
		if d := cmp.Diff(direct(s, 8, 3, at[0], at[1]), take(t, l, at[0], at[1])); d != "" {
			t.Errorf("batch %d of epoch %d (-want +got):\n%s", at[1], at[0], d)
		}
	}
}

func TestResumeInMidEpochIsExact(t *testing.T) {
	t.Parallel()
	s := counted(t, 100)
	whole := loader(t, s, 16, 4)
	var want []batch
	for step := range 3 * whole.Batches() {
		want = append(want, take(t, whole, step/whole.Batches(), step%whole.Batches()))
	}
	for start := range want {
		resumed := data.NewLoader(s, 16, 4)
		for step := start; step < min(start+5, len(want)); step++ {
			if d := cmp.Diff(want[step], take(t, resumed, step/whole.Batches(), step%whole.Batches())); d != "" {
				t.Errorf("resumed at %d: step %d differs (-want +got):\n%s", start, step, d)
			}
		}
		resumed.Close()
	}
}

func TestBatchStaysValidUntilTheNextButOne(t *testing.T) {
	t.Parallel()
	s := counted(t, 4000)
	l := loader(t, s, 64, 1)
	var before []float32
	var beforeLabels []int32
	var want batch
	for step := range 3 * l.Batches() {
		x, labels, err := l.Batch(step/l.Batches(), step%l.Batches())
		if err != nil {
			t.Fatal(err)
		}
		if step > 0 && !cmp.Equal(want, batch{before, beforeLabels}) {
			t.Fatalf("batch %d changed when the next was handed out", step-1)
		}
		before, beforeLabels, want = x, labels, batch{slices.Clone(x), slices.Clone(labels)}
	}
}

func TestLoaderRefusesWhatThereIsNot(t *testing.T) {
	t.Parallel()
	l := loader(t, counted(t, 10), 4, 1)
	for want, at := range map[string][2]int{
		"epoch -1": {-1, 0}, "batch -1: an epoch has batches 0 to 2": {0, -1}, "batch 3: an epoch has batches 0 to 2": {0, 3},
	} {
		if _, _, err := l.Batch(at[0], at[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Batch(%d, %d): error %v, want %q", at[0], at[1], err, want)
		}
	}
	for _, size := range []int{0, -4} {
		none := loader(t, counted(t, 10), size, 1)
		if _, _, err := none.Batch(0, 0); none.Batches() != 0 || err == nil || !strings.Contains(err.Error(), "1 or more") {
			t.Errorf("batch size %d: %d batches, error %v", size, none.Batches(), err)
		}
	}
	empty := loader(t, counted(t, 0), 4, 1)
	if _, _, err := empty.Batch(0, 0); empty.Batches() != 0 || err == nil {
		t.Errorf("no samples: %d batches, error %v", empty.Batches(), err)
	}
}

func TestClosedLoaderSaysSo(t *testing.T) {
	t.Parallel()
	for calls := range 3 {
		l := data.NewLoader(counted(t, 10), 4, 1)
		for i := range calls {
			take(t, l, 0, i)
		}
		l.Close()
		l.Close()
		if _, _, err := l.Batch(0, 0); !errors.Is(err, data.ErrClosed) {
			t.Errorf("Batch after Close: error %v, want ErrClosed", err)
		}
	}
}

// Not parallel: it counts the allocations of the whole process.
func TestLoaderDoesNotAllocateInItsSteadyState(t *testing.T) {
	l := loader(t, counted(t, 1000), 64, 1)
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

func ExampleLoader() {
	d, err := data.Open(context.Background(), data.Options{Name: data.Digits, Train: 1000, Test: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := data.NewLoader(d.Train, 128, 1)
	defer l.Close()
	for i := range l.Batches() {
		x, labels, err := l.Batch(0, i)
		if err != nil {
			fmt.Println(err)
			return
		}
		if i == 0 || i == l.Batches()-1 {
			fmt.Println("batch", i, "has", len(x), "inputs and", len(labels), "labels")
		}
	}
	// Output:
	// batch 0 has 100352 inputs and 128 labels
	// batch 7 has 81536 inputs and 104 labels
}

func BenchmarkGather(b *testing.B) {
	d, err := data.Open(context.Background(), data.Options{Name: data.Digits, Train: 20000, Test: 1})
	if err != nil {
		b.Fatal(err)
	}
	order := data.Permutation(1, 0, d.Train.Len())
	x, labels := make([]float32, 128*784), make([]int32, 128)
	for i := 0; b.Loop(); i = (i + 128) % (len(order) - 128) {
		d.Train.Gather(order[i:i+128], x, labels)
	}
}
