package conv

// meeting is a cell of a filter with the pixels that it joins.
type meeting struct {
	cell int
	x, y int // pixels of the image and of the result
}

// meetings visits them cell by cell.
func (s Shape) meetings(yield func(meeting) bool) {
	oh, ow := s.Out()
	for cell := range s.Kernel[0] * s.Kernel[1] {
		for i := range oh * ow {
			y := i/ow*s.Stride[0] + cell/s.Kernel[1]*s.Dilation[0] - s.Pad[0]
			x := i%ow*s.Stride[1] + cell%s.Kernel[1]*s.Dilation[1] - s.Pad[1]
			if y >= 0 && y < s.H && x >= 0 && x < s.W && !yield(meeting{cell, y*s.W + x, i}) {
				return
			}
		}
	}
}

// spreads says whether spreading needs so much less work than gathering that
// it pays, although it loads and stores its sums for each cell.
func spreads(s Shape, rows, columns []axis, oh, ow int) bool {
	gatheredRows, joinedRows := pairs(rows, oh)
	gatheredColumns, joinedColumns := pairs(columns, ow)
	filters := s.K / s.Groups
	return gatheredRows*gatheredColumns*filters > joinedRows*joinedColumns*(filters+spreadCost)
}

// pairs counts the pixels of x and of g that a gathering joins, with those
// outside g and without.
func pairs(all []axis, size int) (gathered, joined int) {
	for _, a := range all {
		for _, from := range a.from {
			for i := range a.cells {
				gathered++
				if at := from + i*a.step; at >= 0 && at < size {
					joined++
				}
			}
		}
	}
	return gathered, joined
}

// spreadCost is what loading and storing a sum costs, in products; measured.
const spreadCost = 8

func newSpread(s Shape, oh, ow int) gradient {
	b := border{h: oh, w: ow, c: s.K}
	d := gradient{from: newSamples(b, oh*ow, productRows, productLimit), spread: true}
	d.phases = make([]phase, s.Kernel[0]*s.Kernel[1])
	for i := range d.phases {
		d.phases[i] = phase{at: patches{taps: []int32{0}, span: s.K / s.Groups}, cells: []int32{int32(i)}, packed: i * s.K / s.Groups}
	}
	for i := range d.from.batch {
		for m := range s.meetings {
			p := &d.phases[m.cell]
			p.at.rows = append(p.at.rows, int32((i*oh*ow+m.y)*s.K))
			p.results = append(p.results, int32((i*s.H*s.W+m.x)*s.C))
		}
	}
	return d
}
