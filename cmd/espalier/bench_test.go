package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/measure"
	"espalier/models/prune"
	"espalier/models/train"
	"espalier/models/zoo"
	"espalier/workers/local"
)

// benchSpec is what the benchmarks run.
const benchSpec = "../../examples/quickstart.yaml"

// BenchmarkOrchestration trains, prunes and evaluates the same spec in a bare
// loop and as a durable run on servers that are up, one after the other, and
// reports what the run took more, in percent.
func BenchmarkOrchestration(b *testing.B) {
	spec, err := config.Load(benchSpec)
	if err != nil {
		b.Fatal(err)
	}
	cache := b.TempDir()
	var bare, run time.Duration
	for b.Loop() {
		begun := time.Now()
		final := bareLoop(b, spec, cache)
		bare += time.Since(begun)
		took, digest := durableRun(b, cache)
		run += took
		if digest != final {
			b.Fatalf("the run ended with %s, the bare loop with %s", digest, final)
		}
	}
	b.ReportMetric(bare.Seconds()/float64(b.N), "bare-s")
	b.ReportMetric(run.Seconds()/float64(b.N), "run-s")
	b.ReportMetric(100*(run.Seconds()/bare.Seconds()-1), "overhead-%")
}

// durableRun runs the spec on fresh embedded servers and answers with the time
// from its submission to its result, without the servers' start.
func durableRun(b *testing.B, cache string) (time.Duration, string) {
	b.Helper()
	home := b.TempDir()
	if err := os.Symlink(cache, filepath.Join(home, "data")); err != nil {
		b.Fatal(err)
	}
	l := lab{home: home, spec: benchSpec}
	out := l.runOnce(b)
	var result struct{ Final string }
	if err := json.Unmarshal(out, &result); err != nil {
		b.Fatal(err)
	}
	var answered, done time.Time
	for line := range bytes.Lines(l.log(b)) {
		var told struct {
			Time    time.Time `json:"time"`
			Message string    `json:"msg"`
		}
		if err := json.Unmarshal(line, &told); err != nil {
			b.Fatal(err)
		}
		switch told.Message {
		case "embedded servers answer":
			answered = told.Time
		case "step done":
			done = told.Time
		}
	}
	return done.Sub(answered), result.Final
}

// bareLoop does the run's work with nothing around it.
func bareLoop(b *testing.B, spec *config.Spec, cache string) string {
	b.Helper()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	set, err := data.Open(context.Background(), data.Options{Name: spec.Data.Name, CacheDir: cache})
	must(err)
	eng, err := gorgonia.New(gorgonia.Options{})
	must(err)
	net, err := zoo.Build(zoo.Options{Arch: spec.Network.Arch, Input: set.Shape, Classes: set.Classes})
	must(err)
	zoo.Init(net, spec.Train.Seed)
	fit := func(net *models.Network, t config.Train) *models.Network {
		sess, err := eng.Open(net, engine.Options{Batch: t.Batch, Seed: t.Seed})
		must(err)
		defer sess.Close()
		loader := data.NewLoader(set.Train, t.Batch, t.Seed)
		defer loader.Close()
		trainer, err := train.New(net, sess, loader, train.Options{
			Epochs: t.Epochs, Batch: t.Batch, Seed: t.Seed, Schedule: train.Schedule{Kind: t.Schedule.Kind},
			Optimizer: train.Optimizer{Kind: train.SGD, LR: t.Optimizer.SGD.LR, Momentum: t.Optimizer.SGD.Momentum, WeightDecay: t.Optimizer.SGD.WeightDecay},
		}, nil)
		must(err)
		for !trainer.Done() {
			_, err := trainer.Step()
			must(err)
		}
		return trainer.Result()
	}
	test := func(net *models.Network) {
		sess, err := eng.Open(net, engine.Options{Batch: 500})
		must(err)
		defer sess.Close()
		_, err = measure.Evaluate(context.Background(), sess, set.Test, 500)
		must(err)
	}
	net = fit(net, spec.Train)
	test(net)
	schedule := spec.Prune.Schedule
	for pass := 1; pass <= schedule.Passes; pass++ {
		sparsity, err := prune.At(schedule.Shape, pass, schedule.Passes, 0, schedule.Target.Sparsity)
		must(err)
		layers := make(map[string]float64)
		for layer, target := range schedule.Target.Layers {
			layers[layer], err = prune.At(schedule.Shape, pass, schedule.Passes, 0, target)
			must(err)
		}
		plan, err := prune.NewPlan(context.Background(), net, prune.Options{
			Method: spec.Prune.Method, Scope: spec.Prune.Scope, Sparsity: sparsity, Layers: layers,
			DeadNeurons: spec.Prune.DeadNeurons, AdjustDropout: spec.Prune.AdjustDropout,
		}, prune.Basis{})
		must(err)
		net, err = prune.Apply(net, plan)
		must(err)
		net = fit(net, spec.FinetuneTrain(pass))
		test(net)
	}
	return digestOf(b, net)
}

