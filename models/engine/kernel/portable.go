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
func reluGrad(dst, g, y []float32)         { reluGradGeneric(dst, g, y) }
func addTo(dst, x []float32)               { addToGeneric(dst, x) }

func dropout(dst, x []float32, key DropoutKey, offset uint32, threshold int32, scale float32) {
	dropoutGeneric(dst, x, key, offset, threshold, scale)
}
