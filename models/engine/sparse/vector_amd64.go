package sparse

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go run -C internal/simd . -out ../../simd_amd64.s -stubs ../../simd_amd64.go -pkg sparse

// best is what this machine has.
var best = func() level {
	switch {
	case !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.BMI2):
		return portable
	case cpuid.CPU.Supports(cpuid.AVX512F):
		return avx512
	default:
		return avx2
	}
}()

// masks[n] lets the first n of 16 entries through.
var masks = func() (m [some + 1][some]int32) {
	for n := range m {
		for i := range n {
			m[n][i] = -1
		}
	}
	return m
}()

// The kinds of a matrix, as the assembly numbers them.
const (
	plain = iota
	coded
	full
	gatherSmall
	gatherFullSmall

	walkOffset      = gatherSmall
	walkOffsetCoded = gatherFullSmall
)

// kind is that of a matrix of columns.
func (m *entries) kind() int {
	switch {
	case m.codes == nil:
		return plain
	case m.columns != nil:
		return coded
	default:
		return full
	}
}

// common are the first arguments of the assembly, in its order.
type common struct {
	kind, rows  int
	starts      *int32
	columns     unsafe.Pointer // of uint16, or int32 for offsets; nil for all
	values      unsafe.Pointer // of float32, or uint8 for codes
	book        *float32
	scale, bias *float32
	y           *float32
}

func (m *entries) common(lo, hi int, scale, bias []float32, y *float32) common {
	c := common{kind: m.kind(), rows: hi - lo, starts: &m.starts[lo], scale: &scale[lo], bias: &bias[lo], y: y}
	if m.columns != nil {
		c.columns = unsafe.Pointer(unsafe.SliceData(m.columns))
	}
	c.values = unsafe.Pointer(unsafe.SliceData(m.values))
	if m.codes != nil {
		c.values, c.book = unsafe.Pointer(unsafe.SliceData(m.codes)), &m.book[0]
	}
	return c
}

type gatherArgs struct {
	common
	x     *float32
	relu  int
	masks *int32
}

func gather(on level, g *gathering) {
	if on == portable {
		gatherGeneric(g)
		return
	}
	a := gatherArgs{common: g.common(g.lo, g.hi, g.scale, g.bias, &g.y[g.lo]), x: &g.x[0], relu: flag(g.relu), masks: &masks[0][0]}
	if on == avx2 {
		gatherAVX2((*byte)(unsafe.Pointer(&a)))
		return
	}
	if a.kind != plain && g.shared <= smallBook {
		a.kind += gatherSmall - coded
	}
	gatherAVX512((*byte)(unsafe.Pointer(&a)))
}

type walkArgs struct {
	common
	stride int // bytes
	bases  [most]*float32
}

func multiply(on level, w *walk) {
	if on == portable {
		multiplyGeneric(w)
		return
	}
	w.check()
	p := walkArgs{common: w.common(w.lo, w.hi, w.scale, w.bias, &w.y[0]), stride: 4 * w.stride}
	if w.offsets != nil {
		p.columns = unsafe.Pointer(unsafe.SliceData(w.offsets))
		p.kind = walkOffset
		if w.codes != nil {
			p.kind = walkOffsetCoded
		}
	}
	for v := range w.vectors {
		p.bases[v] = &w.data[w.bases[v]]
	}
	p.run(10*w.vectors + w.chains)
}

// run chooses the assembly by vectors and chains.
func (p *walkArgs) run(shape int) {
	args := (*byte)(unsafe.Pointer(p))
	switch shape {
	case 81:
		lanes8x1AVX2(args)
	case 41:
		lanes4x1AVX2(args)
	case 21:
		lanes2x1AVX2(args)
	case 11:
		lanes1x1AVX2(args)
	case 22:
		lanes2x2AVX2(args)
	case 14:
		lanes1x4AVX2(args)
	}
}

type turnArgs struct {
	to               *float32
	toStride, toStep int
	from             *float32
	fromStride       int
	fromStep         int
	squares          int
	residual         *float32
	relu             int
}

// turn does whole squares in assembly, and the strips beside them.
func turn(on level, t *turning) {
	rows, columns := t.rows/vector*vector, t.columns/vector*vector
	if on == portable || rows == 0 || columns == 0 {
		turnGeneric(t)
		return
	}
	t.check()
	a := turnArgs{toStride: t.toStride, fromStride: t.fromStride, relu: flag(t.relu)}
	if rows > columns {
		a.toStep, a.fromStep, a.squares = vector, vector*t.fromStride, rows/vector
		for c := 0; c < columns; c += vector {
			a.strip(t, 0, c)
		}
	} else {
		a.toStep, a.fromStep, a.squares = vector*t.toStride, vector, columns/vector
		for r := 0; r < rows; r += vector {
			a.strip(t, r, 0)
		}
	}
	if columns < t.columns {
		p := t.part(0, t.rows, columns, t.columns-columns)
		turnGeneric(&p)
	}
	if rows < t.rows {
		p := t.part(rows, t.rows-rows, 0, columns)
		turnGeneric(&p)
	}
}

// strip turns squares from row r and column c on.
func (a *turnArgs) strip(t *turning, r, c int) {
	at := c*t.toStride + r
	a.to, a.from = &t.to[at], &t.from[r*t.fromStride+c]
	if t.residual != nil {
		a.residual = &t.residual[at]
	}
	transposeAVX2((*byte)(unsafe.Pointer(a)))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
