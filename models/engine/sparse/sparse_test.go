package sparse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/models/engine/conv"
	"espalier/models/engine/sparse"
)

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// pruned are weights of few values, of which a share is not zero.
func pruned(r *rand.Rand, n int, density float64) []float32 {
	w, values := make([]float32, n), normal(r, 1+r.IntN(sparse.MaxShared-1))
	for i := range w {
		if r.Float64() < density {
			w[i] = values[r.IntN(len(values))]
		}
	}
	return w
}

// both are the forms of a matrix.
func both(t *testing.T, w []float32, rows, columns int) []*sparse.Matrix {
	t.Helper()
	plain, err := sparse.New(w, rows, columns)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := sparse.NewShared(w, rows, columns)
	if err != nil {
		t.Fatal(err)
	}
	return []*sparse.Matrix{plain, shared}
}

// near says whether a sum is what float64 makes of it; size is the sum of the
// products' magnitudes.
func near(got float32, want, size float64) bool {
	return math.Abs(float64(got)-want) <= 1e-6*(size+1)
}

func TestLinearIsTheProduct(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		rows, columns, n := 1+r.IntN(90), 1+r.IntN(200), 1+r.IntN(80)
		w, x := pruned(r, rows*columns, r.Float64()), normal(r, n*columns)
		e := sparse.Epilogue{Scale: normal(r, rows), Bias: normal(r, rows), ReLU: r.IntN(2) == 0}
		for _, m := range both(t, w, rows, columns) {
			l := sparse.NewLinear(m)
			y := make([]float32, n*rows)
			for part := range 3 {
				lo, hi := m.Share(part, 3)
				l.Forward(y, x, n, lo, hi, e, make([]float32, l.Workspace(n)))
			}
			for i, got := range y {
				sum, size := 0.0, 0.0
				for k, v := range w[i%rows*columns:][:columns] {
					p := float64(v) * float64(x[i/rows*columns+k])
					sum, size = sum+p, size+math.Abs(p)
				}
				want := sum*float64(e.Scale[i%rows]) + float64(e.Bias[i%rows])
				if e.ReLU {
					want = max(0, want)
				}
				if !near(got, want, size*math.Abs(float64(e.Scale[i%rows]))) {
					t.Fatalf("%d samples, %d x %d: row %d of sample %d is %g, want %g", n, rows, columns, i%rows, i/rows, got, want)
				}
			}
		}
	}
}

// shapes draws a layer.
func shapes(r *rand.Rand) conv.Shape {
	for {
		groups := 1 + r.IntN(3)
		s := conv.Shape{
			H: 1 + r.IntN(20), W: 1 + r.IntN(20), C: groups * (1 + r.IntN(10)), K: groups * (1 + r.IntN(20)), Groups: groups,
			Kernel: [2]int{1 + r.IntN(4), 1 + r.IntN(4)}, Stride: [2]int{1 + r.IntN(3), 1 + r.IntN(3)},
			Dilation: [2]int{1 + r.IntN(2), 1 + r.IntN(2)}, Pad: [4]int{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)},
		}
		fits := s.H+s.Pad[0]+s.Pad[2] > s.Dilation[0]*(s.Kernel[0]-1) && s.W+s.Pad[1]+s.Pad[3] > s.Dilation[1]*(s.Kernel[1]-1)
		if fits {
			return s
		}
	}
}

func TestConvIsTheDenseConvolution(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for range 120 {
		s := shapes(r)
		oh, ow := s.Out()
		patch, n := s.C/s.Groups*s.Kernel[0]*s.Kernel[1], 1+r.IntN(5)
		w, x := pruned(r, s.K*patch, r.Float64()), normal(r, n*s.H*s.W*s.C)
		bias, residual := normal(r, s.K), normal(r, n*oh*ow*s.K)
		if r.IntN(2) == 0 {
			residual = nil
		}
		relu := r.IntN(2) == 0
		dense := conv.New(s)
		packed := make([]float32, dense.PackedLen())
		dense.Pack(packed, w, 0, 1)
		want := make([]float32, n*oh*ow*s.K)
		dense.Forward(want, x, n, packed, 0, s.K, conv.Epilogue{Bias: bias, Residual: residual, ReLU: relu}, make([]float32, dense.Workspace()))
		for _, m := range both(t, w, s.K, patch) {
			c, err := sparse.NewConv(m, s)
			if err != nil {
				t.Fatal(err)
			}
			ws, y := normal(r, c.Workspace()), make([]float32, len(want))
			for part := range 2 {
				lo, hi := m.Share(part, 2)
				c.Forward(y, x, n, lo, hi, sparse.Epilogue{Bias: bias, ReLU: relu}, residual, ws)
			}
			for i, got := range y {
				if !near(got, float64(want[i]), 10*math.Sqrt(float64(patch))) {
					t.Fatalf("%+v, %d samples: element %d is %g, want %g", s, n, i, got, want[i])
				}
			}
		}
	}
}

