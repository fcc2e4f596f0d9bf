package workflows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"espalier/config"
	"espalier/workflows"
	"espalier/workflows/search"
)

const base = `name: x
network: {arch: lenet-300-100}
data: {name: digits, train: 1000, test: 100}
train: {epochs: 5, optimizer: adam}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 92%}}, finetune: {epochs: 2}}
`

func sweepOf(t *testing.T, sweep string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("x.yaml", []byte(base+"sweep: "+sweep+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// steps has the tree of all trials of a sweep.
func steps(t *testing.T, spec *config.Spec) *search.Tree {
	t.Helper()
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	total, err := state.Total()
	if err != nil {
		t.Fatal(err)
	}
	tree := &search.Tree{}
	for number := range total {
		trial, err := state.Trial(number)
		if err != nil {
			t.Fatal(err)
		}
		if err := workflows.AddTrial(tree, spec, trial); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

// One trial has 9 steps: prepare, train and evaluate, then prune, finetune and
// evaluate for each of two passes.
func TestTrialsShareTheStepsThatAreTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sweep          string
		distinct       int
		epochs, atOnce float64 // of the distinct steps, and without sharing
	}{
		"one":                 {"{search: grid, params: {train.epochs: [5]}}", 9, 9, 9},
		"baseline":            {"{search: grid, params: {prune.schedule.target.sparsity: [80%, 90%]}}", 3 + 2*6, 5 + 2*4, 18},
		"first prunings":      {"{search: grid, params: {prune.finetune.epochs: [2, 3]}}", 4 + 2*5, 5 + 4 + 6, 9 + 11},
		"all but the last":    {"{search: grid, params: {prune.finetune.last_epochs: [2, 3]}}", 7 + 2*2, 5 + 2 + 2 + 3, 9 + 10},
		"nothing":             {"{search: grid, params: {train.seed: [1, 2]}}", 2 * 9, 18, 18},
		"seeds share nothing": {"{search: grid, params: {train.epochs: [5]}, seeds: [1, 2, 3]}", 3 * 9, 27, 27},
		"initial network":     {"{search: grid, params: {train.epochs: [5, 6]}}", 1 + 2*8, 9 + 10, 19},
		"test samples":        {"{search: grid, params: {data.test: [100, 50]}}", 2 * 9, 18, 18},
		"everything":          {"{search: {list: {trials: [{prune.method: han}, {train.epochs: 5}, {}]}}}", 9, 9, 27},
		"quantization":        {"{search: grid, params: {quantize: [{method: shared, bits: {default: 4}}, {method: shared, bits: {default: 5}}, int8]}}", 9 + 2*4 + 2, 0, 0},
		"first portions":      {"{search: grid, params: {quantize: [{portions: [40%, 100%]}, {portions: [40%, 80%, 100%]}]}}", 9 + 2 + 4 + 6, 9 + 3 + 3 + 6, 2*9 + 6 + 9},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := steps(t, sweepOf(t, test.sweep))
			shared, saved := tree.Shared()
			if len(tree.Steps) != test.distinct || tree.Links-shared != test.distinct {
				var kinds []string
				for _, s := range tree.Steps {
					kinds = append(kinds, fmt.Sprintf("%s x%d", s.Kind, s.Trials))
				}
				t.Errorf("%d distinct steps, want %d: %q", len(tree.Steps), test.distinct, kinds)
			}
			if test.epochs > 0 && (tree.Work != test.atOnce || tree.Work-saved != test.epochs) {
				t.Errorf("%g epochs of %g, want %g of %g", tree.Work-saved, tree.Work, test.epochs, test.atOnce)
			}
		})
	}
}

// Whatever a sweep says becomes what package search takes, or an error.
func TestSweepsOfEveryKindBegin(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sweep string
		total int
		first string // values of the first trial
	}{
		"grid":      {"{search: grid, params: {train.epochs: [1, 2], train.batch: {min: 32, max: 96, step: 32}}}", 6, "train.epochs=1, train.batch=32"},
		"condition": {"{search: grid, params: {train.batch: {values: [8, 9], when: {train.epochs: 2}}, train.epochs: [1, 2]}}", 3, "train.epochs=1"},
		"random":    {"{search: {random: {trials: 7}}, params: {train.epochs: {min: 1, max: 1000000}}, seeds: [4, 5]}", 14, ""},
		"sobol":     {"{search: {sobol: {trials: 7, seed: 0}}, params: {train.clip: {min: 1, max: 2}}}", 7, "train.clip=1"},
		"asha":      {"{search: {asha: {trials: 7}}, params: {train.epochs: [3, 4]}}", 7, ""},
		"asha grid": {"{search: {asha: {trials: 7, by: grid}}, params: {train.epochs: [3, 4]}}", 2, "train.epochs=3"},
		"asha part": {"{search: {asha: {trials: 1, by: grid}}, params: {train.epochs: [3, 4]}}", 1, "train.epochs=3"},
		"list":      {"{search: {list: {trials: [{train.epochs: 9}, {}]}}, seeds: [3]}", 2, "train.epochs=9, train.seed=3"},
		"budget":    {"{search: grid, params: {train.epochs: [1, 2]}, budget: {trials: 1}}", 1, "train.epochs=1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, err := workflows.NewSweep(sweepOf(t, test.sweep))
			if err != nil {
				t.Fatal(err)
			}
			trial, err := state.Trial(0)
			if err != nil {
				t.Fatal(err)
			}
			total, err := state.Total()
			if got := workflows.Settings(trial); err != nil || total != test.total || test.first != "" && got != test.first {
				t.Errorf("%d trials, %v, the first with %q; want %d with %q", total, err, got, test.total, test.first)
			}
		})
	}
	huge := sweepOf(t, "{search: grid, params: {train.seed: {min: 0, max: 1000000000000000}}}")
	if _, err := workflows.NewSweep(huge); err == nil || !strings.Contains(err.Error(), "the grid has more than") {
		t.Errorf("a grid of 1e15: %v", err)
	}
}

