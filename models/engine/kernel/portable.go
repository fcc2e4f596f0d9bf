package kernel

func biasRow(y, bias []float32, relu bool) { biasRowGeneric(y, bias, relu) }
func reluGrad(dst, g, y []float32)         { reluGradGeneric(dst, g, y) }
func addTo(dst, x []float32)               { addToGeneric(dst, x) }
func dropout(dst, x []float32, key DropoutKey, offset uint32, threshold int32, scale float32) {
	dropoutGeneric(dst, x, key, offset, threshold, scale)
}
