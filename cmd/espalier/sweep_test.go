package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workers/runs"
	"espalier/workers/standing"
	"espalier/workflows"
	"espalier/workflows/search"
)

// sixTrials share the training of the dense network, and two each their first
// pruning.
const sixTrials = tinySpec + `sweep:
  search: grid
  params:
    prune.schedule.target.sparsity: [50%, 70%, 90%]
    prune.finetune.last_epochs: [1, 2]
  concurrency: 4
`

const (
	// halvingSpec has four trials, of which the best go on to the second pass.
	halvingSpec = tinySpec + `sweep:
  search: {asha: {trials: 4, eta: 2, by: grid}}
  params: {prune.schedule.target.sparsity: [50%, 70%, 90%, 99%]}
  objectives: [accuracy, sparsity]
  concurrency: 2
`
	// toldSpec has trials that fail and one that the median rule ends.
	toldSpec = tinySpec + `sweep:
  search:
    list:
      trials:
        - {prune.schedule.target.sparsity: 40%}
        - {train.optimizer: {sgd: {lr: 1e20}}}
        - {prune.method: slimming}
        - {prune.method: random, prune.schedule.target.sparsity: 99%}
  stop: {median: {trials: 1}}
  concurrency: 1
`
)

// swept waits for a sweep's end.
func (p *inProcess) swept(t *testing.T, id string) *workflows.SweepResult {
	t.Helper()
	result, err := p.runs.Sweep(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// finals are the last checkpoints of all trials.
func finals(t *testing.T, r *workflows.SweepResult) string {
	t.Helper()
	var all []string
	for _, trial := range r.Trials {
		if trial.State != workflows.StateDone || trial.Last == nil || trial.Last.Pass != 2 {
			t.Errorf("trial %+v is not done with pass 2", trial)
			continue
		}
		all = append(all, fmt.Sprint(trial.Trial, " ", trial.Last.Checkpoint))
	}
	return strings.Join(all, "\n")
}

// Nothing that trials share is begun twice, with workers enough to do so, and
// whatever the history in which a trial is started.
func TestSweepComputesSharedStepsOnce(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 4})
	spec, id := p.submit(t, sixTrials)
	result := p.swept(t, id)
	if len(result.Trials) != 6 || result.Ended != 6 || result.Failures != 0 || len(result.Front) == 0 {
		t.Errorf("%d trials, %d ended, %d failed, a front of %d; want 6 trials that ended, and a front", len(result.Trials), result.Ended, result.Failures, len(result.Front))
	}
	finals(t, result)

	repo, steps := &checkpoint.Repo{Store: p.store}, 0
	for info, err := range p.store.List(t.Context(), "steps/") {
		if err != nil {
			t.Fatal(err)
		}
		steps++
		key, opened := strings.TrimSuffix(strings.TrimPrefix(info.Key, "steps/"), ".json"), 0
		for _, e := range entries(t, repo, key) {
			if e.Kind == checkpoint.EntryOpen {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("step %.12s was begun %d times", key, opened)
		}
	}
	tree := &search.Tree{}
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	for number := range 6 {
		trial, err := state.Trial(number)
		if err != nil {
			t.Fatal(err)
		}
		if err := workflows.AddTrial(tree, spec, trial); err != nil {
			t.Fatal(err)
		}
	}
	if steps != len(tree.Steps) {
		t.Errorf("the store has %d steps, %d distinct ones were foreseen", steps, len(tree.Steps))
	}

	views, err := p.runs.List(t.Context(), 50)
	if err != nil || len(views) != 1 || views[0].Kind != runs.KindSweep || views[0].Summary.Pass != 6 {
		t.Errorf("the list is %+v, %v; want the sweep alone, with 6 trials that ended", views, err)
	}
	v, err := p.runs.Look(t.Context(), id+"-3", true)
	if err != nil || v.Kind != runs.KindTrial || v.Reached == nil || len(v.Reached.Rows) != 3 {
		t.Errorf("trial 3 is %+v, %v; want its 3 rows", v, err)
	}
}

// A sweep whose history is cut again and again ends as one in a single history.
func TestSweepContinuesAsNewWhileTrialsRun(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})
	_, whole := p.submit(t, sixTrials)
	want := finals(t, p.swept(t, whole))

	first, _ := p.cut(t, sixTrials, "cut")
	if got := finals(t, p.swept(t, "cut")); got != want {
		t.Errorf("cut it ended with\n%s\nwhole with\n%s", got, want)
	}
	described, err := p.temporal.DescribeWorkflowExecution(t.Context(), "cut", first)
	if err != nil {
		t.Fatal(err)
	}
	if got := described.GetWorkflowExecutionInfo().GetStatus(); got != enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		t.Errorf("the first history is %v, want it to continue as new", got)
	}
	v, err := p.runs.Look(t.Context(), "cut", false)
	if err != nil {
		t.Fatal(err)
	}
	if began := described.GetWorkflowExecutionInfo().GetStartTime().AsTime(); v.Started.Sub(began).Abs() > v.Closed.Sub(began)/4 {
		t.Errorf("the sweep began at %v, shown is %v", began, v.Started)
	}
}

