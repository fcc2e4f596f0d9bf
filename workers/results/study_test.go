package results_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/models/report"
	"espalier/workflows"
	"espalier/workflows/search"
)

// The command of every trial makes the spec that the trial had.
func TestCommandsOfReportsMakeTheTrials(t *testing.T) {
	t.Parallel()
	text := strings.Replace(sweepSpec, "prune.method: [han, random]", "prune.method: [han, random]\n    network.hidden: [[16], [8, 4]]", 1)
	spec := parsed(t, text)
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]any{}
	sweep := workflows.SweepRecord{Spec: spec, SweepResult: workflows.SweepResult{Run: "tiny-2", Name: "tiny", State: workflows.StateDone, Objectives: []string{"accuracy", "sparsity"}}}
	var ids []string
	total, err := state.Total()
	if err != nil {
		t.Fatal(err)
	}
	for number := range total {
		chosen, err := state.Trial(number)
		if err != nil {
			t.Fatal(err)
		}
		made, err := workflows.TrialSpec(spec, chosen)
		if err != nil {
			t.Fatal(err)
		}
		line := workflows.SweptTrial{Trial: number, Run: fmt.Sprint("tiny-2-", number), State: workflows.StateDone, Values: chosen.Values}
		sweep.Trials, sweep.Made, ids = append(sweep.Trials, line), number+1, append(ids, made.ID())
		records[line.Run] = workflows.Record{Result: workflows.Result{Run: line.Run, Spec: *made, Rows: []workflows.Row{{Accuracy: 0.5, Kept: true, Checkpoint: digest("c")}}}, DataDigest: "dd"}
	}
	records["tiny-2"] = sweep
	study, err := stored(t, records).Study(t.Context(), "v1", "tiny-2")
	if err != nil {
		t.Fatal(err)
	}
	p := study.Parts[0]
	if p.Data.Digest != "dd" || len(p.Trials) != len(ids) || p.Spec != text {
		t.Errorf("data %q, %d trials, spec\n%s", p.Data.Digest, len(p.Trials), p.Spec)
	}
	for i, trial := range p.Trials {
		var settings []config.Setting
		_, flags, ok := strings.Cut(trial.Command, "espalier run tiny.yaml")
		for flag := range strings.SplitSeq(flags, " --set ") {
			if flag == "" {
				continue
			}
			s, err := config.ParseSetting(strings.Trim(flag, "'"))
			if err != nil {
				t.Fatal(err)
			}
			settings = append(settings, s)
		}
		made, err := parsed(t, p.Spec).Trial(settings)
		if !ok || err != nil || made.ID() != ids[i] {
			t.Errorf("trial %d: %q makes another spec (%v)", i, trial.Command, err)
		}
	}
	for _, want := range []report.Fact{{Name: "network.hidden", Value: "varied: [16], [8, 4]"}, {Name: "prune.method", Value: "varied: han, random"}, {Name: "data.name", Value: "digits"}} {
		found := false
		for _, f := range p.Facts {
			found = found || f == want
		}
		if !found {
			t.Errorf("no fact %v in %v", want, p.Facts)
		}
	}
}

// A trial whose values make another spec than it had has no command.
func TestReportsClaimNoCommandThatMakesSomethingElse(t *testing.T) {
	t.Parallel()
	spec := parsed(t, sweepSpec)
	other := parsed(t, strings.Split(sweepSpec, "sweep:")[0])
	s := stored(t, map[string]any{
		"tiny-2": workflows.SweepRecord{Spec: spec, SweepResult: workflows.SweepResult{
			Run: "tiny-2", Name: "tiny", State: workflows.StateDone, Objectives: []string{"accuracy"}, Made: 1,
			Trials: []workflows.SweptTrial{{Run: "tiny-2-0", State: workflows.StateDone, Values: []search.Setting{{Path: "prune.method", Value: "random"}}}},
		}},
		"tiny-2-0": workflows.Record{Result: workflows.Result{Run: "tiny-2-0", Spec: *other, Rows: []workflows.Row{{Kept: true, Checkpoint: digest("c")}}}},
	})
	study, err := s.Study(t.Context(), "v1", "tiny-2")
	if err != nil {
		t.Fatal(err)
	}
	if got := study.Parts[0].Trials[0].Command; got != "" {
		t.Errorf("command %q", got)
	}
}

// Folders of this machine stay here; machines come from the journals.
func TestReportsTellMachinesAndNoFolders(t *testing.T) {
	t.Parallel()
	spec := parsed(t, "name: tiny\nnetwork: {arch: mlp, hidden: [16]}\ndata: {name: idx, path: /home/somebody/secret/images}\ntrain: {epochs: 2, batch: 64, optimizer: adam}\n")
	key := strings.Repeat("ab", 32)
	s := stored(t, map[string]any{"tiny-1": workflows.Record{
		Result: workflows.Result{Run: "tiny-1", Spec: *spec, Rows: []workflows.Row{{Kept: true, Checkpoint: digest("c")}}},
		Links:  []workflows.Link{{Key: key, Checkpoint: digest("c")}, {Key: strings.Repeat("cd", 32), Checkpoint: digest("c")}},
	}})
	f := engine.Fingerprint{Engine: "gorgonia/2", CPU: "a cpu", BLAS: "gemm 1", Threads: 3}
	opened, err := s.Repo.Open(t.Context(), key, checkpoint.Attempt{Worker: "w", Now: func() time.Time { return time.Unix(0, 0) }, Fingerprint: f, Version: "v0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Journal.Finish(t.Context(), checkpoint.Result{Kind: "Train", Metrics: checkpoint.Numbers{}}); err != nil {
		t.Fatal(err)
	}
	study, err := s.Study(t.Context(), "v1", "tiny-1")
	if err != nil {
		t.Fatal(err)
	}
	p := study.Parts[0]
	want := []report.Machine{{Engine: "gorgonia/2", CPU: "a cpu", BLAS: "gemm 1", Threads: 3, Versions: []string{"v0"}, Steps: 1}}
	if diff := cmp.Diff(want, p.Machines); diff != "" || p.Told != 1 || p.Steps != 2 {
		t.Errorf("%d of %d steps told (-want +got)\n%s", p.Told, p.Steps, diff)
	}
	if strings.Contains(p.Spec, "somebody") || !strings.Contains(p.Spec, "path: ./images") || len(p.Needs) != 1 || p.Trials[0].Command != "espalier run tiny.yaml" {
		t.Errorf("needs %v, command %q, spec\n%s", p.Needs, p.Trials[0].Command, p.Spec)
	}
	if len(p.Layers) > 0 {
		t.Error("layers are told of a checkpoint that is not there")
	}
}
