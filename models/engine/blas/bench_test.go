package blas_test

import (
	"fmt"
	"sync"
	"testing"

	"espalier/models/engine/blas"
)

func BenchmarkGemm(b *testing.B) {
	lib := blas.Open()
	fmt.Println(lib)
	type s struct {
		ta, tb  bool
		m, n, k int
	}
	for _, s := range []s{{false, true, 128, 300, 784}, {false, true, 64, 300, 784}, {true, false, 300, 784, 128}, {true, false, 150, 784, 128}, {true, false, 300, 392, 128},
		{false, true, 64, 100, 300}, {true, false, 50, 300, 128}, {false, false, 64, 300, 100}, {false, true, 64, 10, 100}, {true, false, 10, 100, 128}, {false, false, 64, 100, 10}, {false, false, 784, 64, 300}, {false, false, 784, 128, 300}, {false, true, 300, 128, 784}, {false, true, 300, 64, 784}, {true, false, 392, 300, 128}, {true, false, 784, 300, 128}} {
		b.Run(fmt.Sprintf("%v", s), func(b *testing.B) {
			a, bb, c := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
			for i := range a {
				a[i] = 1
			}
			for i := range bb {
				bb[i] = 1
			}
			lda, ldb := s.k, s.n
			if s.ta {
				lda = s.m
			}
			if s.tb {
				ldb = s.k
			}
			b.ReportAllocs()
			for b.Loop() {
				lib.Gemm(s.ta, s.tb, s.m, s.n, s.k, 1, a, lda, bb, ldb, 0, c, s.n)
			}
			b.ReportMetric(float64(2*s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
	_ = sync.WaitGroup{}
}

func BenchmarkTwo(b *testing.B) {
	lib := blas.Open()
	type s struct {
		ta, tb  bool
		m, n, k int
	}
	for _, s := range []s{{false, true, 64, 300, 784}, {true, false, 150, 784, 128}, {true, false, 300, 392, 128}, {false, true, 64, 100, 300}} {
		b.Run(fmt.Sprintf("%v", s), func(b *testing.B) {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					a, bb, c := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
					for i := range a {
						a[i] = 1
					}
					for i := range bb {
						bb[i] = 1
					}
					lda, ldb := s.k, s.n
					if s.ta {
						lda = s.m
					}
					if s.tb {
						ldb = s.k
					}
					for range b.N {
						lib.Gemm(s.ta, s.tb, s.m, s.n, s.k, 1, a, lda, bb, ldb, 0, c, s.n)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(2*float64(2*s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
