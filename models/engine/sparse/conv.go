package sparse

import (
	"fmt"

	"espalier/models/engine/conv"
)

// planes is how many elements of images may be laid out at a time.
const planes = 64 * 1024

// Conv is a convolutional layer on images of interleaved channels (NHWC), as
// package conv has it. It lays an image out as planes, one for each channel and
// remainder of a stride, with its border of zeros, so that what a weight meets
// in neighbouring pixels of a row of the result lies side by side. It is safe
// for concurrent use.
type Conv struct {
	*Matrix
	shape       conv.Shape
	oh, ow      int
	rows, width int // of a plane
	image       int // elements of a sample's planes
	reach       int // the last that a pixel reads, from its base on
	runs        int // vectors of a sample's pixels
	samples     int // laid out at a time
	perRow      int // runs of a row of pixels
}

// NewConv prepares a layer. The matrix has a row for each filter, in PyTorch's
// order: channel of the group, row, column.
func NewConv(m *Matrix, s conv.Shape) (*Conv, error) {
	patch := s.C / s.Groups * s.Kernel[0] * s.Kernel[1]
	if m.Rows != s.K || m.Columns != patch {
		return nil, fmt.Errorf("a matrix of %d x %d for a convolution of %d filters of %d weights", m.Rows, m.Columns, s.K, patch)
	}
	c := &Conv{Matrix: m, shape: s}
	c.oh, c.ow = s.Out()
	// What no pixel reads of the border is not laid out.
	c.rows = (max(s.H+s.Pad[0], (c.oh-1)*s.Stride[0]+s.Dilation[0]*(s.Kernel[0]-1)+1) + s.Stride[0] - 1) / s.Stride[0]
	c.width = (max(s.W+s.Pad[1], (c.ow-1)*s.Stride[1]+s.Dilation[1]*(s.Kernel[1]-1)+1) + s.Stride[1] - 1) / s.Stride[1]
	c.image = s.C * s.Stride[0] * s.Stride[1] * c.rows * c.width
	c.perRow = (c.ow + vector - 1) / vector
	c.runs = c.oh * c.perRow
	c.samples = max(1, min(planes/c.image, (most+c.runs-1)/c.runs))
	own := *m
	c.Matrix = &own
	c.offsets = make([]int32, m.Entries(), m.Entries()+room)
	for r := range m.Rows {
		group := r / (s.K / s.Groups) * (s.C / s.Groups)
		for k := m.starts[r]; k < m.starts[r+1]; k++ {
			at := c.offset(group, m.place(int(k), int(m.starts[r])))
			c.offsets[k], c.reach = int32(at), max(c.reach, at)
		}
	}
	c.offsets = c.offsets[:m.Entries()+room]
	c.columns = nil
	return c, nil
}

// offset is where in the planes the weight reads for the first pixel.
func (c *Conv) offset(group, weight int) int {
	s := c.shape
	x := weight % s.Kernel[1] * s.Dilation[1]
	y := weight / s.Kernel[1] % s.Kernel[0] * s.Dilation[0]
	channel := group + weight/(s.Kernel[1]*s.Kernel[0])
	return c.plane(channel, y%s.Stride[0], x%s.Stride[1]) + y/s.Stride[0]*c.width + x/s.Stride[1]
}

// plane is where the plane of the channel and the remainders begins.
func (c *Conv) plane(channel, y, x int) int {
	return ((channel*c.shape.Stride[0]+y)*c.shape.Stride[1] + x) * c.rows * c.width
}

// Bytes is how many bytes a convolution reads of the matrix.
func (c *Conv) Bytes() int { return c.Matrix.Bytes() + 4*c.Entries() }

// Workspace is how many elements of scratch each goroutine needs. What they
// hold before a call does not matter.
func (c *Conv) Workspace() int { return c.laid() + most*vector*block }

// laid is how many elements the planes have, with what a vector reads behind.
func (c *Conv) laid() int { return c.samples*c.image + vector }

// Forward computes the filters lo to hi of n samples. Other channels of y,
// whose pixels are K apart, stay as they are. residual, laid out as y, is added
// before the relu where it is not nil; it must not overlap y unless it is y. A
// sample's bits depend on nothing but the sample.
func (c *Conv) Forward(y, x []float32, n, lo, hi int, e Epilogue, residual, ws []float32) {
	if n < 1 || lo >= hi {
		return
	}
	s, to := c.shape, c.oh*c.ow*c.Rows
	from := s.H * s.W * s.C
	scale, bias := c.lines(e)
	w := walk{
		entries: &c.entries, scale: scale, bias: bias, data: ws[:c.laid()], stride: 1, reach: c.reach,
		y: ws[c.laid():][:most*vector*block], chains: 1,
	}
	for at := 0; at < n; at += c.samples {
		some := min(c.samples, n-at)
		for i := range some {
			c.layOut(w.data[i*c.image:][:c.image], x[(at+i)*from:][:from])
		}
		p := pixels{Conv: c, y: y[at*to:][:some*to], relu: e.ReLU}
		if residual != nil {
			p.residual = residual[at*to:][:some*to]
		}
		p.forward(&w, some*c.runs, lo, hi)
	}
}

// layOut writes the planes of one image.
func (c *Conv) layOut(to, x []float32) {
	s := c.shape
	clear(to)
	for y := range s.H {
		row := y + s.Pad[0]
		if row/s.Stride[0] >= c.rows {
			return
		}
		for first := range min(s.Stride[1], s.W) {
			column := first + s.Pad[1]
			at := c.plane(0, row%s.Stride[0], column%s.Stride[1]) + row/s.Stride[0]*c.width + column/s.Stride[1]
			count := min((s.W-first+s.Stride[1]-1)/s.Stride[1], c.width-column/s.Stride[1])
			if count <= 0 {
				continue
			}
			turn(best, &turning{
				to: to[at:], toStride: s.Stride[0] * s.Stride[1] * c.rows * c.width,
				from: x[(y*s.W+first)*s.C:], fromStride: s.Stride[1] * s.C, rows: count, columns: s.C,
			})
		}
	}
}

// pixels are the result of some samples.
type pixels struct {
	*Conv
	y, residual []float32
	relu        bool
	at          [most]int // the first pixel of each run at hand
	count       [most]int
}

// forward walks over the runs, as many at a time as there are vectors.
func (p *pixels) forward(w *walk, runs, lo, hi int) {
	for first := 0; first < runs; first += w.vectors {
		w.vectors = most
		for w.vectors > runs-first {
			w.vectors /= 2
		}
		for v := range w.vectors {
			sample, run := (first+v)/p.runs, (first+v)%p.runs
			y, x := run/p.perRow, run%p.perRow*vector
			w.bases[v] = sample*p.image + y*p.width + x
			p.at[v] = (sample*p.oh+y)*p.ow + x
			p.count[v] = min(vector, p.ow-x)
		}
		for r := lo; r < hi; r += block {
			w.lo, w.hi = r, min(hi, r+block)
			multiply(best, w)
			p.store(w)
		}
	}
}

// store turns the results of some filters back.
func (p *pixels) store(w *walk) {
	for v := range w.vectors {
		at := p.at[v]*p.Rows + w.lo
		t := turning{
			to: p.y[at:], toStride: p.Rows, from: w.y[v*vector:], fromStride: w.vectors * vector,
			rows: w.hi - w.lo, columns: p.count[v], relu: p.relu,
		}
		if p.residual != nil {
			t.residual = p.residual[at:]
		}
		turn(best, &t)
	}
}
