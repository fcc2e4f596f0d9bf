package workflows

import (
	"fmt"
	"strings"
	"time"

	"espalier/config"
	"espalier/models/measure"
	"espalier/workflows/search"
)

// NewSweep is the state of a spec's sweep before its first trial.
func NewSweep(spec *config.Spec) (*search.State, error) {
	if spec.Sweep == nil {
		return nil, fmt.Errorf("spec %s has no sweep", spec.Name)
	}
	state, err := search.New(searched(spec))
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	return state, nil
}

// searched is a sweep in the words of package search.
func searched(spec *config.Spec) search.Spec {
	s := spec.Sweep
	out := search.Spec{
		Passes: (&run{spec: *spec}).passes(), Concurrency: s.Concurrency,
		Limits: search.Limits{
			Trials: s.Budget.Trials, Time: time.Duration(s.Budget.Time), Cost: s.Budget.Cost,
			Patience: s.Stop.Patience, Failures: s.Stop.Failures,
		},
	}
	for _, word := range s.Objectives {
		out.Objectives = append(out.Objectives, search.Objective{Name: word, Maximize: config.Maximized(word)})
	}
	for _, p := range s.Params {
		out.Params = append(out.Params, param(p))
	}
	if len(s.Seeds) > 0 {
		out.Repeat.Path = config.SeedPath
		for _, seed := range s.Seeds {
			out.Repeat.Values = append(out.Repeat.Values, fmt.Sprint(seed))
		}
	}
	if m := s.Stop.Median; m != nil {
		out.Median = &search.Median{Trials: m.Trials, From: m.From}
	}
	switch how := s.Search; {
	case how.Random != nil:
		out.Kind, out.Trials, out.Seed = search.Random, how.Random.Trials, how.Random.Seed
	case how.Sobol != nil:
		out.Kind, out.Trials, out.Seed = search.Sobol, how.Sobol.Trials, how.Sobol.Seed
	case how.ASHA != nil:
		out.ASHA = &search.ASHA{Eta: how.ASHA.Eta, First: how.ASHA.From}
		out.Kind, out.Trials, out.Seed = how.ASHA.By, how.ASHA.Trials, how.ASHA.Seed
		if out.Kind == search.Grid && (out.Limits.Trials == 0 || out.Limits.Trials > out.Trials) {
			out.Limits.Trials = out.Trials
		}
	case how.List != nil:
		out.Kind = search.List
		for _, settings := range how.List.Trials {
			var trial []search.Setting
			for _, v := range settings {
				trial = append(trial, search.Setting(v))
			}
			out.List = append(out.List, trial)
		}
	default:
		out.Kind = search.Grid
	}
	return out
}

func param(p config.SweepParam) search.Param {
	out := search.Param{Path: p.Path, Values: p.Values}
	if len(p.Values) == 0 {
		out.Range = &search.Range{Low: p.Min, High: p.Max, Log: p.Log, Step: p.Step}
	}
	for _, c := range p.When {
		out.When = append(out.When, search.Condition(c))
	}
	return out
}

// TrialSpec is the spec of a trial, that of an ordinary run. A trial whose
// values make no spec is an error that names them.
func TrialSpec(spec *config.Spec, trial search.Trial) (*config.Spec, error) {
	values := make([]config.Setting, len(trial.Values))
	for i, v := range trial.Values {
		values[i] = config.Setting(v)
	}
	made, err := spec.Trial(values)
	if err != nil {
		return nil, fmt.Errorf("trial %d (%s) cannot run:\n%w", trial.Number, Settings(trial), err)
	}
	return made, nil
}

// Settings is a trial's values in one line, for people.
func Settings(trial search.Trial) string {
	parts := make([]string, len(trial.Values))
	for i, v := range trial.Values {
		parts[i] = v.Path + "=" + v.Value
	}
	if len(parts) == 0 {
		return "the spec as it is"
	}
	return strings.Join(parts, ", ")
}

// Reached is what a row reached, by the objectives of a sweep.
func Reached(row Row, objectives []string) []float64 {
	bytes := measure.Smallest(row.DenseBytes, row.SparseBytes, row.HuffmanBytes)
	values := make([]float64, len(objectives))
	for i, word := range objectives {
		values[i] = map[string]float64{
			config.ObjectiveAccuracy: row.judged(), config.ObjectiveBytes: float64(bytes), config.ObjectiveMACs: float64(row.EffectiveMACs),
			config.ObjectiveParams: float64(row.Params), config.ObjectiveNonZero: float64(row.NonZero),
			config.ObjectiveSparsity: row.Sparsity, config.ObjectiveLoss: row.Loss, config.ObjectiveLatency: row.Latency,
		}[word]
	}
	return values
}
