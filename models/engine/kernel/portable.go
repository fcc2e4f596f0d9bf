//go:build !amd64

package kernel

func (s sgd) run()  { s.generic() }
func (a adam) run() { a.generic() }

func maskOut(x []float32, mask []bool)                { maskGeneric(x, mask) }
func addScaled(dst, x []float32, a float32)           { addScaledGeneric(dst, x, a) }
func addSign(dst, x []float32, a float32)             { addSignGeneric(dst, x, a) }
func scale(x []float32, a float32)                    { scaleGeneric(x, a) }
func addSquares(x []float32, lane *[sumLanes]float64) { addSquaresGeneric(x, lane) }

func biasRow(y, bias []float32, relu bool) { biasRowGeneric(y, bias, relu) }
func relu(dst, x []float32)                { reluGeneric(dst, x) }
func add(dst, a, b []float32)              { addGeneric(dst, a, b) }
func mul(dst, a, b []float32)              { mulGeneric(dst, a, b) }
func reluGrad(dst, g, y []float32)         { reluGradGeneric(dst, g, y) }
func addTo(dst, x []float32)               { addToGeneric(dst, x) }

func dropout(dst, x []float32, key DropoutKey, offset uint32, threshold int32, scale float32) {
	dropoutGeneric(dst, x, key, offset, threshold, scale)
}

func moments(sum, squares, pivot *strip, columns int, x []float32, rows, stride int) {
	momentsGeneric(sum[:columns], squares[:columns], pivot[:columns], x, rows, stride)
}

func normGradSums(sumG, sumGX, mean *strip, columns int, g, x []float32, rows, stride int) {
	normGradSumsGeneric(sumG[:columns], sumGX[:columns], mean[:columns], g, x, rows, stride)
}

func scaleShift(y, x, scale, shift, residual []float32, relu bool) {
	scaleShiftGeneric(y, x, scale, shift, residual, relu)
}

func normGradX(dx, g, x, a, b, c []float32) { normGradXGeneric(dx, g, x, a, b, c) }

func transpose(dst, src []float32, rows, cols int) {
	transposeGeneric(dst, src, rows, cols, 0, rows, 0, cols)
}

func maxWindow(y, x []float32, e extent)            { maxWindowGeneric(y, x, e) }
func maxWindowGrad(dx, g, x, y []float32, e extent) { maxWindowGradGeneric(dx, g, x, y, e) }
func avgWindow(y, x []float32, divisor float32, e extent) {
	avgWindowGeneric(y, x, divisor, e)
}

func avgWindowGrad(dx, g []float32, divisor float32, e extent) {
	avgWindowGradGeneric(dx, g, divisor, e)
}

func max2x2(y, x []float32, columns, count, row int) {
	max2x2Generic(y, x, columns, count, columns, row)
}

func max2x2Grad(dx, g, x, y []float32, columns, count, row int) {
	max2x2GradGeneric(dx, g, x, y, columns, count, columns, row)
}