// BenchmarkStart measures a process from its start to its first training step,
// on a fresh home folder, and again after SIGKILL.
func BenchmarkStart(b *testing.B) {
	var fresh, resumed time.Duration
	for b.Loop() {
		l := lab{home: b.TempDir(), spec: benchSpec}
		fresh += l.killInTraining(b, 1)
		resumed += l.killInTraining(b, 2)
	}
	b.ReportMetric(fresh.Seconds()/float64(b.N), "fresh-s")
	b.ReportMetric(resumed.Seconds()/float64(b.N), "after-kill-s")
}

// killInTraining starts the run, kills it in its nth attempt at training and
// answers with the time from the process's start to its first step.
func (l lab) killInTraining(b *testing.B, attempt int) time.Duration {
	b.Helper()
	p := exec.Command(os.Args[0], l.args("run", l.spec, "--progress", "none")...)
	p.Env = append(os.Environ(), asCommand+"=1")
	begun := time.Now()
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	var first time.Time
	for deadline := begun.Add(time.Minute); first.IsZero(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("no training within a minute")
		}
		seen := 0
		for line := range bytes.Lines(l.log(b)) {
			var told logLine
			if json.Unmarshal(line, &told) == nil && told.Message == "training begins" {
				if seen++; seen == attempt {
					first = told.Time
				}
			}
		}
	}
	// Long enough for a heartbeat and a checkpoint to be there.
	time.Sleep(2 * time.Second)
	if err := p.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	if p.Wait() == nil {
		b.Fatal("the run was done before it was killed")
	}
	return first.Sub(begun)
}

// BenchmarkMemory reports the resident memory of idle embedded servers.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		l := lab{home: b.TempDir()}
		p := exec.Command(os.Args[0], l.args("server", "--temporal-port", "0", "--s3-port", "0")...)
		p.Env = append(os.Environ(), asCommand+"=1")
		if err := p.Start(); err != nil {
			b.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if _, err := local.Find(l.home); err == nil {
				break
			}
			if time.Now().After(deadline) {
				b.Fatal("no server within a minute")
			}
		}
		time.Sleep(3 * time.Second)
		b.ReportMetric(residentMB(b, p.Process.Pid), "resident-MB")
		if err := p.Process.Kill(); err != nil {
			b.Fatal(err)
		}
		if p.Wait() == nil {
			b.Fatal("the server ended by itself")
		}
	}
}

func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	proc, err := procfs.NewProc(pid)
	if err != nil {
		b.Skip("no /proc on this system:", err)
	}
	stat, err := proc.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return float64(stat.ResidentMemory()) / 1e6
}

// runOnce runs the lab's spec to its end and answers with what it printed.
func (l lab) runOnce(b *testing.B) []byte {
	b.Helper()
	p := exec.Command(os.Args[0], l.args("run", l.spec, "--json", "--progress", "none")...)
	p.Env = append(os.Environ(), asCommand+"=1")
	out, err := p.Output()
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// log is the lab's worker log; a process that starts has none yet.
func (l lab) log(b *testing.B) []byte {
	b.Helper()
	log, err := os.ReadFile(filepath.Join(l.home, "worker.log"))
	if err != nil && !os.IsNotExist(err) {
		b.Fatal(err)
	}
	return log
}

func digestOf(b *testing.B, net *models.Network) string {
	b.Helper()
	_, digest, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		b.Fatal(err)
	}
	return string(digest)
}
