// Package fma is the multiply-add of portable loops whose assembly fuses.
package fma

// Of is a*b+c rounded once: the compiler makes one instruction of it, which
// TestOfRoundsOnce checks.
func Of(a, b, c float32) float32 { return a*b + c }
