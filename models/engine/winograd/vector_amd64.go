package winograd

import (
	"math"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go run -C internal/avx2 . -out ../../avx2_amd64.s -stubs ../../avx2_amd64.go -pkg winograd

// hasAVX2 says whether the assembly can run here.
var hasAVX2 = cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)

// masks[w] lets w of the 8 elements of a vector through.
var masks = func() (m [lanes][lanes]int32) {
	for w := range m {
		for i := range w {
			m[w][i] = -1
		}
	}
	return m
}()

// mask is that of the channels beyond whole vectors, if there are any.
func mask(channels int) *int32 {
	if channels%lanes == 0 {
		return nil
	}
	return &masks[channels%lanes][0]
}

const bytes = 4 // of an element

// tileScratch is what the assembly needs for a tile: a vector per position.
type tileScratch [maxPositions*maxPositions*lanes + cacheLine]float32

// aligned is the first element that begins a cache line: vectors across two
// lines would take twice the time.
func aligned(x []float32) *float32 {
	return &x[-int(uintptr(unsafe.Pointer(&x[0]))/bytes)&(cacheLine-1)]
}

// analysisArgs are the arguments of the assembly, in its order.
type analysisArgs struct {
	dst, x               *float32
	patches              *patch
	count                int
	blank                *float32
	whole                int
	mask                 *int32
	position, pixel, row int
	scratch              *float32
	begin                *float32
	cols                 int
	own                  [2]int // what the assembly moves
}

func analyse(f form, kind analysisKind, a analysis) {
	if !hasAVX2 {
		analyseGeneric(f, kind, a)
		return
	}
	var scratch tileScratch
	args := analysisArgs{
		dst: &a.dst[0], x: &a.x[0], patches: &a.patches[0], count: len(a.patches), blank: &a.blank[0],
		whole: a.channels / lanes * lanes * bytes, mask: mask(a.channels), position: a.position * bytes,
		pixel: a.channels * bytes, row: a.row * bytes, scratch: aligned(scratch[:]),
	}
	words := (*byte)(unsafe.Pointer(&args))
	switch {
	case kind == analysisInput && f == tile2:
		analyseInput2AVX2(words)
	case kind == analysisInput:
		analyseInput4AVX2(words)
	case f == tile2:
		analyseGradient2AVX2(words)
	default:
		analyseGradient4AVX2(words)
	}
}

// synthesisArgs are the arguments of the assembly, in its order.
type synthesisArgs struct {
	y, products                *float32
	places                     *place
	count                      int
	residual, bias             *float32
	floor                      float32
	_                          float32
	whole                      int
	mask                       *int32
	position, row, pixel, line int
	scratch                    *float32
	own                        [2]int
}

func synthesise(f form, s synthesis) {
	if !hasAVX2 {
		synthesiseGeneric(f, s)
		return
	}
	var scratch tileScratch
	args := synthesisArgs{
		y: &s.y[0], products: &s.products[0], places: &s.places[0], count: len(s.places), bias: &s.bias[0],
		floor: float32(math.Inf(-1)), whole: s.channels / lanes * lanes * bytes, mask: mask(s.channels),
		position: s.position * bytes, row: s.row * bytes, pixel: s.pixel * bytes, line: s.line * bytes,
		scratch: aligned(scratch[:]),
	}
	if s.relu {
		args.floor = 0
	}
	if s.residual != nil {
		args.residual = &s.residual[0]
	}
	args.run(f, s.plain)
}

func (p *synthesisArgs) run(f form, plain bool) {
	words := (*byte)(unsafe.Pointer(p))
	switch {
	case f == tile2 && plain:
		synthesise2AVX2(words)
	case f == tile2 && p.residual == nil:
		synthesiseBias2AVX2(words)
	case f == tile2:
		synthesiseResidual2AVX2(words)
	case plain:
		synthesise4AVX2(words)
	case p.residual == nil:
		synthesiseBias4AVX2(words)
	default:
		synthesiseResidual4AVX2(words)
	}
}

// panelScratch is what the assembly needs for 8 filters: a vector for each of
// their elements, for each of a transform that is half done and for each
// position.
type panelScratch [(taps+(filter+maxPositions)*maxPositions)*lanes + cacheLine]float32

// streamed is from how many elements on packed weights are written past the
// caches, which would not keep them until they are read.
const streamed = 4 << 20

// packArgs are the arguments of the assembly, in its order.
type packArgs struct {
	u, w                           *float32
	column, inner, count, position int
	scratch                        *float32
	own                            [2]int
}

func pack(f form, p filters) {
	if !hasAVX2 {
		packGeneric(f, p)
		return
	}
	var scratch panelScratch
	args := packArgs{
		u: &p.u[0], w: &p.w[0], column: p.column * bytes, inner: p.inner * bytes, count: p.rows,
		position: p.position * bytes, scratch: aligned(scratch[:]),
	}
	stream := p.position*f.positions() >= streamed && uintptr(unsafe.Pointer(args.u))%(lanes*bytes) == 0
	if p.width == panel {
		args.run(f, p.rotate, stream)
		return
	}
	var whole [panel * taps]float32 // a panel that is not full, filled up with zeros
	for r := range p.rows {
		for k := range p.width {
			copy(whole[k*taps:(k+1)*taps], p.w[k*p.column+r*p.inner:])
		}
		args.u, args.w, args.column, args.count = &p.u[r*panel], &whole[0], taps*bytes, 1
		args.run(f, p.rotate, stream)
	}
}

func (p *packArgs) run(f form, rotate, stream bool) {
	words := (*byte)(unsafe.Pointer(p))
	variant := int(f)
	if rotate {
		variant += 2
	}
	if stream {
		variant += 4
	}
	switch variant {
	case 0:
		pack2AVX2(words)
	case 1:
		pack4AVX2(words)
	case 2:
		packRotated2AVX2(words)
	case 3:
		packRotated4AVX2(words)
	case 4:
		stream2AVX2(words)
	case 5:
		stream4AVX2(words)
	case 6:
		streamRotated2AVX2(words)
	case 7:
		streamRotated4AVX2(words)
	}
}

// finishArgs are the arguments of the assembly, in its order.
type finishArgs struct {
	w                             *float32
	column, inner                 int
	accs                          *[]float32
	accCount, at, count, position int
	scratch                       *float32
	own                           [1]int
}

func finishGradW(f form, p finish) {
	if !hasAVX2 {
		finishGeneric(f, p)
		return
	}
	var scratch panelScratch
	args := finishArgs{
		w: &p.w[0], column: p.column * bytes, inner: p.inner * bytes, accs: &p.accs[0], accCount: len(p.accs),
		at: p.at * bytes, count: p.rows, position: p.position * bytes, scratch: aligned(scratch[:]),
	}
	if p.width == panel {
		args.run(f)
		return
	}
	var whole [panel * taps]float32
	for r := range p.rows {
		args.w, args.column, args.count, args.at = &whole[0], taps*bytes, 1, (p.at+r*panel)*bytes
		args.run(f)
		for k := range p.width {
			copy(p.w[k*p.column+r*p.inner:], whole[k*taps:(k+1)*taps])
		}
	}
}

func (p *finishArgs) run(f form) {
	words := (*byte)(unsafe.Pointer(p))
	if f == tile2 {
		finish2AVX2(words)
	} else {
		finish4AVX2(words)
	}
}
