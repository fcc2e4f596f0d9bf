package blas_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"espalier/models/engine/blas"
)

// BenchmarkGemm multiplies the shapes of LeNet-300-100 at batch 128, halved as
// the engine halves them for two threads: alone, and two at a time.
func BenchmarkGemm(b *testing.B) {
	shapes := []problem{
		{transB: true, m: 64, n: 300, k: 784},                // fc1 forward, by samples
		{transA: true, m: 300, n: 392, k: 128, padding: 392}, // fc1 weight gradient, by inputs
		{transB: true, m: 64, n: 100, k: 300},                // fc2 forward
		{m: 64, n: 300, k: 100},                              // fc2 input gradient
		{transB: true, m: 64, n: 10, k: 100},                 // output forward
		{transB: true, m: 1, n: 300, k: 784},                 // fc1 forward, one sample
	}
	for _, lib := range libraries() {
		for _, p := range shapes {
			for _, at := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d/%d", lib, p.m, p.n, p.k, at), func(b *testing.B) { benchmarkGemm(b, lib, p, at) })
			}
		}
	}
}

func benchmarkGemm(b *testing.B, lib blas.Library, p problem, at int) {
	b.ReportAllocs()
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			a, bb, c := random(r, p.m, p.k, 0), random(r, p.k, p.n, p.padding), random(r, p.m, p.n, p.padding)
			if p.transA {
				a.stride = p.m
			}
			if p.transB {
				bb.stride = p.k
			}
			for range b.N {
				lib.Gemm(p.transA, p.transB, p.m, p.n, p.k, 1, a.data, a.stride, bb.data, bb.stride, 0, c.data, c.stride)
			}
		})
	}
	all.Wait()
	b.ReportMetric(2*float64(at*p.m*p.n*p.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}
