package gemm

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go run -C internal/avx2 . -out ../../avx2_amd64.s -stubs ../../avx2_amd64.go -pkg gemm

// hasAVX2 says whether the assembly can run here.
var hasAVX2 = cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)

func vectorized() bool { return hasAVX2 }

const (
	lanes    = 8
	tileRows = 6
)

// masks[w] lets w of the 8 elements of a vector through.
var masks = func() (m [lanes + 1][lanes]int32) {
	for w := range m {
		for i := range w {
			m[w][i] = -1
		}
	}
	return m
}()

// Blocks are such that a piece of a panel stays in the L1 cache and the rows
// that meet it in L2.
const (
	blockInner = 512
	blockLeft  = 8 << 10 // elements of the left matrix
)

// piece is a part of the inner index: some taps, or a part of one's span.
type piece struct {
	taps       []int32
	from, span int // within each tap
	at         int // inner index
}

func mul(c []float32, rows []int32, a Left, b []float32, lo, hi int, e Epilogue) {
	if !hasAVX2 {
		mulGeneric(c, rows, a, b, lo, hi, e)
		return
	}
	if a.Inner() <= blockInner*3/2 {
		mulPiece(c, rows, a, piece{taps: a.Taps, span: a.Span}, b, lo, hi, e)
		return
	}
	step := max(1, blockInner/a.Span)
	for t := 0; t < len(a.Taps); t += step {
		taps := a.Taps[t:min(t+step, len(a.Taps))]
		parts := max(1, (a.Span+blockInner/2)/blockInner)
		for i := range parts {
			from, to := a.Span*i/parts, a.Span*(i+1)/parts
			part := e
			if t+i > 0 {
				part.From = c
			}
			if t+step < len(a.Taps) || to < a.Span {
				part.Bias, part.ReLU = nil, false
			}
			mulPiece(c, rows, a, piece{taps, from, to - from, t*a.Span + from}, b, lo, hi, part)
		}
	}
}

// mulPiece takes as many rows at a time as stay in cache, and meets them with
// panel after panel.
func mulPiece(c []float32, rows []int32, a Left, p piece, b []float32, lo, hi int, e Epilogue) {
	block := len(a.Rows)
	if hi-lo > Width {
		block = max(4*tileRows, blockLeft/(len(p.taps)*p.span)/tileRows*tileRows)
	}
	for i := 0; i < len(a.Rows); i += block {
		end := min(i+block, len(a.Rows))
		for j := lo; j < hi; j += Width {
			mulPanel(c, rows[i:end], a.Data, a.Rows[i:end], p, b[j*a.Inner()+p.at*Width:], j, min(Width, hi-j), &e)
		}
	}
}

// mulArgs are the arguments of the assembly, in its order.
type mulArgs struct {
	c           *float32
	rows        *int32
	tiles       int
	a           *float32
	aRows, taps *int32
	nTaps, span int
	b           *float32
	mask        *int32
	bias, from  *float32 // or nil
	relu        int
}

func mulPanel(c []float32, rows []int32, a []float32, aRows []int32, p piece, b []float32, j, w int, e *Epilogue) {
	args := mulArgs{
		c: &c[j], tiles: len(rows) / tileRows, a: &a[p.from], taps: &p.taps[0],
		nTaps: len(p.taps), span: p.span, b: &b[0], mask: mask(w), relu: flag(e.ReLU),
	}
	if e.Bias != nil {
		args.bias = &e.Bias[j]
	}
	if e.From != nil {
		args.from = &e.From[j]
	}
	whole := args.tiles * tileRows
	if whole > 0 {
		args.rows, args.aRows = &rows[0], &aRows[0]
		args.run(tileRows, w)
	}
	if whole < len(rows) {
		args.rows, args.aRows, args.tiles = &rows[whole], &aRows[whole], 1
		args.run(len(rows)-whole, w)
	}
}

// run chooses the assembly by a tile's rows and columns.
func (p *mulArgs) run(m, w int) {
	if w <= lanes {
		m += 10
	}
	args := (*byte)(unsafe.Pointer(p))
	switch m {
	case 1:
		mul1x2AVX2(args)
	case 2:
		mul2x2AVX2(args)
	case 3:
		mul3x2AVX2(args)
	case 4:
		mul4x2AVX2(args)
	case 5:
		mul5x2AVX2(args)
	case 6:
		mul6x2AVX2(args)
	case 11:
		mul1x1AVX2(args)
	case 12:
		mul2x1AVX2(args)
	case 13:
		mul3x1AVX2(args)
	case 14:
		mul4x1AVX2(args)
	case 15:
		mul5x1AVX2(args)
	case 16:
		mul6x1AVX2(args)
	}
}

// mask is that of the last vector of a panel of w columns.
func mask(w int) *int32 {
	if w == Width {
		return nil
	}
	return &masks[(w-1)%lanes+1][0]
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
