//go:build (linux || darwin) && (amd64 || arm64)

package blas

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// openBLAS calls the Fortran entry sgemm_, all of whose arguments are
// pointers: a call then needs neither reflection nor a float in a register.
type openBLAS struct {
	sgemm uintptr
	name  string
	calls sync.Pool // of *call
}

// call is one call's arguments and the memory that they point to. It holds
// true pointers, so the garbage collector sees what C uses, and lies on the
// heap, so that nothing moves.
type call struct {
	transA, transB         byte
	m, n, k, lda, ldb, ldc int32
	alpha, beta            float32
	arguments              arguments
}

// arguments are those of sgemm_ in its order, each a word.
type arguments struct {
	transA, transB             *byte
	m, n, k                    *int32
	alpha                      *float32
	a                          *float32
	lda                        *int32
	b                          *float32
	ldb                        *int32
	beta                       *float32
	c                          *float32
	ldc                        *int32
	lengthTransA, lengthTransB uintptr // hidden arguments of Fortran
}

func newCall() any {
	c := new(call)
	c.arguments = arguments{
		transA: &c.transA, transB: &c.transB, m: &c.m, n: &c.n, k: &c.k,
		alpha: &c.alpha, lda: &c.lda, ldb: &c.ldb, beta: &c.beta, ldc: &c.ldc,
		lengthTransA: 1, lengthTransB: 1,
	}
	return c
}

// words are the arguments as a calling convention sees them.
func (c *call) words() []uintptr {
	const n = unsafe.Sizeof(c.arguments) / unsafe.Sizeof(uintptr(0))
	return unsafe.Slice((*uintptr)(unsafe.Pointer(&c.arguments)), n)
}

// OpenBLAS loads the library from that file, by name or by path, and sets it
// to one thread.
func OpenBLAS(file string) (Library, error) {
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("open blas %s: %w", file, err)
	}
	symbols := make(map[string]uintptr)
	for _, name := range []string{"sgemm_", "openblas_set_num_threads", "openblas_get_config", "openblas_get_corename"} {
		if symbols[name], err = purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("open blas %s: %w", file, err)
		}
	}
	config := text(symbols["openblas_get_config"])
	if strings.Contains(config, "USE64BITINT") {
		return nil, fmt.Errorf("open blas %s: built with 64-bit integers (%s), want 32-bit ones", file, config)
	}
	purego.SyscallN(symbols["openblas_set_num_threads"], 1)
	return &openBLAS{
		sgemm: symbols["sgemm_"],
		name:  fmt.Sprintf("openblas %s %s", version(config), text(symbols["openblas_get_corename"])),
		calls: sync.Pool{New: newCall},
	}, nil
}

// version picks "0.3.21" out of "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...".
func version(config string) string {
	if fields := strings.Fields(config); len(fields) > 1 {
		return fields[1]
	}
	return "unknown"
}

// text calls a function that takes nothing and returns a C string.
func text(function uintptr) string {
	p, _, _ := purego.SyscallN(function)
	if p == 0 {
		return ""
	}
	start := *(*unsafe.Pointer)(unsafe.Pointer(&p)) // C memory, which never moves
	n := 0
	for *(*byte)(unsafe.Add(start, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(start), n))
}

func (l *openBLAS) String() string { return l.name }

// Gemm gives Fortran, which is column-major, the transposed problem:
// C^T = op(B)^T op(A)^T.
func (l *openBLAS) Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 {
		return
	}
	call := l.calls.Get().(*call)
	call.transA, call.transB = letter(transB), letter(transA)
	call.m, call.n, call.k = int32(n), int32(m), int32(k)
	call.lda, call.ldb, call.ldc = int32(ldb), int32(lda), int32(ldc)
	call.alpha, call.beta = alpha, beta
	arg := &call.arguments
	arg.a, arg.b, arg.c = unsafe.SliceData(b), unsafe.SliceData(a), unsafe.SliceData(c)
	purego.SyscallN(l.sgemm, call.words()...)
	runtime.KeepAlive(call)
	arg.a, arg.b, arg.c = nil, nil, nil
	l.calls.Put(call)
}

func letter(trans bool) byte {
	if trans {
		return 'T'
	}
	return 'N'
}