// cut runs a sweep to its end in histories of few events, and answers the run
// ids of the first and the last.
func (p *inProcess) cut(t *testing.T, spec, id string) (first, last string) {
	t.Helper()
	parsed, err := config.Parse("spec.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	run, err := p.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: activities.QueueRuns},
		workflows.NameSweep, workflows.SweepInput{Spec: *parsed, Events: 30})
	if err != nil {
		t.Fatal(err)
	}
	first = run.GetRunID()
	p.end(t, id)
	described, err := p.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return first, described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// Killed at any moment and started again, a sweep ends with the same bits.
func TestKilledSweepEndsWithTheSameBits(t *testing.T) {
	slow := strings.NewReplacer("train: 600", "train: 3000", "epochs: 2,", "epochs: 4,", "finetune: {epochs: 1}", "finetune: {epochs: 2}").Replace(sixTrials)
	end := func(l lab, p *process) string {
		if code := p.wait(t); code != 0 {
			t.Fatalf("exit code %d\n%s", code, p.errs.Bytes())
		}
		var r workflows.SweepResult
		if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
			t.Fatalf("%v in %q", err, p.out.Bytes())
		}
		return finals(t, &r)
	}
	l := newLab(t, slow)
	for i, when := range [][]string{{`"training begins"`}, {`"training begins"`, `"pass":1`}, {`"training begins"`, `"pass":2`}} {
		p := l.run(t)
		eventually(t, "work", func() bool { return l.logged(t, when...) > i })
		p.send(syscall.SIGKILL)
		p.wait(t)
	}
	killed := end(l, l.run(t))
	calm := newLab(t, slow)
	if want := end(calm, calm.run(t)); killed != want {
		t.Errorf("killed it ended with\n%s\nuninterrupted with\n%s", killed, want)
	}
}

// What was under way when its worker was killed is shown as that one wrote it down.
func TestStatusWithoutTheWorker(t *testing.T) {
	for name, c := range map[string]struct {
		spec  string
		there func(*runs.View) bool
	}{
		"a sweep": {
			strings.Replace(sixTrials, "epochs: 2,", "epochs: 20000,", 1),
			func(v *runs.View) bool {
				return v.Sweep != nil && v.Sweep.Live == 4 && len(v.Sweep.Trials) == 4 && v.Sweep.Trials[0].State == workflows.StateRunning
			},
		},
		"a run": {
			strings.Replace(tinySpec, "finetune: {epochs: 1}", "finetune: {epochs: 20000}", 1),
			func(v *runs.View) bool { return v.Reached != nil && len(v.Reached.Rows) == 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, c.spec)
			l.serve(t)
			worker := start(t, l.args("worker")...)
			id := l.submit(t)
			repo := l.store(t)
			eventually(t, "what the worker writes down", func() bool {
				s, err := standing.Read(t.Context(), repo, id)
				return err == nil && c.there(&runs.View{Reached: s.Reached, Sweep: s.Sweep})
			})
			worker.send(syscall.SIGKILL)
			worker.wait(t)
			if v := l.status(t, id); v.State != workflows.StateRunning || v.AsOf.IsZero() || !c.there(v) {
				t.Errorf("without its worker it is %+v; want its rows, as of a moment ago", v)
			}
		})
	}
}

