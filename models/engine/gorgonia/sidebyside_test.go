package gorgonia_test

import (
	"flag"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"espalier/models/measure"
)

var (
	sideBySide = flag.Bool("sidebyside", false, "measure training and inference beside PyTorch's")
	serve      = flag.Bool("serve", false, "be the engine's side of -sidebyside")
	nets       = flag.String("nets", "lenet-300-100,lenet-5,resnet-20,vgg-16-bn", "networks for -sidebyside")
	python     = flag.String("python", "", "the Python to run PyTorch with, for -sidebyside; by default the first found that has it")
	rounds     = flag.Int("rounds", 5, "alternating runs for -sidebyside")
	seconds    = flag.Float64("seconds", 0.5, "length of each run for -sidebyside")
)

// TestSideBySide measures the engine and PyTorch in turns, each in processes of
// its own on two cores, and prints Markdown tables of the medians:
//
//	go test ./models/engine/gorgonia -run '^TestSideBySide$' -v -sidebyside
//
// PyTorch runs with two OpenMP threads, as is usual on two cores, and with one,
// which is faster where a network is too small for two; in both memory formats,
// of which the better counts; and for inference also frozen by torch.jit.
func TestSideBySide(t *testing.T) {
	if !*sideBySide {
		t.Skip("a measurement of some minutes: ask for it with -sidebyside")
	}
	interpreter := pythonWithTorch(t)
	var results []result
	var gemm []float64
	for _, net := range strings.Split(*nets, ",") {
		t.Run(net, func(t *testing.T) {
			p := &programs{startEngine(t), startPyTorch(t, interpreter, 2), startPyTorch(t, interpreter, 1)}
			for _, mode := range []task{{Net: net, Mode: "train", Batch: batchOf(net)}, {Net: net, Mode: "infer", Batch: batchOf(net)}, {Net: net, Mode: "infer", Batch: 1}} {
				r := p.compare(t, mode)
				if mode.Batch > 1 {
					r.weigh(t, interpreter)
				}
				results = append(results, r)
			}
			gemm = append(gemm, p.gemm(t))
		})
	}
	if t.Failed() || len(results) == 0 {
		return
	}
	report(t, results, slices.Max(gemm))
}

// batchOf is the batch size at which a network is measured.
func batchOf(net string) int {
	if net == "vgg-16-bn" {
		return 64
	}
	return batchSize
}

// programs are those that one network is measured in.
type programs struct{ engine, pytorch2, pytorch1 *child }

// A contender is a program with the variant that it runs.
type contender struct {
	program *child
	variant string
}

// The columns of a result.
const (
	espalier = "Espalier"
	noBLAS   = "without OpenBLAS"
	threads2 = "PyTorch, 2 threads"
	threads1 = "PyTorch, 1 thread"
	frozen   = "PyTorch, frozen"
)

// result is what was measured of one network in one mode.
type result struct {
	task
	rates          map[string]float64 // images/s by column
	memory, theirs answer             // of processes that ran the engine or PyTorch once
	variant        string             // PyTorch's at its best
}

// compare measures all contenders in turns.
func (p *programs) compare(t *testing.T, job task) result {
	t.Helper()
	formats := []string{"contiguous", "channels_last"}
	contenders := map[string]contender{
		espalier: {p.engine, ""},
		noBLAS:   {p.engine, "native"},
		threads2: best(t, job, formats, p.pytorch2),
		threads1: best(t, job, formats, p.pytorch1),
	}
	if job.Mode == "infer" {
		contenders[frozen] = best(t, job, []string{"frozen"}, p.pytorch2, p.pytorch1)
	}
	rates := make(map[string][]float64)
	for range *rounds {
		for _, column := range slices.Sorted(maps.Keys(contenders)) {
			rates[column] = append(rates[column], contenders[column].rate(t, job, *seconds))
		}
	}
	r := result{task: job, rates: make(map[string]float64)}
	for column, measured := range rates {
		r.rates[column] = median(measured)
		t.Logf("%s %s %d, %s (%s): %.0f", job.Net, job.Mode, job.Batch, column, contenders[column].variant, measured)
	}
	r.variant = contenders[threads2].variant
	return r
}

