package conv

// work counts the products of a pair of channels for one sample, which decide
// how a layer is computed. The factors were measured.
type work struct {
	joined   int // as the definition has them, without those beyond the edges
	patches  int // with those
	gathered int // of the gradient of x, with those beyond the edges of g
	filtered int // by minimal filtering
}

func (s Shape) work() work {
	oh, ow := s.Out()
	rows := axes(s.H, s.Kernel[0], s.Stride[0], s.Dilation[0], s.Pad[0])
	columns := axes(s.W, s.Kernel[1], s.Stride[1], s.Dilation[1], s.Pad[1])
	allRows, joinedRows := pairs(rows, oh)
	allColumns, joinedColumns := pairs(columns, ow)
	tiles := func(side int) int { return (oh + side - 1) / side * ((ow + side - 1) / side) }
	return work{
		joined:   joinedRows * joinedColumns,
		patches:  oh * ow * s.Kernel[0] * s.Kernel[1],
		gathered: allRows * allColumns,
		filtered: min(16*tiles(2), 36*tiles(4)),
	}
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

// filters says whether minimal filtering is the fastest: not for a handful of
// channels, on which the transforms are not worth their while, nor where a tile
// is larger than the image.
func (w work) filters(s Shape) bool {
	return s.C >= 3 && s.C*s.K >= 36 && w.filtered*5/4 < w.joined
}

// cellwise says whether so much of the patches lies beyond the edges that it
// pays to load and store the sums for each cell.
func (w work) cellwise(s Shape) bool {
	return w.joined <= mostJoined && w.patches*s.C > w.joined*(s.C+storeCost)
}

// gradCellwise says the same of the gradient of x.
func (w work) gradCellwise(s Shape) bool {
	return w.joined <= mostJoined && w.gathered*s.K > w.joined*(s.K+storeCost)
}

// mostJoined bounds the tables of a layer by cells, which name each pair of
// pixels that a cell joins.
const mostJoined = 1 << 22

// storeCost is that of loading and storing a sum, in products.
const storeCost = 12
