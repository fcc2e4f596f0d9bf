//go:build !amd64

package winograd

func analyse(f form, kind analysisKind, a analysis) { analyseGeneric(f, kind, a) }
func synthesise(f form, s synthesis)                { synthesiseGeneric(f, s) }
func pack(f form, p filters)                        { packGeneric(f, p) }
func finishGradW(f form, p finish)                  { finishGeneric(f, p) }

func (p *plan) multiply(products, values []float32, count int, packed []float32, lo, hi int) {
	p.multiplyGeneric(products, values, count, packed, lo, hi)
}

func (p *plan) correlate(acc, values, products []float32, count int) {
	p.correlateGeneric(acc, values, products, count)
}
