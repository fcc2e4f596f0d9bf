package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"espalier/models/checkpoint"
	"espalier/workers/local"
	"espalier/workflows"
)

// These tests start real processes with embedded servers, one lab at a time:
// a training step uses every core.

func TestKilledRunEndsWithTheSameBits(t *testing.T) {
	l := newLab(t, smallSpec)
	p := command(t, "verify-resume", l.spec, "--kills", "8", "--seed", "3", "--json")
	var found verification
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", found)
	if !found.Same || found.Interrupted == "" {
		t.Errorf("killed %d times the run ended with %q, uninterrupted with %q", found.Kills, found.Interrupted, found.Uninterrupted)
	}
	if found.InTraining == 0 {
		t.Error("no kill hit a training step, so the test shows nothing")
	}
}

// The same for a run that does all that a run can do: it readies the network,
// chooses channels on samples, refits, recalibrates and learns from a teacher.
func TestKilledRunThatRemovesChannelsEndsWithTheSameBits(t *testing.T) {
	l := newLab(t, `name: small-channels
network: {arch: lenet-5, relu: true, batch_norm: true, width: 0.3}
data: {name: digits, train: 4000, test: 500}
train: {epochs: 12, batch: 64, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, schedule: cosine, seed: 7}
prune:
  method: channel-lasso
  sparsify: {epochs: 4, l1: {gamma: 1e-4}}
  recalibrate: 20
  schedule: {passes: 2, target: {macs: 60%}}
  finetune: {epochs: 4, distill: {weight: 50%}}
durability: {checkpoint_every: 250ms, heartbeat_timeout: 2s}
`)
	p := command(t, "verify-resume", l.spec, "--kills", "5", "--seed", "4", "--json")
	var found verification
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", found)
	if !found.Same || found.Interrupted == "" || found.InTraining == 0 {
		t.Errorf("killed %d times, %d in training, the run ended with %q, uninterrupted with %q", found.Kills, found.InTraining, found.Interrupted, found.Uninterrupted)
	}
}

// The same for a run whose centroids are trained, beside weights that are still
// free and then alone: which weights belong together is no part of a checkpoint
// in the middle.
func TestKilledRunThatTrainsCentroidsEndsWithTheSameBits(t *testing.T) {
	l := newLab(t, `name: small-quantized
network: {arch: lenet-300-100}
data: {name: digits, train: 4000, test: 500}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 7}
prune:
  method: han
  schedule: {passes: 1, target: {sparsity: 80%}}
  finetune: {epochs: 1}
quantize: {bits: {default: 3}, init: random, portions: [60%, 100%], finetune: {epochs: 12}}
durability: {checkpoint_every: 250ms, heartbeat_timeout: 2s}
`)
	p := command(t, "verify-resume", l.spec, "--kills", "3", "--seed", "5", "--json")
	var found verification
	if err := json.Unmarshal(p.out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", found)
	if !found.Same || found.Interrupted == "" || found.InTraining == 0 {
		t.Errorf("killed %d times, %d in training, the run ended with %q, uninterrupted with %q", found.Kills, found.InTraining, found.Interrupted, found.Uninterrupted)
	}
}

// training waits until a run's process trains beyond a saved checkpoint.
func (l lab) training(t *testing.T, p *process, attempts int) {
	t.Helper()
	eventually(t, "training", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("%s ended early: %v\n%s", p.name, p.err, p.errs.Bytes())
		default:
		}
		return l.logged(t, `"msg":"checkpoint"`) >= 2*attempts
	})
}

func TestTerminatedRunSavesAndLeaves(t *testing.T) {
	l := newLab(t, smallSpec)
	for i, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := l.run(t)
		l.training(t, p, 3*(i+1))
		p.send(signal)
		asked := time.Now()
		if code := p.wait(t); code != exitInterrupted {
			t.Errorf("after %v: exit code %d, want %d", signal, code, exitInterrupted)
		}
		t.Logf("left %v after %v", time.Since(asked).Round(time.Millisecond), signal)
		if !strings.Contains(p.errs.String(), "go on with: espalier run") {
			t.Errorf("after %v it does not say how to go on: %q", signal, p.errs.String())
		}
		if l.logged(t, "the worker is stopping; the step is saved") < i+1 {
			t.Errorf("after %v the step did not say that it was saved", signal)
		}
	}
	same(t, l.finish(t))
}