func (c contender) rate(t *testing.T, job task, seconds float64) float64 {
	t.Helper()
	job.Variant, job.Seconds = c.variant, seconds
	return c.program.do(t, job).Rate
}

// best is the fastest of PyTorch's variants by a short try of each.
func best(t *testing.T, job task, variants []string, on ...*child) contender {
	t.Helper()
	var won contender
	fastest := 0.0
	for _, program := range on {
		for _, variant := range variants {
			c := contender{program, variant}
			if rate := c.rate(t, job, *seconds); rate > fastest {
				won, fastest = c, rate
			}
		}
	}
	return won
}

// weigh measures the memory of either side, in processes that do nothing else.
func (r *result) weigh(t *testing.T, interpreter string) {
	t.Helper()
	job := r.task
	r.memory = startEngine(t).do(t, job)
	job.Variant = r.variant
	r.theirs = startPyTorch(t, interpreter, 2).do(t, job)
}

// gemm is the larger GFLOPS that either side reaches in products of 1024-cubes
// on two threads.
func (p *programs) gemm(t *testing.T) float64 {
	t.Helper()
	var ours, theirs []float64
	for range *rounds {
		job := task{Net: "gemm", Batch: 1, Seconds: *seconds}
		ours = append(ours, p.engine.do(t, job).Rate)
		theirs = append(theirs, p.pytorch2.do(t, job).Rate)
	}
	const flops = 2 * 1024 * 1024 * 1024 / 1e9
	t.Logf("1024-cubes: BLAS on two goroutines %.0f GFLOPS, PyTorch %.0f", median(ours)*flops, median(theirs)*flops)
	return max(median(ours), median(theirs)) * flops
}

// report prints the tables. The share of the peak counts what a textbook counts
// (two operations for each multiply-add, three passes in training), not the
// fewer that Winograd's algorithm needs.
func report(t *testing.T, results []result, gemm float64) {
	fmt.Printf("\nGEMM of 1024-cubes on two threads: %.0f GFLOPS\n", gemm)
	fmt.Printf("\n| images/s | batch | %s | %s | %s | %s | %s | ratio | to frozen | share of GEMM | PyTorch's |\n", espalier, noBLAS, threads2, threads1, frozen)
	fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, r := range results {
		us, them := r.rates[espalier], max(r.rates[threads2], r.rates[threads1])
		work := float64(flopsPerImage(t, r.task)) / 1e9 / gemm
		fmt.Printf("| %s, %s | %d | %.0f | %.0f | %.0f | %.0f | %s | **%.2fx** | %s | %.0f %% | %.0f %% |\n", r.Net, r.Mode, r.Batch,
			us, r.rates[noBLAS], r.rates[threads2], r.rates[threads1], given("%.0f", r.rates[frozen]), us/them, given("%.2fx", us/r.rates[frozen]),
			100*us*work, 100*them*work)
	}
	fmt.Println("\n| peak memory, MB | batch | Espalier | above its start | PyTorch | above torch imported | ratio | of what is above |")
	fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, r := range results {
		if us, them := r.memory, r.theirs; us.Peak > 0 {
			fmt.Printf("| %s, %s | %d | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |\n", r.Net, r.Mode, r.Batch, mega(us.Peak), mega(us.Peak-us.Baseline),
				mega(them.Peak), mega(them.Peak-them.Baseline), mega(us.Peak)/mega(them.Peak), mega(us.Peak-us.Baseline)/mega(them.Peak-them.Baseline))
		}
	}
}

// given formats a figure, or nothing where there is none.
func given(format string, v float64) string {
	if v > 0 && v < 1e12 {
		return fmt.Sprintf(format, v)
	}
	return ""
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

// flopsPerImage counts the operations of a task.
func flopsPerImage(t *testing.T, job task) int64 {
	cost, err := measure.Costs(zooNet(t, job.Net))
	if err != nil {
		t.Fatal(err)
	}
	if job.Mode == "train" {
		return 3 * 2 * cost.MACs
	}
	return 2 * cost.MACs
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
