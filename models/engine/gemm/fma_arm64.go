package gemm

// fma is a*b+c rounded once: the compiler makes one instruction of it, which
// TestFMARoundsOnce checks.
func fma(a, b, c float32) float32 { return a*b + c }