// A sweep that was terminated left its trials at work; submitted again it takes
// them over.
func TestTerminatedSweepTakesItsTrialsOver(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 1})
	slow := strings.Replace(sixTrials, "epochs: 2,", "epochs: 200,", 1)
	_, id := p.submit(t, slow)
	eventually(t, "a trial", func() bool {
		v, err := p.runs.Look(t.Context(), id+"-0", false)
		return err == nil && v.Step != nil && v.Step.Activity == "Train"
	})
	if err := p.temporal.TerminateWorkflow(t.Context(), id, "", "a test"); err != nil {
		t.Fatal(err)
	}
	before, err := p.temporal.DescribeWorkflowExecution(t.Context(), id+"-0", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, again := p.submit(t, slow); again != id {
		t.Errorf("submitted again it is %s, before it was %s", again, id)
	}
	if result := p.swept(t, id); strings.Count(finals(t, result), "\n") != 5 {
		t.Errorf("%d trials, %d failed, want 6 that are done", len(result.Trials), result.Failures)
	}
	after, err := p.temporal.DescribeWorkflowExecution(t.Context(), id+"-0", "")
	if err != nil {
		t.Fatal(err)
	}
	if was, is := before.GetWorkflowExecutionInfo().GetExecution().GetRunId(), after.GetWorkflowExecutionInfo().GetExecution().GetRunId(); was != is {
		t.Errorf("trial 0 was started again as %s, though %s was under way", is, was)
	}
}

// Rungs are passes: of four trials two go on, and they find the first pass done.
func TestHalvingTakesTheBestOn(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 1})
	_, id := p.submit(t, halvingSpec)
	result := p.swept(t, id)
	states := map[string]int{}
	for _, trial := range result.Trials {
		states[trial.State]++
		if pass := map[string]int{workflows.StateDone: 2, workflows.StateRung: 1}[trial.State]; trial.Pass != pass {
			t.Errorf("trial %d is %s after pass %d", trial.Trial, trial.State, trial.Pass)
		}
	}
	if states[workflows.StateDone] < 2 || states[workflows.StateDone]+states[workflows.StateRung] != 4 || result.Ended != 4+states[workflows.StateDone] {
		t.Errorf("states %v and %d jobs, want 2 at least of 4 trials done and the others at the rung", states, result.Ended)
	}
}

// What goes wrong with a trial is told of the trial.
func TestTrialsThatFailOrAreGivenUpAreTold(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 1})
	_, id := p.submit(t, toldSpec)
	result := p.swept(t, id)
	for i, want := range []struct{ state, why string }{
		{workflows.StateDone, ""}, {workflows.StateFailed, "learning rate"}, {workflows.StateFailed, "cannot run"}, {workflows.StateStopped, "median"},
	} {
		if got := result.Trials[i]; got.State != want.state || !strings.Contains(got.Why, want.why) {
			t.Errorf("trial %d is %s: %q; want %s: %q", i, got.State, got.Why, want.state, want.why)
		}
	}
	if result.Failures != 2 || result.Ended != 2 {
		t.Errorf("%d failed and %d ended, want 2 each", result.Failures, result.Ended)
	}
}

// Pauses, resumptions and cancellations of a sweep are those of its trials.
func TestSweepIsControlledWithItsTrials(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	p.work(t, workers.Options{Queue: "cpu", Slots: 1})
	slow := strings.Replace(sixTrials, "epochs: 2,", "epochs: 20000,", 1)
	_, id := p.submit(t, slow)
	state := func(id, want string) func() bool {
		return func() bool {
			v, err := p.runs.Look(t.Context(), id, true)
			return err == nil && v.State == want && v.Step == nil
		}
	}
	trains := func() bool {
		v, err := p.runs.Look(t.Context(), id+"-0", false)
		return err == nil && v.Step != nil && v.Step.Activity == "Train" && v.Step.Progress != nil && v.Step.Progress.SavedStep > 0
	}
	eventually(t, "training", trains)
	by := workflows.Control{Who: "tester", Note: "a test"}
	if err := p.runs.Pause(t.Context(), id, by); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pause", state(id, workflows.StatePaused))
	eventually(t, "the trial's pause", state(id+"-0", workflows.StatePaused))
	if err := p.runs.Resume(t.Context(), id, by); err != nil {
		t.Fatal(err)
	}
	eventually(t, "training again", trains)
	if err := p.runs.Cancel(t.Context(), id, workflows.Control{Who: "tester"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cancellation", state(id, workflows.StateCancelled))
	eventually(t, "the trial's cancellation", state(id+"-0", workflows.StateCancelled))
}
