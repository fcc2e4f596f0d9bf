package gorgonia_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
	"espalier/models/train"
	"espalier/models/zoo"
)

// A task is what the side-by-side measurement asks of a program: to run a
// network for so many seconds. testdata/bench_pytorch.py takes the same.
type task struct {
	Net     string  `json:"net"`  // of package zoo, or "gemm": products of 1024-cubes
	Mode    string  `json:"mode"` // train, with the optimizer's update, or infer
	Batch   int     `json:"batch"`
	Variant string  `json:"variant"` // of the engine: "", or "native" for no OpenBLAS
	Seconds float64 `json:"seconds"`
}

// An answer is what the program measured: images (or products) a second, and
// its resident memory at its start and at its largest, in bytes.
type answer struct {
	Rate     float64 `json:"rate"`
	Baseline int64   `json:"baseline"`
	Peak     int64   `json:"peak"`
}

// child is a program that answers tasks, one JSON object a line, in a process
// of its own.
type child struct {
	tasks   *json.Encoder
	answers *json.Decoder
}

func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return &child{json.NewEncoder(in), json.NewDecoder(out)}
}

func (c *child) do(t *testing.T, asked task) answer {
	t.Helper()
	var a answer
	if err := c.tasks.Encode(asked); err != nil {
		t.Fatalf("%+v: %v", asked, err)
	}
	if err := c.answers.Decode(&a); err != nil {
		t.Fatalf("%+v: %v", asked, err)
	}
	return a
}

// startEngine starts this test binary as the engine's side.
func startEngine(t *testing.T) *child {
	return startChild(t, exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServeSideBySide$", "-serve"))
}

func startPyTorch(t *testing.T, python string, threads int) *child {
	cmd := exec.CommandContext(t.Context(), python, "testdata/bench_pytorch.py")
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("OMP_NUM_THREADS=%d", threads))
	return startChild(t, cmd)
}

// TestServeSideBySide is no test but the engine's side of TestSideBySide.
func TestServeSideBySide(t *testing.T) {
	if !*serve {
		t.Skip("a helper of TestSideBySide")
	}
	baseline := residentMemory(t, "VmRSS")
	made := make(map[task]func() error)
	tasks, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for tasks.More() {
		var asked task
		if err := tasks.Decode(&asked); err != nil {
			t.Fatal(err)
		}
		seconds := asked.Seconds
		asked.Seconds = 0
		if made[asked] == nil {
			made[asked] = newStep(t, asked)
			for range 2 {
				runStep(t, made[asked])
			}
		}
		a := answer{Rate: float64(asked.Batch) * stepsPerSecond(t, made[asked], seconds), Baseline: baseline, Peak: residentMemory(t, "VmHWM")}
		if err := answers.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
}

// runStep ends the program where a step fails. Standard output is for answers.
func runStep(t *testing.T, step func() error) {
	if err := step(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		t.FailNow()
	}
}

// stepsPerSecond runs steps for so long, two at least.
func stepsPerSecond(t *testing.T, step func() error, seconds float64) float64 {
	start, steps := time.Now(), 0
	for steps < 2 || time.Since(start).Seconds() < seconds {
		runStep(t, step)
		steps++
	}
	return float64(steps) / time.Since(start).Seconds()
}

// residentMemory is a figure of Linux about this process, in bytes; 0 on other
// systems.
func residentMemory(t *testing.T, kind string) int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), kind+":"); ok {
			var kilobytes int64
			if _, err := fmt.Sscanf(value, "%d kB", &kilobytes); err != nil {
				t.Fatalf("%q: %v", s.Text(), err)
			}
			return kilobytes * 1024
		}
	}
	return 0
}

// newStep is one step of the task.
func newStep(t *testing.T, asked task) func() error {
	lib := blas.Open()
	if asked.Variant == "native" {
		lib = blas.Native()
	}
	if asked.Net == "gemm" {
		return gemmStep(lib)
	}
	net := zooNet(t, asked.Net)
	e, err := gorgonia.New(gorgonia.Options{Threads: 2, BLAS: lib})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(net, engine.Options{Batch: asked.Batch, Seed: 1, Inference: asked.Mode == "infer"})
	if err != nil {
		t.Fatal(err)
	}
	x, labels := samples(1, asked.Batch, net.Input.Size(), 10)
	if asked.Mode == "infer" {
		return func() error {
			_, err := s.Forward(x, asked.Batch)
			return err
		}
	}
	return trainingStep(t, net, s, oneBatch{x, labels})
}

func zooNet(tb testing.TB, name string) *models.Network {
	tb.Helper()
	o, ok := zoo.Default(name)
	if !ok {
		tb.Fatalf("no network %q; there are %q", name, zoo.Names())
	}
	net, err := zoo.Build(o)
	if err != nil {
		tb.Fatal(err)
	}
	zoo.Init(net, 1)
	return net
}

// trainingStep is a step of the trainer that a run uses, update included.
func trainingStep(tb testing.TB, net *models.Network, s engine.Session, src oneBatch) func() error {
	tb.Helper()
	o := train.Options{
		Epochs: 1, Batch: len(src.labels), Schedule: train.Schedule{Kind: train.Constant},
		Optimizer: train.Optimizer{Kind: train.SGD, LR: 1e-3, Momentum: 0.9, WeightDecay: 5e-4},
	}
	trainer, err := train.New(net, s, src, o, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return func() error {
		_, err := trainer.Step()
		return err
	}
}

// oneBatch gives the same batch forever.
type oneBatch struct {
	x      []float32
	labels []int32
}

func (b oneBatch) Batches() int                               { return 1 << 30 }
func (b oneBatch) Batch(int, int) ([]float32, []int32, error) { return b.x, b.labels, nil }

// gemmStep multiplies 1024-cubes, half of the rows on either of two threads.
func gemmStep(lib blas.Library) func() error {
	const n = 1024
	a, _ := samples(1, n, n, 10)
	b, _ := samples(2, n, n, 10)
	c := make([]float32, n*n)
	return func() error {
		var all sync.WaitGroup
		for half := range 2 {
			at := half * n * n / 2
			all.Go(func() { lib.Gemm(false, false, n/2, n, n, 1, a[at:], n, b, n, 0, c[at:], n) })
		}
		all.Wait()
		return nil
	}
}