func TestTrialsThatCannotRunAreNamed(t *testing.T) {
	t.Parallel()
	spec := sweepOf(t, "{search: grid, params: {prune.method: [han, slimming]}}")
	state, err := workflows.NewSweep(spec)
	if err != nil {
		t.Fatal(err)
	}
	trial, err := state.Trial(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = workflows.TrialSpec(spec, trial); err == nil || !strings.HasPrefix(err.Error(), "trial 1 (prune.method=slimming) cannot run:\nx.yaml:6:") {
		t.Errorf("TrialSpec = %v, want the trial, its values and the place of the value", err)
	}
}

func TestObjectivesAreReadFromRows(t *testing.T) {
	t.Parallel()
	row := workflows.Row{Accuracy: 0.9, Validation: 0.8, Sparsity: 0.7, Loss: 0.3, Params: 50, NonZero: 40, EffectiveMACs: 30, DenseBytes: 400, SparseBytes: 100}
	got := workflows.Reached(row, []string{"accuracy", "bytes", "effective_macs", "parameters", "nonzero_weights", "sparsity", "loss"})
	if want := []float64{0.8, 100, 30, 50, 40, 0.7, 0.3}; !slices.Equal(got, want) {
		t.Errorf("Reached = %v, want %v", got, want)
	}
	row.HuffmanBytes, row.Validation = 20, 0
	if got := workflows.Reached(row, []string{"accuracy", "bytes"}); !slices.Equal(got, []float64{0.9, 20}) {
		t.Errorf("Reached = %v of a quantized network, want 0.9 and 20", got)
	}
}

// Trials that are compared by their time measure it.
func TestTrialsMeasureWhatTheyAreComparedBy(t *testing.T) {
	t.Parallel()
	for objectives, want := range map[string]bool{"[accuracy, latency]": true, "[accuracy, bytes]": false} {
		spec := sweepOf(t, "{search: grid, params: {train.epochs: [5]}, objectives: "+objectives+"}")
		state, err := workflows.NewSweep(spec)
		if err != nil {
			t.Fatal(err)
		}
		trial, err := state.Trial(0)
		if err != nil {
			t.Fatal(err)
		}
		made, err := workflows.TrialSpec(spec, trial)
		if err != nil {
			t.Fatal(err)
		}
		if made.MeasureLatency != want {
			t.Errorf("objectives %s: measure_latency %v, want %v", objectives, made.MeasureLatency, want)
		}
		row := workflows.Row{Latency: 0.25}
		if got := workflows.Reached(row, []string{"latency"}); got[0] != 0.25 {
			t.Errorf("reached %v, want the latency of 0.25 s", got)
		}
	}
}
