//go:build !amd64

package sparse

const best = portable

func gather(_ level, g *gathering) { gatherGeneric(g) }
func multiply(_ level, w *walk)    { multiplyGeneric(w) }
func turn(_ level, t *turning)     { turnGeneric(t) }
