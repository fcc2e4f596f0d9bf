package conv

import "espalier/models/engine/winograd"

// minimal is a layer by minimal filtering.
type minimal struct{ *winograd.Conv }

// filterable says whether minimal filtering can compute a layer.
func filterable(s Shape) bool {
	one := [2]int{1, 1}
	return s.Kernel == [2]int{3, 3} && s.Stride == one && s.Dilation == one && s.Groups == 1 &&
		max(s.Pad[0], s.Pad[1], s.Pad[2], s.Pad[3]) <= 2
}

// filtered is the layer as package winograd describes it.
func filtered(s Shape) winograd.Shape {
	return winograd.Shape{H: s.H, W: s.W, C: s.C, K: s.K, Pad: s.Pad}
}

func newMinimal(s Shape, n int) minimal { return minimal{winograd.NewFor(filtered(s), n)} }

// Forward takes the epilogue of this package, which has the same fields.
func (m minimal) Forward(y, x []float32, n int, packed []float32, lo, hi int, e Epilogue, ws []float32) {
	m.Conv.Forward(y, x, n, packed, lo, hi, winograd.Epilogue(e), ws)
}