func TestSecondInterruptLeavesAtOnce(t *testing.T) {
	l := newLab(t, smallSpec)
	p := l.run(t)
	l.training(t, p, 1)
	p.send(syscall.SIGINT)
	p.send(syscall.SIGINT)
	if code := p.wait(t); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	same(t, l.finish(t))
}

func TestAnotherWorkerGoesOnFromTheCheckpoint(t *testing.T) {
	l := newLab(t, smallSpec)
	l.serve(t)
	first := start(t, l.args("worker")...)
	id := l.submit(t)
	l.training(t, first, 2)
	second := start(t, l.args("worker")...)
	first.send(syscall.SIGKILL)

	pid := fmt.Sprintf("#%d@", second.Process.Pid)
	eventually(t, "the second worker to take the step", func() bool { return l.logged(t, `"training begins"`, pid) > 0 })
	if l.logged(t, `"training begins"`, pid, `"step":0}`) > 0 {
		t.Error("the second worker began at step 0, not at the first one's checkpoint")
	}
	same(t, l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...)))
}

func TestThawedWorkerCannotCommit(t *testing.T) {
	l := newLab(t, smallSpec)
	l.serve(t)
	frozen := start(t, l.args("worker")...)
	id := l.submit(t)
	l.training(t, frozen, 2)
	frozen.send(syscall.SIGSTOP)
	second := start(t, l.args("worker")...)
	pid := fmt.Sprintf("#%d@", second.Process.Pid)
	eventually(t, "the second worker to take the step", func() bool { return l.logged(t, `"training begins"`, pid) > 0 })
	frozen.send(syscall.SIGCONT)
	old := fmt.Sprintf("#%d@", frozen.Process.Pid)
	eventually(t, "the thawed worker to be refused", func() bool { return l.logged(t, `"step left"`, "fenced", old) > 0 })
	same(t, l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...)))

	repo := l.store(t)
	for _, key := range l.journals(t) {
		token := 0
		for _, e := range entries(t, repo, key) {
			if e.Token < token {
				t.Errorf("step %.12s: entry %d (%s) has token %d, after an attempt with token %d", key, e.Number, e.Kind, e.Token, token)
			}
			token = e.Token
		}
	}
}

func TestDamagedCheckpointsAreNamedAndSkipped(t *testing.T) {
	damages := map[string]struct {
		damage func(path string) error
		says   string
	}{
		"flipped byte": {flip, "sha256"},
		"truncated":    {func(path string) error { return os.Truncate(path, 1000) }, "size 1000"},
		"missing":      {os.Remove, "missing"},
	}
	for name, test := range damages {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, smallSpec)
			p := l.run(t)
			l.training(t, p, 3)
			p.send(syscall.SIGKILL)
			p.wait(t)
			digest, key := l.newest(t)
			if err := test.damage(l.path(digest)); err != nil {
				t.Fatal(err)
			}
			same(t, l.finish(t))
			notes := l.notes(t, key)
			if !strings.Contains(notes, string(digest)) || !strings.Contains(notes, test.says) {
				t.Errorf("the next attempt notes %q, want the checkpoint %s and %q", notes, digest, test.says)
			}
		})
	}
}

func TestRunWhoseCheckpointsAreAllBadMakesThemAgain(t *testing.T) {
	l := newLab(t, smallSpec)
	p := l.run(t)
	eventually(t, "the second pass", func() bool { return l.logged(t, `"training begins"`, `"pass":2`) > 0 })
	p.send(syscall.SIGKILL)
	p.wait(t)
	for _, file := range l.checkpoints(t) {
		if err := flip(file); err != nil {
			t.Fatal(err)
		}
	}
	got := l.finish(t)
	if len(got.Events) == 0 || !strings.Contains(got.Events[0].What, "again") {
		t.Errorf("events %+v do not tell what was made again", got.Events)
	}
	same(t, got)
}

