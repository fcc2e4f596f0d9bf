package winograd

// The portable loops: channel by channel, with the roundings of the assembly
// in the same order.

type analysisKind int

const (
	analysisInput analysisKind = iota
	analysisGradient
)

// analysis transforms patches of an image into a row of each position's
// matrix, tile by tile.
type analysis struct {
	dst      []float32
	position int // elements from position to position
	row      int // elements from tile to tile
	x        []float32
	patches  []patch
	channels int
	blank    []float32
}

func analyseGeneric(f form, kind analysisKind, a analysis) {
	t := f.input()
	if kind == analysisGradient {
		t = f.gradient()
	}
	for i := range a.patches {
		for c := range pad(a.channels) {
			a.tile(f.span(), t, i, c)
		}
	}
}

func (a *analysis) tile(span int, t transform, i, c int) {
	var columns [maxPositions]vector
	p := &a.patches[i]
	for j := int(p.from); j < int(p.from+p.cols); j++ {
		var d vector
		for r, at := range p.rows {
			if at >= 0 && c < a.channels {
				d[r] = a.x[int(at)+(j-int(p.from))*a.channels+c]
			}
		}
		columns[j] = t(d)
	}
	dst := a.dst[i*a.row+c:]
	for r := range span {
		var line vector
		for j := range columns {
			line[j] = columns[j][r]
		}
		for j, v := range t(line) {
			if j < span {
				dst[(r*span+j)*a.position] = v
			}
		}
	}
}

// synthesis transforms the positions' rows of tiles back into an image.
type synthesis struct {
	y              []float32
	products       []float32
	position, row  int // elements from position to position, from tile to tile
	places         []place
	channels       int
	pixel, line    int // elements from pixel to pixel, from row to row of y
	plain          bool
	bias, residual []float32
	relu           bool
}

func synthesiseGeneric(f form, s synthesis) {
	t, span := f.output(), f.span()
	for i := range s.places {
		for c := range s.channels {
			s.tile(span, t, i, c)
		}
	}
}

func (s *synthesis) tile(span int, t transform, i, c int) {
	var columns [maxPositions]vector
	m := s.products[i*s.row+c:]
	for j := range span {
		var v vector
		for r := range span {
			v[r] = m[(r*span+j)*s.position]
		}
		columns[j] = t(v)
	}
	p := &s.places[i]
	for r := range int(p.rows) {
		var line vector
		for j := range columns {
			line[j] = columns[j][r]
		}
		line = t(line)
		for j := range int(p.cols) {
			s.store(int(p.at)+r*s.line+j*s.pixel+c, line[j], c)
		}
	}
}

func (s *synthesis) store(at int, v float32, c int) {
	if !s.plain {
		v += s.bias[c]
		if s.residual != nil {
			v += s.residual[at]
		}
		if s.relu && v < 0 {
			v = 0
		}
	}
	s.y[at] = v
}

// filters transforms panels of 16 filters: for each inner channel the 16
// filters' elements of each position lie side by side.
type filters struct {
	w             []float32
	column, inner int  // elements from filter to filter, from inner channel to inner channel
	rotate        bool // turns filters by 180°
	u             []float32
	position      int // elements from position to position
	rows          int // inner channels
	width         int // filters that there are, up to 16
}

func packGeneric(f form, p filters) {
	t, span := f.weight(), f.span()
	for r := range p.rows {
		for k := range panel {
			var w [taps]float32
			if k < p.width {
				w = [taps]float32(p.w[k*p.column+r*p.inner:])
			}
			if p.rotate {
				w = rotated(w)
			}
			var columns [filter]vector
			for j := range columns {
				columns[j] = t(vector{w[j], w[3+j], w[6+j]})
			}
			for i := range span {
				for j, v := range t(vector{columns[0][i], columns[1][i], columns[2][i]}) {
					if j < span {
						p.u[(i*span+j)*p.position+r*panel+k] = v
					}
				}
			}
		}
	}
}

func rotated(w [taps]float32) (r [taps]float32) {
	for i, v := range w {
		r[taps-1-i] = v
	}
	return r
}

// finish adds accumulators and leads them back through the filters' transform.
type finish struct {
	w             []float32
	column, inner int
	accs          [][]float32
	at            int // first element of the rows in an accumulator
	position      int
	rows, width   int
}

func finishGeneric(f form, p finish) {
	t, span := f.weightGradient(), f.span()
	for r := range p.rows {
		for k := range p.width {
			var columns [maxPositions]vector
			for j := range span {
				var d vector
				for i := range span {
					d[i] = p.sum((i*span+j)*p.position + p.at + r*panel + k)
				}
				columns[j] = t(d)
			}
			w := p.w[k*p.column+r*p.inner:]
			for i := range filter {
				var line vector
				for j := range columns {
					line[j] = columns[j][i]
				}
				line = t(line)
				copy(w[i*filter:(i+1)*filter], line[:])
			}
		}
	}
}

func (p *finish) sum(at int) float32 {
	s := p.accs[0][at]
	for _, a := range p.accs[1:] {
		s += a[at]
	}
	return s
}
