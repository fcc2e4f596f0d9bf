package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"espalier/workers"
	"espalier/workers/local"
	"espalier/workflows"
)

// trainerScript is a trainer in the shell, whose network is one number.
const trainerScript = `#!/bin/sh
get() { sed -n 's/^  "'$1'": "\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$request"; }
request=$1; echo $$ > "$0.pid"
kind=$(get kind) parent=$(get parent) resume=$(get resume) output=$(get output) x=$(($(get seed) % 1000000)) step=0
[ -n "$parent" ] && read old x < "$parent/state"
[ "$kind" = evaluate ] && { echo '{"espalier":"result","metrics":{"test_accuracy":0.5,"number":'$x'}}'; exit; }
[ -n "$resume" ] && read step x < "$resume/state"
keep() { mkdir -p "$output/$1-$step"; echo $step $x > "$output/$1-$step/state"; echo '{"espalier":"'$1'","dir":"'$1-$step'","step":'$step'}'; }
trap 'keep checkpoint; exit' TERM
while [ $step -lt 30 ]; do
  [ $((step % 5)) = 0 ] && [ $step -gt 0 ] && keep checkpoint
  step=$((step + 1)) x=$(((x * 1103515245 + step) % 2147483648))
  echo "step $step"; sleep 0.02
done
keep result
`

const trainerSpec = `name: toy
exec: {trainer: toy, seed: 7, passes: 1, target: 50%, attempts: 9}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`

// trained starts the run of a lab whose trainer is the script.
func (l lab) trained(t *testing.T) *process {
	t.Helper()
	script := filepath.Join(l.home, "trainer.sh")
	if err := os.WriteFile(script, []byte(trainerScript), 0o700); err != nil {
		t.Fatal(err)
	}
	return start(t, l.args("run", l.spec, "--json", "--progress", "none", "--trainer", "toy=sh "+script)...)
}

// saved waits until the worker's log tells of so many checkpoints.
func (l lab) saved(t *testing.T, n int) {
	t.Helper()
	eventually(t, "checkpoints", func() bool {
		log, err := os.ReadFile(filepath.Join(l.home, "worker.log"))
		return err == nil && bytes.Count(log, []byte(`"msg":"checkpoint"`)) >= n
	})
}

// A run of an external trainer of which first the trainer is killed and then
// everything ends with the same state as one that nobody disturbed.
func TestKilledTrainerEndsWithTheSameBits(t *testing.T) {
	t.Parallel()
	calm := newLab(t, trainerSpec)
	want := calm.result(t, calm.trained(t))
	l := newLab(t, trainerSpec)
	p := l.trained(t)
	l.saved(t, 2)
	text, err := os.ReadFile(filepath.Join(l.home, "trainer.sh.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	// It may have ended a moment ago, which is no kill and no harm.
	_ = syscall.Kill(pid, syscall.SIGKILL)
	l.saved(t, 4)
	p.send(syscall.SIGKILL)
	<-p.ended
	got := l.result(t, l.trained(t))
	equal(t, got, want)
	if len(got.Rows) != 2 || got.Rows[1].Accuracy != 0.5 || got.Rows[1].Metrics["number"] == 0 {
		t.Errorf("rows %+v, want two with what the trainer measured", got.Rows)
	}
	out := filepath.Join(t.TempDir(), "network")
	command(t, l.args("files", string(got.Final), "--out", out)...)
	if _, err := os.Stat(filepath.Join(out, "state")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(l.home, "work")); err == nil && len(left) > 1 {
		t.Errorf("%d folders of processes are left, want that of the last at most", len(left))
	}
}

// An old version of the workers finishes the run that it began, while the new
// one takes new runs.
func TestVersionedWorkersKeepTheirRuns(t *testing.T) {
	p := newInProcess(t, lingering(t), func(o *local.Options) { o.Versions = true })
	serve := func(build string) {
		p.work(t, workers.Options{Queue: "cpu", Deployment: "espalier", Build: build})
		if err := workers.Promote(t.Context(), p.temporal, "espalier", build); err != nil {
			t.Fatal(err)
		}
	}
	serve("1")
	_, first := p.submit(t, strings.Replace(tinySpec, "epochs: 2", "epochs: 2000", 1))
	if err := p.runs.Pause(t.Context(), first, workflows.Control{Who: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pause", func() bool {
		v, err := p.runs.Look(t.Context(), first, false)
		return err == nil && v.State == workflows.StatePaused && v.Step == nil
	})
	serve("2")
	_, second := p.submit(t, tinySpec)
	p.end(t, second)
	if err := p.runs.Resume(t.Context(), first, workflows.Control{Who: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first run", func() bool {
		v, err := p.runs.Look(t.Context(), first, false)
		return err == nil && v.Step != nil && !v.Step.Waiting
	})
	for id, want := range map[string]string{first: "1", second: "2"} {
		described, err := p.temporal.DescribeWorkflowExecution(t.Context(), id, "")
		if err != nil {
			t.Fatal(err)
		}
		about := described.GetWorkflowExecutionInfo().GetVersioningInfo()
		if got := about.GetDeploymentVersion().GetBuildId(); got != want {
			t.Errorf("run %s is of build %q, want %q", id, got, want)
		}
	}
	if err := p.runs.Cancel(t.Context(), first, workflows.Control{Who: "test"}); err != nil {
		t.Fatal(err)
	}
	p.end(t, first)
}

// workForTrainer starts a worker that allows the trainer of trainerSpec.
func (p *inProcess) workForTrainer(t *testing.T) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "trainer.sh")
	if err := os.WriteFile(script, []byte(trainerScript), 0o700); err != nil {
		t.Fatal(err)
	}
	p.app.trainers = []string{"toy=sh " + script}
	p.work(t, workers.Options{Queue: "cpu"})
}

// TestRecordHistoriesOfATrainer writes what `make histories` asks for, of a run
// whose steps a trainer does.
func TestRecordHistoriesOfATrainer(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	p := newInProcess(t, t.TempDir())
	p.workForTrainer(t)
	_, id := p.submit(t, strings.Replace(trainerSpec, "name: toy", "name: trainer", 1))
	p.end(t, id)
	p.record(t, id, "trainer")
}

// lingering is a folder for a test whose server's fourth service may write for a
// moment after it has stopped.
func lingering(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "espalier-versions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the folder removed", func() bool { return os.RemoveAll(home) == nil })
	})
	return home
}
