package parallel_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"espalier/models/engine/parallel"
)

// tally counts how often each part ran.
type tally []atomic.Int32

func (t tally) Part(i int) { t[i].Add(1) }

func TestEveryPartRunsOnce(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{0, 1, 2, 3, 8, 100, 40000} {
		w := make(tally, parts)
		parallel.Run(parts, w)
		for i := range w {
			if n := w[i].Load(); n != 1 {
				t.Errorf("%d parts: part %d ran %d times, want 1", parts, i, n)
			}
		}
	}
}

// sum writes without synchronisation what Run must have published when it
// returns; the race detector checks that.
type sum struct{ in, out []int }

func (s *sum) Part(i int) { s.out[i] = s.in[i] * 2 }

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			s := &sum{in: make([]int, 7), out: make([]int, 7)}
			for round := range 2000 {
				for i := range s.in {
					s.in[i] = c + round + i
				}
				parallel.Run(len(s.in), s)
				for i, got := range s.out {
					if want := 2 * (c + round + i); got != want {
						t.Errorf("caller %d round %d part %d = %d, want %d", c, round, i, got, want)
						return
					}
				}
			}
		})
	}
	callers.Wait()
}

// nested work runs work of its own; the inner call finds the crew busy.
type nested struct{ inner []tally }

func (n nested) Part(i int) { parallel.Run(len(n.inner[i]), n.inner[i]) }

func TestWorkInsideWork(t *testing.T) {
	t.Parallel()
	n := nested{inner: []tally{make(tally, 5), make(tally, 5), make(tally, 5)}}
	parallel.Run(len(n.inner), n)
	for i, inner := range n.inner {
		for j := range inner {
			if got := inner[j].Load(); got != 1 {
				t.Errorf("part %d.%d ran %d times, want 1", i, j, got)
			}
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	w := &sum{in: make([]int, 4), out: make([]int, 4)}
	if allocs := testing.AllocsPerRun(100, func() { parallel.Run(4, w) }); allocs != 0 {
		t.Errorf("%v allocations a call, want 0", allocs)
	}
}

func BenchmarkRun(b *testing.B) {
	w := &sum{in: make([]int, 2), out: make([]int, 2)}
	b.ReportAllocs()
	for b.Loop() {
		parallel.Run(2, w)
	}
}
