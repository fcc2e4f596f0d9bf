package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"espalier/cmd/espalier/live"
	"espalier/config"
	"espalier/workers"
	"espalier/workflows"
	"espalier/workflows/search"
)

// mostExplained is how many trials of a sweep are made to be counted.
const mostExplained = 1000

// sweepExplanation is what a sweep would do, before anything runs.
type sweepExplanation struct {
	Sweep    string        `json:"sweep"`
	Trials   int           `json:"trials"`
	AtATime  int           `json:"concurrency"`
	AtMost   bool          `json:"at_most"`         // rules may end trials early
	Counted  int           `json:"counted_trials"`  // that the numbers below are of: the first ones
	First    string        `json:"first"`           // values of the first trial
	Last     string        `json:"last"`            // and of the last
	Steps    []stepCount   `json:"steps"`           // by kind
	Epochs   float64       `json:"epochs"`          // of training, if nothing were shared
	Distinct float64       `json:"distinct_epochs"` // that are computed
	Alone    time.Duration `json:"predicted_unshared_ns"`
	Shared   time.Duration `json:"predicted_ns"`
	Stored   int64         `json:"stored_bytes"`   // about; what the trials leave in the store
	Events   int           `json:"history_events"` // after which the sweep begins a new history
	Base     *explanation  `json:"base"`           // of the spec without its sweep; nil if a trainer does the steps

	Placement *workers.Placement `json:"placement,omitempty"` // where a server answers
}

// stepCount is how many steps of a kind there are.
type stepCount struct {
	Kind     string `json:"kind"`
	Steps    int    `json:"steps"`    // if nothing were shared
	Distinct int    `json:"distinct"` // that are computed
}

// explainSweep counts the steps of a sweep, and refuses one with a trial that
// cannot run. It takes the time of an epoch from the spec without the sweep.
func (a *app) explainSweep(ctx context.Context, spec *config.Spec) (*sweepExplanation, error) {
	state, err := workflows.NewSweep(spec)
	if err != nil {
		return nil, usageError{err}
	}
	e := &sweepExplanation{Sweep: spec.ID(), AtATime: spec.Sweep.Concurrency, Events: workflows.NewSweepInput(*spec).Events, AtMost: spec.Sweep.Search.ASHA != nil || spec.Sweep.Stop != (config.SweepStop{})}
	if e.Trials, err = state.Total(); err != nil {
		return nil, err
	}
	e.Counted = min(e.Trials, mostExplained)
	tree, err := e.plant(ctx, spec, state)
	if err != nil {
		return nil, err
	}
	_, saved := tree.Shared()
	e.Epochs, e.Distinct = tree.Work, tree.Work-saved
	e.Steps = countSteps(tree)
	if spec.Exec != nil { // how long its steps take only the trainer knows
		return e, nil
	}
	alone := *spec
	alone.Sweep = nil
	if e.Base, err = a.explain(ctx, &alone); err != nil {
		return nil, err
	}
	for _, c := range e.Steps {
		if c.Kind != workflows.StepPrepare && c.Kind != workflows.StepEvaluate { // the one is small beside the others, the other has no checkpoint
			e.Stored += int64(c.Distinct) * e.Base.each
		}
	}
	perEpoch := float64(e.Base.Train) / e.Base.Rate * float64(time.Second)
	e.Alone, e.Shared = time.Duration(e.Epochs*perEpoch), time.Duration(e.Distinct*perEpoch)
	return e, nil
}

// plant makes the tree of the steps of the trials that are counted.
func (e *sweepExplanation) plant(ctx context.Context, spec *config.Spec, state *search.State) (*search.Tree, error) {
	tree := &search.Tree{}
	for number := range e.Counted {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		trial, err := state.Trial(number)
		if err != nil {
			return nil, err
		}
		if number == 0 {
			e.First = workflows.Settings(trial)
		}
		if err := workflows.AddTrial(tree, spec, trial); err != nil {
			return nil, err
		}
	}
	last, err := state.Trial(e.Trials - 1)
	e.Last = workflows.Settings(last)
	return tree, err
}

// countSteps counts those of each kind, in the order in which they first come.
func countSteps(tree *search.Tree) []stepCount {
	var counts []stepCount
	at := map[string]int{}
	for _, s := range tree.Steps {
		i, known := at[s.Kind]
		if !known {
			i = len(counts)
			at[s.Kind] = i
			counts = append(counts, stepCount{Kind: s.Kind})
		}
		counts[i].Steps += s.Trials
		counts[i].Distinct++
	}
	return counts
}

func (a *app) printSweep(e *sweepExplanation) {
	fmt.Fprintf(a.out, "sweep      %s: %s trials, %d at a time\nfirst      %s\nlast       %s\n", e.Sweep, humanize.Comma(int64(e.Trials)), e.AtATime, e.First, e.Last)
	if e.Base != nil {
		fmt.Fprintf(a.out, "network    %s: %s parameters, %s MACs\n", e.Base.Network, humanize.Comma(e.Base.Params), humanize.Comma(e.Base.MACs))
	}
	fmt.Fprintln(a.out)
	if e.Counted < e.Trials {
		fmt.Fprintf(a.out, "Of the first %s trials:\n\n", humanize.Comma(int64(e.Counted)))
	}
	t := newTable(a.out, "step", ">of all trials", ">distinct", ">shared")
	all, distinct := 0, 0
	for _, c := range e.Steps {
		t.AppendRow([]any{c.Kind, humanize.Comma(int64(c.Steps)), humanize.Comma(int64(c.Distinct)), percent(1 - float64(c.Distinct)/float64(c.Steps))})
		all, distinct = all+c.Steps, distinct+c.Distinct
	}
	t.Render()
	if e.Base == nil {
		fmt.Fprintf(a.out, "\n%s steps, of which %s are distinct; how long they take only the trainer knows\n", humanize.Comma(int64(all)), humanize.Comma(int64(distinct)))
		return
	}
	most := "about"
	if e.AtMost {
		most = "at most about"
	}
	fmt.Fprintf(a.out, "\n%s steps, of which %s are distinct; %g epochs of training instead of %g\n",
		humanize.Comma(int64(all)), humanize.Comma(int64(distinct)), e.Distinct, e.Epochs)
	fmt.Fprintf(a.out, "%s %s in the store; a crash costs at most %s of training of each trial under way\n", most, humanize.Bytes(uint64(e.Stored)), e.Base.CrashCosts)
	fmt.Fprintf(a.out, "a trial has %s, the sweep begins a new history after some %s\n", historyEvents(e.Base.Events), humanize.Comma(int64(e.Events)))
	fmt.Fprintf(a.out, "%s %s on this machine, one trial at a time, instead of %s, if all trials train as fast as the spec does without its sweep (%s in a probe)\n",
		most, e.Shared.Round(time.Second), e.Alone.Round(time.Second), live.Rate(e.Base.Rate))
}
