package blas_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"espalier/models/engine/blas"
)

// libraries are ours, gonum and, where it is installed, OpenBLAS.
func libraries() []blas.Library {
	libs := []blas.Library{blas.Gonum(), blas.Native()}
	if lib := blas.Open(); strings.HasPrefix(lib.String(), "openblas") {
		libs = append(libs, lib)
	}
	return libs
}

// matrix is a stored matrix, its rows stride apart.
type matrix struct {
	data   []float32
	stride int
}

func random(r *rand.Rand, rows, cols, padding int) matrix {
	m := matrix{make([]float32, rows*(cols+padding)), cols + padding}
	for i := range m.data {
		m.data[i] = float32(r.NormFloat64())
	}
	return m
}

func (m matrix) at(trans bool, i, j int) float64 {
	if trans {
		i, j = j, i
	}
	return float64(m.data[i*m.stride+j])
}

type problem struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float32
	padding        int
}

func problems() []problem {
	var all []problem
	for _, size := range [][3]int{{1, 1, 1}, {1, 10, 7}, {3, 5, 2}, {16, 4, 8}, {64, 100, 30}, {17, 33, 129}, {5, 1, 9}, {0, 3, 2}, {2, 0, 2}} {
		for trans := range 4 {
			for _, scale := range [][2]float32{{1, 0}, {1, 1}, {-0.5, 2}} {
				all = append(all, problem{trans&1 != 0, trans&2 != 0, size[0], size[1], size[2], scale[0], scale[1], trans})
			}
		}
	}
	return all
}

func TestGemmMatchesItsDefinition(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries() {
		t.Run(lib.String(), func(t *testing.T) {
			t.Parallel()
			for _, p := range problems() {
				t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) { checkGemm(t, lib, p) })
			}
		})
	}
}

func checkGemm(t *testing.T, lib blas.Library, p problem) {
	r := rand.New(rand.NewPCG(1, 2))
	stored := func(trans bool, rows, cols int) matrix {
		if trans {
			rows, cols = cols, rows
		}
		return random(r, rows, cols, p.padding)
	}
	a, b, c := stored(p.transA, p.m, p.k), stored(p.transB, p.k, p.n), stored(false, p.m, p.n)
	was := matrix{append([]float32(nil), c.data...), c.stride}
	if p.beta == 0 { // C need not hold numbers then
		for i := range p.m {
			for j := range p.n {
				c.data[i*c.stride+j] = float32(math.NaN())
			}
		}
	}
	lib.Gemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a.data, max(1, a.stride), b.data, max(1, b.stride), p.beta, c.data, max(1, c.stride))
	for i := range p.m {
		for j := range c.stride {
			want := was.at(false, i, j) // beyond the matrix nothing changes
			if j < p.n {
				sum := 0.0
				for l := range p.k {
					sum += a.at(p.transA, i, l) * b.at(p.transB, l, j)
				}
				want = float64(p.alpha) * sum
				if p.beta != 0 {
					want += float64(p.beta) * was.at(false, i, j)
				}
			}
			if got := c.at(false, i, j); !(math.Abs(got-want) <= 1e-4) {
				t.Fatalf("C[%d,%d] = %g, want %g", i, j, got, want)
			}
		}
	}
}

func TestConcurrentProductsHaveTheSameBits(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries() {
		r := rand.New(rand.NewPCG(3, 4))
		a, b := random(r, 60, 80, 0), random(r, 80, 70, 0)
		product := func() []float32 {
			c := make([]float32, 60*70)
			lib.Gemm(false, false, 60, 70, 80, 1, a.data, 80, b.data, 70, 0, c, 70)
			return c
		}
		want := product()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					for i, v := range product() {
						if math.Float32bits(v) != math.Float32bits(want[i]) {
							t.Errorf("%s: element %d is %g among others, %g alone", lib, i, v, want[i])
							return
						}
					}
				}
			})
		}
		all.Wait()
	}
}

// C code must never see a slice that is too short.
func TestShortSlicesPanic(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries() {
		for name, call := range map[string]func(x, short []float32){
			"A":          func(x, short []float32) { lib.Gemm(false, false, 4, 4, 4, 1, short, 4, x, 4, 0, x, 4) },
			"B":          func(x, short []float32) { lib.Gemm(false, false, 4, 4, 4, 1, x, 4, short, 4, 0, x, 4) },
			"C":          func(x, short []float32) { lib.Gemm(false, false, 4, 4, 4, 1, x, 4, x, 4, 0, short, 4) },
			"A^T":        func(x, short []float32) { lib.Gemm(true, false, 4, 4, 4, 1, short, 4, x, 4, 0, x, 4) },
			"the stride": func(x, _ []float32) { lib.Gemm(false, false, 4, 4, 4, 1, x, 3, x, 4, 0, x, 4) },
			"the sum":    func(x, _ []float32) { lib.Gemm(false, false, 4, 4, 0, 1, x, 4, x, 4, 0, x, 4) },
			"the size":   func(x, _ []float32) { lib.Gemm(false, false, -1, 4, 4, 1, x, 4, x, 4, 0, x, 4) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s is out of bounds and nothing happens", lib, name)
					}
				}()
				call(make([]float32, 16), make([]float32, 15))
			}()
		}
	}
}

func TestOpenBLASSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"no-such-library.so", "testdata"} {
		if lib, err := blas.OpenBLAS(file); err == nil || !strings.Contains(err.Error(), "open blas "+file) {
			t.Errorf("%s: %v, %v, want an error that names it", file, lib, err)
		}
	}
	// A library that is none: every process has the C library.
	if lib, err := blas.OpenBLAS("libc.so.6"); err == nil {
		t.Errorf("the C library passes for %s", lib)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`gonum\.org/v1/gonum v(\S+)`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod does not name gonum's version")
	}
	if got, want := blas.Gonum().String(), "gonum "+string(version[1]); got != want {
		t.Errorf("name %q, go.mod says %q", got, want)
	}
	named := regexp.MustCompile(`^(openblas \d+\.\d+\.\d+\S* \w+|gemm \d+|gonum .*)$`)
	if got := blas.Open().String(); !named.MatchString(got) {
		t.Errorf("name %q, want library, version and kernel", got)
	}
}
