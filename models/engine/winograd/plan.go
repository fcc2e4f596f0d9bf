package winograd

import (
	"iter"
	"unsafe"

	"espalier/models/engine/gemm"
)

// patch is where a tile's values lie in an image: the first of each row, from
// column from of the tile on. What is not there is 0.
type patch struct {
	rows       [maxPositions]int32 // -1: outside the image
	from, cols int32
}

// place is where a tile's results go: the first, and how many.
type place struct {
	at, rows, cols, _ int32
}

// plan is a convolution in one direction. The tiles of all samples are lined
// up and computed in blocks; a block's transformed values are, for each
// position, a matrix of tiles x channels, and so are its products.
type plan struct {
	form
	Shape
	oh, ow  int
	patches []patch // of one sample
	grads   []patch // the same tiles in the gradient of the result
	places  []place

	left, right      []int32 // begin of a tile's row in the matrices of values and products
	values, products int     // elements from position to position
	weights          int     // elements from position to position
}

const (
	lanes     = 8
	cacheLine = 16 // elements
)

func newPlan(s Shape, f form) *plan {
	p := &plan{form: f, Shape: s}
	p.oh, p.ow = s.Out()
	m := f.side()
	for y := 0; y < p.oh; y += m {
		for x := 0; x < p.ow; x += m {
			p.patches = append(p.patches, cut(y-s.Pad[0], x-s.Pad[1], f.span(), s.H, s.W, s.C))
			p.grads = append(p.grads, cut(y, x, m, p.oh, p.ow, s.K))
			p.places = append(p.places, place{
				at: int32((y*p.ow + x) * s.K), rows: int32(min(m, p.oh-y)), cols: int32(min(m, p.ow-x)),
			})
		}
	}
	for i := range blockTiles {
		p.left = append(p.left, int32(i*p.valueRow()))
		p.right = append(p.right, int32(i*p.productRow()))
	}
	p.values, p.products = spread(blockTiles*p.valueRow()), spread(blockTiles*p.productRow())
	p.weights = spread(gemm.PackedLen(s.C, s.K))
	return p
}

// cut finds the patch of side x side values at row y and column x.
func cut(y, x, side, h, w, c int) patch {
	p := patch{from: int32(max(0, -x))}
	p.cols = int32(max(0, min(side, w-x)-int(p.from)))
	for i := range p.rows {
		p.rows[i] = -1
		if i < side && y+i >= 0 && y+i < h && p.cols > 0 {
			p.rows[i] = int32(((y+i)*w + x + int(p.from)) * c)
		}
	}
	return p
}

// blockTiles is how many tiles are computed at a time: enough for the weights,
// which every block reads, to cost less than the products, and few enough for
// values and products to stay near. It is a multiple of the rows that a product
// takes at a time. From 36 to 72 the layers of VGG-16 and ResNet-20 take the
// same time within a tenth.
const blockTiles = 48

// pad rounds channels up to whole vectors.
func pad(c int) int { return (c + lanes - 1) / lanes * lanes }

// valueRow and productRow are elements from tile to tile in the matrices. Long
// rows are an odd number of cache lines, for a column to stay in cache.
func (p *plan) valueRow() int   { return longRow(pad(p.C)) }
func (p *plan) productRow() int { return longRow((p.K + panel - 1) / panel * panel) }

func longRow(n int) int {
	if n < 128 {
		return n
	}
	return spread(n)
}

// spread rounds up to an odd number of cache lines, so that the same element
// of all positions does not fall into one set of the cache.
func spread(n int) int { return ((n+cacheLine-1)/cacheLine | 1) * cacheLine }

func (p *plan) packedLen() int { return p.positions() * p.weights }

func (p *plan) workspace() int {
	return p.positions()*(p.values+p.products) + cacheLine
}

// scratch cuts the workspace, from the start of a cache line.
func (p *plan) scratch(ws []float32) (values, products []float32) {
	skip := -int(uintptr(unsafe.Pointer(&ws[0]))/4) & (cacheLine - 1)
	ws = ws[skip:]
	n, m := p.positions()*p.values, p.positions()*p.products
	return ws[:n:n], ws[n : n+m : n+m]
}

// blocks divides tiles evenly into as few blocks as can be, and gives the size.
func blocks(tiles int) int {
	n := (tiles + blockTiles - 1) / blockTiles
	return min(blockTiles, ((tiles+n-1)/n+5)/6*6)
}

// run is the whole convolution of n samples.
func (p *plan) run(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, blank, ws []float32) {
	if n == 0 || lo >= hi {
		return
	}
	y, x = y[:n*p.oh*p.ow*p.K], x[:n*p.H*p.W*p.C]
	_ = packed[p.packedLen()-1]
	if e.Residual != nil {
		_ = e.Residual[len(y)-1]
	}
	values, products := p.scratch(ws)
	total := n * len(p.patches)
	block := blocks(total)
	for first := 0; first < total; first += block {
		count := min(block, total-first)
		p.analyse(values, x, first, count, blank)
		p.multiply(products, values, count, packed, lo, hi)
		p.synthesise(y, products, first, count, lo, hi, e, blank)
	}
}

// run is some neighbouring tiles of one sample.
type run struct{ sample, tile, count, done int } // done: tiles before it

// runs divides count tiles, from the first on of those of all samples.
func (p *plan) runs(first, count int) iter.Seq[run] {
	return func(yield func(run) bool) {
		for done := 0; done < count; {
			sample, tile := (first+done)/len(p.patches), (first+done)%len(p.patches)
			n := min(count-done, len(p.patches)-tile)
			if !yield(run{sample, tile, n, done}) {
				return
			}
			done += n
		}
	}
}

// analyse transforms the values of count tiles from the first on.
func (p *plan) analyse(values, x []float32, first, count int, blank []float32) {
	size := p.H * p.W * p.C
	for r := range p.runs(first, count) {
		analyse(p.form, analysisInput, analysis{
			dst: values[r.done*p.valueRow():], position: p.values, row: p.valueRow(), x: x[r.sample*size : (r.sample+1)*size],
			patches: p.patches[r.tile : r.tile+r.count], channels: p.C, blank: blank,
		})
	}
}

// analyseGradient is analyse for the gradient of the result.
func (p *plan) analyseGradient(products, g []float32, first, count int, blank []float32) {
	size := p.oh * p.ow * p.K
	for r := range p.runs(first, count) {
		analyse(p.form, analysisGradient, analysis{
			dst: products[r.done*p.productRow():], position: p.products, row: p.productRow(), x: g[r.sample*size : (r.sample+1)*size],
			patches: p.grads[r.tile : r.tile+r.count], channels: p.K, blank: blank,
		})
	}
}

// synthesise transforms the products of count tiles back and stores the result.
func (p *plan) synthesise(y, products []float32, first, count, lo, hi int, e Epilogue, blank []float32) {
	size := p.oh * p.ow * p.K
	for r := range p.runs(first, count) {
		s := synthesis{
			y: y[r.sample*size+lo : (r.sample+1)*size], products: products[r.done*p.productRow()+lo:], position: p.products,
			row: p.productRow(), places: p.places[r.tile : r.tile+r.count], channels: hi - lo, pixel: p.K, line: p.ow * p.K,
			plain: e.Bias == nil && e.Residual == nil && !e.ReLU, bias: blank[:hi-lo], relu: e.ReLU,
		}
		if e.Bias != nil {
			s.bias = e.Bias[lo:hi]
		}
		if e.Residual != nil {
			s.residual = e.Residual[r.sample*size+lo : (r.sample+1)*size]
		}
		synthesise(p.form, s)
	}
}
