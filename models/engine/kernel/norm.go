package kernel

// The loops of batch normalization. A matrix has a row for each pixel of each
// sample and a column for each channel.

const (
	// momentRows is how many rows are summed in float32 before the sums are
	// merged in float64.
	momentRows = 256
	// pivotRows is how many of them, at most, give the pivot.
	pivotRows = 16
	// stripColumns bounds the columns of one walk over the rows: as many
	// partial sums as stay beside the processor.
	stripColumns = 64
)

// strip is a value for each column of a strip.
type strip [stripColumns]float32

// ChannelMoments merges rows x c values, c = len(mean), into the mean and the
// sum of squared deviations from it, m2, that each channel has so far over
// count rows. With count 0 it sets them.
//
// A block of rows is summed as deviations from a pivot, the mean of its first
// rows, which leaves nothing to cancel however far the mean is from 0, and
// blocks are merged in float64 (Chan, Golub and LeVeque 1979). Blocks begin at
// the first row of a call: the same rows in other calls give other last bits.
func ChannelMoments(mean, m2 []float64, count int, x []float32, rows int) {
	c := len(mean)
	same(len(m2), c)
	same(len(x), rows*c)
	for done := 0; done < rows; done += momentRows {
		n := min(momentRows, rows-done)
		block := x[done*c : (done+n)*c]
		for lo := 0; lo < c; lo += stripColumns {
			hi := min(c, lo+stripColumns)
			stripMoments(mean[lo:hi], m2[lo:hi], count+done, block[lo:], n, c)
		}
	}
}

// stripMoments merges a strip of the columns of one block.
func stripMoments(mean, m2 []float64, count int, x []float32, rows, stride int) {
	var zero, pivot, sum, squares strip
	columns, pilot := len(mean), min(rows, pivotRows)
	moments(&sum, &squares, &zero, columns, x, pilot, stride)
	inverse := 1 / float32(pilot)
	for j := range columns {
		pivot[j] = sum[j] * inverse
	}
	moments(&sum, &squares, &pivot, columns, x, rows, stride)
	n := float64(rows)
	share := n / float64(count+rows)
	cross := float64(count) * share
	inverse64 := 1 / n
	m2 = m2[:len(mean)]
	for j := range mean {
		s := float64(sum[j])
		offset := s * inverse64
		blockMean, blockM2 := float64(pivot[j])+offset, float64(squares[j])-float64(s*offset)
		if blockM2 < 0 { // by rounding, where all values are equal
			blockM2 = 0
		}
		if count == 0 {
			mean[j], m2[j] = blockMean, blockM2
			continue
		}
		d := blockMean - mean[j]
		mean[j] += float64(d * share)
		m2[j] += blockM2 + float64(float64(d*d)*cross)
	}
}

// MergeMoments merges the moments of count2 other rows into those of count
// rows. Either count may be 0.
func MergeMoments(mean, m2 []float64, count int, mean2, m22 []float64, count2 int) {
	same(len(mean), len(m2), len(mean2), len(m22))
	switch {
	case count2 == 0:
		return
	case count == 0:
		copy(mean, mean2)
		copy(m2, m22)
		return
	}
	share := float64(count2) / float64(count+count2)
	cross := float64(count) * share
	for j := range mean {
		d := mean2[j] - mean[j]
		mean[j] += float64(d * share)
		m2[j] += m22[j] + float64(float64(d*d)*cross)
	}
}

func momentsGeneric(sum, squares, pivot []float32, x []float32, rows, stride int) {
	squares, pivot = squares[:len(sum)], pivot[:len(sum)]
	clear(sum)
	clear(squares)
	for r := range rows {
		row := x[r*stride:][:len(sum)]
		for j, v := range row {
			d := v - pivot[j]
			sum[j] += d
			squares[j] += float32(d * d)
		}
	}
}

// NormGradSums adds to each channel's sumG the sum of g over the rows, and to
// its sumGX that of g*(x-mean): what batch normalization's gradient needs of
// the whole batch. Rows are summed in float32 by blocks that begin at the
// first, blocks in float64.
func NormGradSums(sumG, sumGX []float64, g, x, mean []float32, rows int) {
	c := len(mean)
	same(c, len(sumG), len(sumGX))
	same(rows*c, len(g), len(x))
	var middle, partG, partGX strip
	for lo := 0; lo < c; lo += stripColumns {
		hi := min(c, lo+stripColumns)
		clear(middle[copy(middle[:], mean[lo:hi]):])
		for done := 0; done < rows; done += momentRows {
			n, from := min(momentRows, rows-done), done*c+lo
			normGradSums(&partG, &partGX, &middle, hi-lo, g[from:], x[from:], n, c)
			for j := range hi - lo {
				sumG[lo+j] += float64(partG[j])
				sumGX[lo+j] += float64(partGX[j])
			}
		}
	}
}

func normGradSumsGeneric(sumG, sumGX, mean []float32, g, x []float32, rows, stride int) {
	sumGX, mean = sumGX[:len(sumG)], mean[:len(sumG)]
	clear(sumG)
	clear(sumGX)
	for r := range rows {
		gs, xs := g[r*stride:][:len(sumG)], x[r*stride:][:len(sumG)]
		for j, v := range gs {
			sumG[j] += v
			sumGX[j] += float32(v * (xs[j] - mean[j]))
		}
	}
}

// ScaleShift sets y to x*scale[c] + shift[c] + residual, c being the element's
// channel in rows of len(scale), and where relu is true then what is negative
// to 0. NaN stays NaN. residual may be nil: nothing is added. y may be x or
// residual.
func ScaleShift(y, x, scale, shift, residual []float32, relu bool) {
	same(len(y), len(x))
	same(len(scale), len(shift))
	if residual != nil {
		same(len(y), len(residual))
	}
	if len(scale) > 0 {
		scaleShift(y, x, scale, shift, residual, relu)
	}
}

func scaleShiftGeneric(y, x, scale, shift, residual []float32, relu bool) {
	c := len(scale)
	shift = shift[:c]
	for len(y) > 0 {
		n := min(c, len(y))
		row, from := y[:n], x[:n]
		for j, v := range from {
			v = float32(v*scale[j]) + shift[j]
			if residual != nil {
				v += residual[j]
			}
			if relu && v < 0 {
				v = 0
			}
			row[j] = v
		}
		y, x = y[n:], x[n:]
		if residual != nil {
			residual = residual[n:]
		}
	}
}

// NormGradX sets dx to a[c]*g + b[c]*x + c[c], the gradient of a batch
// normalization's input in terms of its output's gradient g and its input x.
// dx may be g or x.
func NormGradX(dx, g, x, a, b, c []float32) {
	same(len(dx), len(g), len(x))
	same(len(a), len(b), len(c))
	if len(a) > 0 {
		normGradX(dx, g, x, a, b, c)
	}
}

func normGradXGeneric(dx, g, x, a, b, c []float32) {
	for len(dx) > 0 {
		n := min(len(a), len(dx))
		row, gs, xs := dx[:n], g[:n], x[:n]
		for j := range row {
			row[j] = float32(a[j]*gs[j]) + float32(b[j]*xs[j]) + c[j]
		}
		dx, g, x = dx[n:], g[n:], x[n:]
	}
}