func TestPausedRunGoesOnWithTheSameBits(t *testing.T) {
	l := newLab(t, smallSpec)
	l.serve(t)
	worker := start(t, l.args("worker")...)
	id := l.submit(t)
	l.training(t, worker, 2)
	command(t, l.args("pause", id, "--note", "a test")...)
	eventually(t, "the pause", func() bool {
		v := l.status(t, id)
		return v.State == workflows.StatePaused && v.Step == nil
	})
	command(t, l.args("pause", id)...) // once more is harmless
	worker.send(syscall.SIGTERM)
	worker.wait(t)
	command(t, l.args("resume", id)...) // works while no worker is there
	start(t, l.args("worker")...)
	got := l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...))
	if len(got.Events) != 2 || got.Events[0].Who == "" || !strings.Contains(got.Events[0].What, "a test") {
		t.Errorf("events %+v, want one pause with its note and one resume", got.Events)
	}
	same(t, got)
}

func TestCancelledRunGoesOnWhenSubmittedAgain(t *testing.T) {
	l := newLab(t, smallSpec)
	l.serve(t)
	worker := start(t, l.args("worker")...)
	id := l.submit(t)
	l.training(t, worker, 2)
	command(t, l.args("cancel", id)...)
	eventually(t, "the cancellation", func() bool { return l.status(t, id).State == workflows.StateCancelled })
	if again := l.submit(t); again != id {
		t.Errorf("submitted again it is run %s, before it was %s", again, id)
	}
	same(t, l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...)))
	if l.logged(t, `"training begins"`, `"step":0}`, `"kind":"Train"`) > 1 {
		t.Error("the run trained from step 0 twice")
	}
}

// A step whose worker is gone is given up when it is asked to stop, and not tried
// again, which is no failure of the run.
func TestRunIsControlledAfterItsWorkerIsLost(t *testing.T) {
	l := newLab(t, smallSpec)
	id := l.pausedAfterLoss(t)
	command(t, l.args("resume", id)...)
	l.lose(t, 3)
	command(t, l.args("cancel", id)...)
	eventually(t, "the cancellation", func() bool { return l.status(t, id).State == workflows.StateCancelled })
	l.submit(t)
	start(t, l.args("worker")...)
	same(t, l.result(t, start(t, l.args("watch", id, "--json", "--progress", "none")...)))
}

// pausedAfterLoss pauses a run of a new server whose worker was killed.
func (l lab) pausedAfterLoss(t *testing.T) (id string) {
	t.Helper()
	l.serve(t)
	start(t, l.args("worker", "--queue", "other")...) // decides, and takes no step
	id = l.submit(t)
	l.lose(t, 1)
	command(t, l.args("pause", id)...)
	eventually(t, "the pause", func() bool {
		v := l.status(t, id)
		return v.State == workflows.StatePaused && v.Step == nil
	})
	return id
}

// lose kills a worker in the middle of a step.
func (l lab) lose(t *testing.T, attempts int) {
	t.Helper()
	worker := start(t, l.args("worker")...)
	l.training(t, worker, attempts)
	worker.send(syscall.SIGKILL)
	worker.wait(t)
}

func flip(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	at := info.Size() / 2
	b := make([]byte, 1)
	if _, err := file.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0x10
	_, err = file.WriteAt(b, at)
	return err
}

// path is the file of a checkpoint.
func (l lab) path(d checkpoint.Digest) string {
	return filepath.Join(l.home, "s3", local.Bucket, checkpoint.CheckpointKey(d))
}

// newest is the newest mid-step checkpoint of the step that was under way.
func (l lab) newest(t *testing.T) (checkpoint.Digest, string) {
	t.Helper()
	repo := l.store(t)
	for _, key := range l.journals(t) {
		list := entries(t, repo, key)
		if last := list[len(list)-1]; last.Kind == checkpoint.EntryCheckpoint {
			return last.Digest, key
		}
	}
	t.Fatal("no step was under way")
	return "", ""
}

// notes are those of all attempts at a step.
func (l lab) notes(t *testing.T, key string) string {
	t.Helper()
	var notes []string
	for _, e := range entries(t, l.store(t), key) {
		notes = append(notes, e.Notes...)
	}
	return strings.Join(notes, "\n")
}