// A sample's result is the same bits in any company, and rows in any division.
func TestConvDoesNotDependOnTheBatch(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for range 40 {
		s := shapes(r)
		oh, ow := s.Out()
		patch, n := s.C/s.Groups*s.Kernel[0]*s.Kernel[1], 6
		x, from, to := normal(r, n*s.H*s.W*s.C), s.H*s.W*s.C, oh*ow*s.K
		for _, m := range both(t, pruned(r, s.K*patch, 0.3), s.K, patch) {
			c, err := sparse.NewConv(m, s)
			if err != nil {
				t.Fatal(err)
			}
			ws := make([]float32, c.Workspace())
			whole, single := make([]float32, n*to), make([]float32, n*to)
			c.Forward(whole, x, n, 0, s.K, sparse.Epilogue{}, nil, ws)
			for i := range n {
				for k := range s.K {
					c.Forward(single[i*to:], x[i*from:], 1, k, k+1, sparse.Epilogue{}, nil, ws)
				}
			}
			if !slices.Equal(whole, single) {
				t.Fatalf("%+v: one sample and one filter at a time give other bits than all", s)
			}
		}
	}
}

func TestAWeightOfZeroDoesNotSeeInfinity(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	for _, m := range both(t, []float32{0, 2, 0, 0, 0, 0, 0, 0}, 2, 4) {
		l := sparse.NewLinear(m)
		for _, n := range []int{1, 3} {
			x, y := slices.Repeat([]float32{inf, 3, inf, inf}, n), make([]float32, 2*n)
			l.Forward(y, x, n, 0, 2, sparse.Epilogue{}, make([]float32, l.Workspace(n)))
			if want := slices.Repeat([]float32{6, 0}, n); !slices.Equal(y, want) {
				t.Errorf("%d samples: %v, want %v", n, y, want)
			}
		}
	}
}

func TestSharesCoverTheRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	for range 50 {
		rows, columns, parts := 1+r.IntN(50), 1+r.IntN(50), 1+r.IntN(9)
		for _, m := range both(t, pruned(r, rows*columns, 0.2), rows, columns) {
			at := 0
			for part := range parts {
				lo, hi := m.Share(part, parts)
				if lo != at || hi < lo {
					t.Fatalf("part %d of %d is %d to %d, want it to begin at %d", part, parts, lo, hi, at)
				}
				at = hi
			}
			if at != rows {
				t.Fatalf("%d parts end at row %d of %d", parts, at, rows)
			}
		}
	}
}

func TestASharedMatrixIsSmaller(t *testing.T) {
	t.Parallel()
	w := make([]float32, 100*100)
	for i := range w {
		if i%10 == 0 {
			w[i] = float32(1 + i%7)
		}
	}
	matrices := both(t, w, 100, 100)
	if plain, want := matrices[0].Bytes(), 4*101+6*1000; plain != want {
		t.Errorf("%d bytes, want %d", plain, want)
	}
	if shared, want := matrices[1].Bytes(), 4*101+4*7+3*1000; shared != want {
		t.Errorf("%d bytes shared, want %d", shared, want)
	}
}

func TestWhatIsNoMatrixIsAnError(t *testing.T) {
	t.Parallel()
	different := make([]float32, 257)
	for i := range different {
		different[i] = float32(i + 1)
	}
	tests := map[string]struct {
		make func() (*sparse.Matrix, error)
		want string
	}{
		"no rows":          {func() (*sparse.Matrix, error) { return sparse.New(nil, 0, 3) }, "a matrix of 0 x 3: there is at least one row"},
		"too wide":         {func() (*sparse.Matrix, error) { return sparse.New(make([]float32, 65537), 1, 65537) }, "from 1 to 65536 columns"},
		"too few weights":  {func() (*sparse.Matrix, error) { return sparse.New(make([]float32, 5), 2, 3) }, "5 weights for a matrix of 2 x 3"},
		"too many values":  {func() (*sparse.Matrix, error) { return sparse.NewShared(different, 1, 257) }, "more than 256 different values"},
		"another's matrix": {otherConv, "a matrix of 2 x 3 for a convolution of 2 filters of 9 weights"},
	}
	for name, test := range tests {
		if _, err := test.make(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

func otherConv() (*sparse.Matrix, error) {
	m, err := sparse.New(make([]float32, 6), 2, 3)
	if err != nil {
		return nil, err
	}
	_, err = sparse.NewConv(m, conv.Shape{H: 4, W: 4, C: 1, K: 2, Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1})
	return nil, err
}

func Example() {
	m, err := sparse.New([]float32{0, 2, 0, 0, 0, -1}, 2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float32, 2)
	sparse.NewLinear(m).Forward(y, []float32{5, 6, 7}, 1, 0, 2, sparse.Epilogue{ReLU: true}, nil)
	fmt.Println(m.Entries(), "of 6 weights:", y)
	// Output: 2 of 6 weights: [12 0]
}

func TestNothingIsAllocated(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	s := conv.Shape{H: 9, W: 9, C: 3, K: 5, Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1}
	for _, m := range both(t, pruned(r, 5*27, 0.3), 5, 27) {
		l := sparse.NewLinear(m)
		c, err := sparse.NewConv(m, s)
		if err != nil {
			t.Fatal(err)
		}
		x, y, ws := normal(r, 2*9*9*5), make([]float32, 2*9*9*5), make([]float32, max(c.Workspace(), l.Workspace(7)))
		n := testing.AllocsPerRun(10, func() {
			l.Forward(y, x, 1, 0, 5, sparse.Epilogue{}, ws)
			l.Forward(y, x, 7, 0, 5, sparse.Epilogue{}, ws)
			c.Forward(y, x, 2, 0, 5, sparse.Epilogue{ReLU: true}, nil, ws)
		})
		if n != 0 {
			t.Errorf("%g allocations, want none", n)
		}
	}
}
