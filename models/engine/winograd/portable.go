//go:build !amd64

package winograd

func analyse(f form, kind analysisKind, a analysis) { analyseGeneric(f, kind, a) }
func synthesise(f form, s synthesis)                { synthesiseGeneric(f, s) }
func pack(f form, p filters)                        { packGeneric(f, p) }
func finishGradW(f form, p finish)                  { finishGeneric(f, p) }

func multiplyAll(*plan, []float32, []float32, int, []float32, int, int) bool { return false }
func correlateAll(*plan, []float32, []float32, []float32, int) bool          { return false }
