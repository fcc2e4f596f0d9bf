package gorgonia_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"espalier/models/engine/gorgonia"
)

var (
	sideBySide = flag.Bool("sidebyside", false, "measure training beside PyTorch's")
	python     = flag.String("python", "", "the Python to run PyTorch with, for -sidebyside; by default the first found that has it")
	rounds     = flag.Int("rounds", 5, "alternating runs for -sidebyside")
)

// TestSideBySide measures images/s of training LeNet-300-100 at batch 128 here
// and in PyTorch, in turns, and prints the medians:
//
//	go test ./models/engine/gorgonia -run TestSideBySide -v -sidebyside
//
// PyTorch runs with two OpenMP threads, as is usual on two cores, and with one,
// which is faster where OpenMP's threads and those of its BLAS get in each
// other's way.
func TestSideBySide(t *testing.T) {
	if !*sideBySide {
		t.Skip("a measurement of some 20 s: ask for it with -sidebyside")
	}
	interpreter := pythonWithTorch(t)
	var ours, torch2, torch1 []float64
	for range *rounds {
		ours = append(ours, trainingRate())
		torch2 = append(torch2, pytorchRate(t, interpreter, 2))
		torch1 = append(torch1, pytorchRate(t, interpreter, 1))
	}
	us := median(ours)
	t.Logf("engine             %7.0f images/s  (%.0f)", us, ours)
	t.Logf("PyTorch, 2 threads %7.0f images/s  (%.0f), ratio %.1f", median(torch2), torch2, us/median(torch2))
	t.Logf("PyTorch, 1 thread  %7.0f images/s  (%.0f), ratio %.1f", median(torch1), torch1, us/median(torch1))
}

func trainingRate() float64 {
	r := testing.Benchmark(func(b *testing.B) { benchmarkTraining(b, gorgonia.Options{}) })
	return batchSize * float64(r.N) / r.T.Seconds()
}

func pytorchRate(t *testing.T, python string, threads int) float64 {
	cmd := exec.CommandContext(t.Context(), python, "testdata/bench_pytorch.py", "1")
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("OMP_NUM_THREADS=%d", threads))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	var result struct {
		Rate float64 `json:"images_per_second"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%s printed %q: %v", cmd, out, err)
	}
	return result.Rate
}

// pythonWithTorch finds a Python that has PyTorch: that of the PATH, or the
// system's, for which distributions package it.
func pythonWithTorch(t *testing.T) string {
	candidates := []string{"python3", "/usr/bin/python3"}
	if *python != "" {
		candidates = []string{*python}
	}
	for _, c := range candidates {
		if exec.CommandContext(t.Context(), c, "-c", "import torch").Run() == nil {
			return c
		}
	}
	t.Skipf("none of %q has PyTorch; name one that has with -python", candidates)
	return ""
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
