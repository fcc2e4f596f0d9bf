package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

const execSpec = `name: x
exec:
  trainer: pytorch
  seed: 3
  params: {lr: 0.1, layers: [64, 32], name: "007", on: true, big: 9007199254740993, none: ~}
  train: {lr: 5e-2, epochs: 4}
  passes: 2
  target: 80%
`

func TestParamsAreHandedOnAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	spec := parse(t, execSpec)
	for kind, want := range map[string]string{
		config.ExecTrain:    `{"big":9007199254740993,"epochs":4,"layers":[64,32],"lr":0.05,"name":"007","none":null,"on":true}`,
		config.ExecFinetune: `{"big":9007199254740993,"layers":[64,32],"lr":0.1,"name":"007","none":null,"on":true}`,
	} {
		got, err := spec.Exec.For(kind)
		if err != nil || string(got) != want {
			t.Errorf("For(%s) = %s, %v; want %s", kind, got, err, want)
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var back config.Spec
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, &back); diff != "" || back.ID() != spec.ID() {
		t.Errorf("the spec changes as JSON: %s", diff)
	}
}

func TestExecIsPartOfTheIdentityButForWhatChangesNoNumber(t *testing.T) {
	t.Parallel()
	id := parse(t, execSpec).ID()
	for now, same := range map[string]bool{
		"silence: 1m": true, "attempts: 9": true, "shape: cubic": true,
		"shape: linear": false, "version: 2": false, "evaluate: {n: 1}": false,
	} {
		if got := parse(t, execSpec+"  "+now+"\n").ID(); (got == id) != same {
			t.Errorf("%s: ID %s, without it %s; want the same: %t", now, got, id, same)
		}
	}
}

func TestSeedsOfATrainersStepsDiffer(t *testing.T) {
	t.Parallel()
	e := parse(t, execSpec).Exec
	seen := map[uint64]string{}
	for _, step := range []struct {
		kind string
		pass int
	}{{config.ExecTrain, 0}, {config.ExecPrune, 1}, {config.ExecFinetune, 1}, {config.ExecPrune, 2}, {config.ExecFinetune, 2}} {
		seed := e.SeedOf(step.kind, step.pass)
		if twin, ok := seen[seed]; ok {
			t.Errorf("%s of pass %d has the seed of %s", step.kind, step.pass, twin)
		}
		seen[seed] = step.kind
	}
	if a, b := e.SeedOf(config.ExecEvaluate, 0), e.SeedOf(config.ExecEvaluate, 2); a != b {
		t.Errorf("evaluations have the seeds %d and %d", a, b)
	}
}

func TestASweepVariesWhatATrainerIsTold(t *testing.T) {
	t.Parallel()
	spec := parse(t, execSpec+"sweep: {search: grid, params: {exec.params.lr: [0.1, 0.2], exec.finetune.deep.er: [a, b], exec.target: [50%]}}\n")
	trial, err := spec.Trial([]config.Setting{{Path: "exec.params.lr", Value: "0.2"}, {Path: "exec.finetune.deep.er", Value: "b"}, {Path: "exec.target", Value: "50%"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := trial.Exec.For(config.ExecFinetune)
	want := `{"big":9007199254740993,"deep":{"er":"b"},"layers":[64,32],"lr":0.2,"name":"007","none":null,"on":true}`
	if err != nil || string(got) != want || trial.Exec.Target != 0.5 {
		t.Errorf("the trial's trainer is told %s, target %g, %v; want %s and 0.5", got, trial.Exec.Target, err, want)
	}
}

func TestExtendedTrainersRunKeepsThePassesThatThereAre(t *testing.T) {
	t.Parallel()
	spec := parse(t, execSpec)
	longer, err := spec.Extended(4)
	if err != nil {
		t.Fatal(err)
	}
	longer, err = longer.With()
	if err != nil {
		t.Fatal(err)
	}
	for pass := 1; pass <= 2; pass++ {
		was, err := spec.Exec.TargetOf(pass)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := longer.Exec.TargetOf(pass); err != nil || is != was {
			t.Errorf("pass %d goes to %g, %v; went to %g", pass, is, err, was)
		}
	}
	if last, err := longer.Exec.TargetOf(4); err != nil || last != 0.96 { // 80 % of 80 %
		t.Errorf("the last pass goes to %g, %v; want 0.96", last, err)
	}
	if _, err := longer.Exec.TargetOf(5); err == nil {
		t.Error("there is a pass after the last")
	}
	if _, err := spec.Extended(2); !errors.Is(err, config.ErrNotMore) {
		t.Errorf("two passes instead of two: %v", err)
	}
}

func TestForkedTrainersRunBeginsWithACheckpoint(t *testing.T) {
	t.Parallel()
	spec, digest := parse(t, execSpec), strings.Repeat("ab", 32)
	for pass, want := range map[int]int{-1: 2, 0: 2, 1: 1, 2: 1} {
		fork, err := spec.Forked(digest, pass)
		if err == nil {
			fork, err = fork.With()
		}
		if err != nil {
			t.Errorf("pass %d: %v", pass, err)
			continue
		}
		last, err := fork.Exec.TargetOf(want)
		if fork.Exec.Checkpoint != digest || fork.Exec.Train != nil || fork.Exec.Passes != want || err != nil || last != 0.8 {
			t.Errorf("from pass %d: %+v, last to %g, %v; want %d passes to 0.8", pass, fork.Exec, last, err, want)
		}
	}
}

func TestTargetsThatCannotBeAreFaults(t *testing.T) {
	t.Parallel()
	head := "name: x\nexec:\n  trainer: pytorch\n  passes: 2\n"
	for text, want := range map[string]string{
		"  targets: [50%]\n":                       "exec.targets: has 1 shares for 2 passes",
		"  targets: [50%, 40%]\n":                  "exec.targets[1]: 0.4 after pass 2 is less than the 0.5 before",
		"  targets: [50%, 60%]\n  target: 60%\n":   "exec.target: given together with targets",
		"  targets: [50%, 60%]\n  shape: linear\n": "exec.shape: given together with targets",
		"  targets: [50%, 160%]\n":                 "exec.targets[1]",
		"  target: 60%\n  checkpoint: abc\n":       "exec.checkpoint",
		"  target: 60%\n  checkpoint: " + strings.Repeat("0", 64) + "\n  train: {lr: 1}\n": "exec.train: given together with checkpoint",
	} {
		if _, err := config.Parse("x.yaml", []byte(head+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
