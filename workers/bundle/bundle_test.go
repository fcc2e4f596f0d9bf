package bundle_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/engine/gorgonia"
	"espalier/workers/bundle"
	"espalier/workers/runs"
	"espalier/workflows"
)

const spec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 200, test: 100}
train: {epochs: 1, batch: 50, optimizer: {sgd: {lr: 0.05}}}
prune:
  method: han
  measure_pruned: true
  schedule: {passes: 2, target: {sparsity: 80%}}
  finetune: {epochs: 1}
quantize: {method: shared, bits: {default: 4}, portions: [50%, 100%], finetune: {epochs: 1}}
`

// newSteps are a worker's over an empty folder.
func newSteps(t *testing.T) *activities.Steps {
	t.Helper()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &activities.Steps{
		Repo: &checkpoint.Repo{Store: store}, Engine: engine, Worker: "test", Version: "test",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// finished runs the spec to its end and answers with its id and where it is.
func finished(t *testing.T) (run string, repo *checkpoint.Repo) {
	t.Helper()
	parsed, err := config.Parse("tiny.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	steps := newSteps(t)
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // on a busy machine a decision may take long
	env.RegisterWorkflowWithOptions(workflows.Run(nil), workflow.RegisterOptions{Name: workflows.NameRun})
	for _, a := range steps.Activities() {
		env.RegisterActivity(a.Do)
	}
	env.ExecuteWorkflow(workflows.NameRun, workflows.RunInput{Spec: *parsed})
	var result workflows.Result
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return result.Run, steps.Repo
}

func written(t *testing.T, repo *checkpoint.Repo, run string, o bundle.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := bundle.Write(t.Context(), &out, repo, run, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t *testing.T, data []byte) (*bundle.Bundle, error) {
	t.Helper()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Read(t.Context(), bytes.NewReader(data), store)
}

func TestARunIsBundledAndReproduced(t *testing.T) {
	t.Parallel()
	run, repo := finished(t)
	data := written(t, repo, run, bundle.Options{})

	t.Run("the same run makes the same bytes", func(t *testing.T) {
		t.Parallel()
		if !bytes.Equal(data, written(t, repo, run, bundle.Options{})) {
			t.Error("two bundles of a run differ")
		}
	})
	t.Run("all steps give the same bits", func(t *testing.T) {
		t.Parallel()
		outcomes := reproduced(t, data, nil)
		// prepare, train, 2 x (prune, finetune), 2 x (quantize, tune); each row is
		// measured, those of pruned and quantized networks twice.
		if want := 10 + 1 + 2*2 + 2; len(outcomes) != want {
			t.Errorf("%d steps were done again, want %d", len(outcomes), want)
		}
		for _, o := range outcomes {
			if !o.Same || !o.Asked {
				t.Errorf("%+v", o)
			}
		}
	})
	t.Run("a step is done with those that it stands on", func(t *testing.T) {
		t.Parallel()
		b, err := read(t, data)
		if err != nil {
			t.Fatal(err)
		}
		key := b.Manifest.Steps[3].Key // prune: prepare, train, evaluate come before
		var kinds []string
		for _, o := range reproduced(t, data, []string{key[:10]}) {
			if !o.Same || o.Asked != (o.Key == key) {
				t.Errorf("%+v", o)
			}
			kinds = append(kinds, o.Kind)
		}
		if diff := cmp.Diff([]string{"prepare", "train", "prune"}, kinds); diff != "" {
			t.Error(diff)
		}
		// With all checkpoints inside it stands on nothing.
		if alone := reproduced(t, written(t, repo, run, bundle.Options{Checkpoints: true}), []string{key}); len(alone) != 1 || !alone[0].Same {
			t.Errorf("%+v", alone)
		}
	})
	t.Run("whatever is changed is seen", func(t *testing.T) {
		t.Parallel()
		for at := 0; at < len(data); at += 4099 { // a prime, so that headers, bytes and gaps are met
			bad := bytes.Clone(data)
			bad[at] ^= 1 << (at % 8)
			if _, err := read(t, bad); !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("byte %d of %d: error %v", at, len(data), err)
			}
		}
		for name, bad := range map[string][]byte{
			"empty": nil, "cut": data[:len(data)/2], "without its end": data[:len(data)-512], "longer": append(bytes.Clone(data), 0),
		} {
			if _, err := read(t, bad); !errors.Is(err, bundle.ErrCorrupt) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	})
	t.Run("what comes out otherwise is told", func(t *testing.T) {
		t.Parallel()
		b, err := read(t, data)
		if err != nil {
			t.Fatal(err)
		}
		final := b.Evaluation()[0]
		at := slices.IndexFunc(b.Manifest.Steps, func(s bundle.Step) bool { return s.Key == final })
		b.Manifest.Steps[at].Metrics[activities.MetricTestAcc]++
		b.Record.Links[1].Checkpoint = checkpoint.DigestOf(nil) // of the dense network
		different, undone := 0, 0
		err = b.Reproduce(t.Context(), newSteps(t), nil, "", func(o bundle.Outcome) {
			switch {
			case o.Error != "":
				undone++
			case !o.Same && o.Kind == "train" && o.Want != o.Got, !o.Same && o.Key == final && len(o.Differences) == 1:
				different++
			case !o.Same:
				t.Errorf("%+v", o)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		// The dense network is measured and pruned no more, the final one is inside.
		if different != 2 || undone == 0 {
			t.Errorf("%d steps came out otherwise and %d were not done", different, undone)
		}
	})
	t.Run("what cannot be bundled or done again is named", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"other-0123456789ab", "../up", ""} {
			if _, err := bundle.Write(t.Context(), io.Discard, repo, name, bundle.Options{}); !errors.Is(err, runs.ErrNotFound) {
				t.Errorf("run %q: error %v", name, err)
			}
		}
		sweep := workflows.SweepRecord{SweepResult: workflows.SweepResult{Run: "swept", Trials: []workflows.SweptTrial{{Run: "swept-0"}}}}
		if err := repo.PutJSON(t.Context(), "runs/swept/result.json", sweep); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Write(t.Context(), io.Discard, repo, "swept", bundle.Options{}); !errors.Is(err, bundle.ErrNoRun) {
			t.Errorf("a sweep: error %v", err)
		}
		b, err := read(t, data)
		if err != nil {
			t.Fatal(err)
		}
		var missing *bundle.NoStepError
		if err := b.Reproduce(t.Context(), newSteps(t), []string{"ffff"}, "", func(bundle.Outcome) {}); !errors.As(err, &missing) {
			t.Errorf("error %v", err)
		}
	})
}

func reproduced(t *testing.T, data []byte, keys []string) (all []bundle.Outcome) {
	t.Helper()
	b, err := read(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Reproduce(t.Context(), newSteps(t), keys, "", func(o bundle.Outcome) { all = append(all, o) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFilesThatLeaveTheFolderAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../up", "/etc/passwd", "a/../../b", "c:\\x", ".hidden"} {
		data, err := sealed(bundle.Manifest{Format: bundle.Format, Run: "a"}, map[string]string{name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, data); !errors.Is(err, bundle.ErrCorrupt) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
