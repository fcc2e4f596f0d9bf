package reconstruct

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// block is how many rows are multiplied at once: as many as lie in the cache.
const block = 64

// cell is where a column of the weight looks, from where its filter stands: rows
// down and columns right in a plane.
type cell struct{ plane, down, right int }

// cells are those of the live columns.
func (r *reader) cells() []cell {
	a := r.node.Attrs.Defaults()
	kh, kw := 1, 1
	if len(r.weight.Shape) == 4 {
		kh, kw = r.weight.Shape[2], r.weight.Shape[3]
	}
	var cells []cell
	for _, column := range r.live {
		tap := column % (kh * kw)
		cells = append(cells, cell{
			plane: column / (kh * kw) * r.image[1] * r.image[2],
			down:  tap/kw*a.Dilation[0] - a.Pad[0],
			right: tap%kw*a.Dilation[1] - a.Pad[1],
		})
	}
	return cells
}

// sum adds the products of a batch to those of the equations, of which gram has
// its upper triangle until the end.
func (r *reader) sum(ctx context.Context, first, n int, outputs map[string][]float32) error {
	cells, width, filters := r.cells(), r.columns()+1, r.filters()
	z := blas64.General{Cols: width, Stride: width, Data: make([]float64, block*width)}
	y := blas64.General{Cols: filters, Stride: filters, Data: make([]float64, block*filters)}
	input, size := outputs[r.node.Inputs[0]], r.image.Size()
	side := r.fromSide(outputs)
	targets := r.targets[first*r.perImage*filters:]
	var err error
	r.each(first, n, func(image, position int) {
		r.patch(z.Data[z.Rows*width:][:width], cells, input[image*size:][:size], position)
		for f, row := 0, y.Data[z.Rows*filters:][:filters]; f < filters; f++ {
			row[f] = float64(targets[f]) - side(r.at(image, f, position), f)
			r.energy[f] += row[f] * row[f]
		}
		targets = targets[filters:]
		if z.Rows++; z.Rows == block {
			r.multiply(&z, &y)
			err = ctx.Err()
		}
	})
	r.multiply(&z, &y)
	return err
}

// patch fills a row with what the live columns read at a position, and 1.
func (r *reader) patch(row []float64, cells []cell, image []float32, position int) {
	a := r.node.Attrs.Defaults()
	height, width := r.image[1], r.image[2]
	top, left := position/r.out[2]*a.Stride[0], position%r.out[2]*a.Stride[1]
	for i, c := range cells {
		y, x := top+c.down, left+c.right
		row[i] = 0
		if y >= 0 && y < height && x >= 0 && x < width {
			row[i] = float64(image[c.plane+y*width+x])
		}
	}
	row[len(cells)] = 1
}

// multiply adds the products of a block and empties it.
func (r *reader) multiply(z, y *blas64.General) {
	if z.Rows == 0 {
		return
	}
	y.Rows = z.Rows
	gram := r.gram.RawMatrix()
	upper := blas64.Symmetric{N: gram.Rows, Stride: gram.Stride, Data: gram.Data, Uplo: blas.Upper}
	blas64.Syrk(blas.Trans, 1, *z, 1, upper)
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, *z, *y, 1, r.cov.RawMatrix())
	z.Rows = 0
}

// mirror copies the upper triangle to the lower.
func mirror(m *mat.Dense) {
	n, _ := m.Dims()
	for i := range n {
		for j := range i {
			m.Set(i, j, m.At(j, i))
		}
	}
}

// finite refuses equations with numbers that are none.
func (r *reader) finite() error {
	total := 0.0
	for _, e := range r.energy {
		total += e
	}
	for i := range r.columns() {
		total += r.gram.At(i, i)
	}
	if math.IsNaN(total) || math.IsInf(total, 0) {
		return fmt.Errorf("layer %s: what it reads or what it should put out is not finite", r.node.Name)
	}
	return nil
}
