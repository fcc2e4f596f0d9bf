//go:build (linux || darwin) && (amd64 || arm64)

package sparse_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"espalier/models/engine/sparse"
)

// gemv is y = W x by OpenBLAS on one thread, W of rows x columns.
func gemv(b *testing.B) func(y, w, x []float32, rows, columns int) {
	b.Helper()
	handle, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		b.Skip("no OpenBLAS:", err)
	}
	symbol := func(name string) uintptr {
		p, err := purego.Dlsym(handle, name)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	purego.SyscallN(symbol("openblas_set_num_threads"), 1)
	sgemv := symbol("sgemv_")
	// The arguments lie on the heap, where nothing moves.
	a := &gemvArguments{trans: 'T', one: 1, alpha: 1}
	return func(y, w, x []float32, rows, columns int) {
		// Fortran is column-major: to it W is its transpose.
		a.m, a.n, a.w, a.x, a.y = int32(columns), int32(rows), &w[0], &x[0], &y[0]
		purego.SyscallN(sgemv, address(&a.trans), address(&a.m), address(&a.n), address(&a.alpha), address(a.w), address(&a.m),
			address(a.x), address(&a.one), address(&a.beta), address(a.y), address(&a.one), 1)
		runtime.KeepAlive(a)
	}
}

// gemvArguments hold what C reads.
type gemvArguments struct {
	trans       byte
	m, n, one   int32
	alpha, beta float32
	w, x, y     *float32
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// worked is how long the processors have worked for this process.
func worked(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBesideOpenBLAS multiplies 4096 x 4096 weights, of which 95 % are
// zero, with one sample: by OpenBLAS's sgemv, by CSR and from 32 shared values,
// in turns and each on one thread. It reports medians of the processor's time,
// so that other work of the machine counts less, and how many times as fast as
// sgemv the others are.
func BenchmarkBesideOpenBLAS(b *testing.B) {
	const size = 4096
	sgemv := gemv(b)
	r := rand.New(rand.NewPCG(1, 1))
	w, x, y := kept(r, size*size, 0.05), normal(r, size), make([]float32, size)
	var layers []*sparse.Linear
	for _, keep := range []func([]float32, int, int) (*sparse.Matrix, error){sparse.New, sparse.NewShared} {
		m, err := keep(w, size, size)
		if err != nil {
			b.Fatal(err)
		}
		layers = append(layers, sparse.NewLinear(m))
	}
	names := []string{"sgemv", "csr", "shared"}
	var times [3][]float64
	for b.Loop() {
		for i := range names {
			begun := worked(b)
			if i == 0 {
				sgemv(y, w, x, size, size)
			} else {
				layers[i-1].Forward(y, x, 1, 0, size, sparse.Epilogue{}, nil)
			}
			times[i] = append(times[i], (worked(b) - begun).Seconds())
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	median := func(i int) float64 { return times[i][len(times[i])/2] }
	for i, name := range names {
		b.ReportMetric(1e6*median(i), name+"-us")
		if i > 0 {
			b.ReportMetric(median(0)/median(i), name+"-times")
		}
	}
}
