package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/cmd/espalier/live"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/measure"
	"espalier/workers"
	"espalier/workflows"
)

// explanation is what a spec would do, before anything runs.
type explanation struct {
	Run        string        `json:"run"`
	Network    string        `json:"network"`
	Params     int64         `json:"parameters"`
	Weights    int64         `json:"weights"`
	MACs       int64         `json:"macs"`
	Train      int           `json:"training_images"`
	Test       int           `json:"test_images"`
	DataDigest string        `json:"data_digest"`
	Passes     []passPlan    `json:"passes"`
	Steps      int           `json:"steps"`
	Images     int64         `json:"images_to_train"`
	Rate       float64       `json:"images_per_second"` // of a short probe on this machine
	Predicted  time.Duration `json:"predicted_ns"`
	Events     int           `json:"history_events"` // about; see mostEvents
	Stored     int64         `json:"stored_bytes"`   // about; what the run leaves in the store
	CrashCosts time.Duration `json:"crash_costs_at_most_ns"`
	Prediction *prediction   `json:"prediction,omitempty"` // of what the passes leave, where channels go

	Quantization *quantizationPlan `json:"quantization,omitempty"`

	Placement *workers.Placement `json:"placement,omitempty"` // where a server answers

	each int64 // bytes of a checkpoint, about
}

func explainCommand(a *app) *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use: "explain SPEC", Short: "Say what a spec would do and cost, without running it",
		Long: `Says what a spec would do, how long it would take, going by a short probe on
this machine, and what it would leave in the store. Of a spec with a sweep it
counts the trials, and which of their steps are the same and so computed once.

Where a server answers within a second, found as status finds it, it also says
which live workers would take the steps, or what they lack and how to start one
that has it. espalier run brings a worker of its own.`,
		Example: "  espalier explain examples/mnist.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := loadSet(args[0], set)
			if err != nil {
				return err
			}
			if spec.Exec != nil && spec.Sweep == nil {
				return a.explainExec(cmd.Context(), spec, workflows.RunID(spec))
			}
			if spec.Sweep != nil {
				e, err := a.explainSweep(cmd.Context(), spec)
				if err != nil {
					return err
				}
				e.Placement = a.placement(cmd.Context(), spec)
				if a.json {
					return a.printJSON(e)
				}
				a.printSweep(e)
				printPlacement(a.out, e.Placement)
				return nil
			}
			e, err := a.explain(cmd.Context(), spec)
			if err != nil {
				return err
			}
			e.Placement = a.placement(cmd.Context(), spec)
			if a.json {
				return a.printJSON(e)
			}
			a.printExplanation(e)
			printPlacement(a.out, e.Placement)
			return nil
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, setHelp)
	return c
}

func (a *app) explain(ctx context.Context, spec *config.Spec) (*explanation, error) {
	steps, err := a.stepsWithoutStore()
	if err != nil {
		return nil, err
	}
	if spec.Network.Checkpoint != "" {
		store, done, err := a.anyStore(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
		steps.Repo = &checkpoint.Repo{Store: store}
	}
	probe, err := steps.Probe(ctx, spec.Network, spec.Data, spec.Train)
	if err != nil {
		return nil, err
	}
	cost, err := measure.Costs(probe.Network)
	if err != nil {
		return nil, err
	}
	e := &explanation{
		Run: workflows.RunID(spec), Network: probe.Network.Name, Params: cost.Params, Weights: cost.Weights, MACs: cost.MACs,
		Train: probe.Train, Test: probe.Test, DataDigest: probe.DataDigest, Rate: probe.Rate,
		CrashCosts: time.Duration(spec.Durability.CheckpointEvery),
	}
	if e.Passes, err = planPasses(spec, cost.Weights); err != nil {
		return nil, err
	}
	if e.Prediction, err = predictLast(ctx, spec, probe.Network); err != nil {
		return nil, err
	}
	if e.Quantization, err = planQuantization(spec, probe.Network); err != nil {
		return nil, err
	}
	e.count(cost)
	return e, nil
}

// count adds up what all of it takes.
func (e *explanation) count(cost measure.Cost) {
	e.Steps = 2 + 3*len(e.Passes)
	for _, p := range e.Passes {
		e.Images += int64(p.Before+p.Epochs) * int64(e.Train)
		if p.Before > 0 {
			e.Steps++
		}
	}
	checkpoints := 2 * len(e.Passes)
	if q := e.Quantization; q != nil {
		e.Images += int64(q.Epochs) * int64(e.Train)
		e.Steps, checkpoints = e.Steps+2, checkpoints+1
		if q.Epochs > 0 {
			e.Steps, checkpoints = e.Steps+2, checkpoints+1
		}
	}
	e.Predicted = time.Duration(float64(e.Images) / e.Rate * float64(time.Second))
	e.each = cost.Bytes + cost.Params
	e.Events, e.Stored = eventsPerStep*e.Steps, int64(checkpoints)*e.each
}

// eventsPerStep: scheduled, started and completed, and the workflow task that follows.
const eventsPerStep = 6

// mostEvents is how many events Temporal allows to one history. Runs and sweeps
// continue as new long before.
const mostEvents = 51_200

// historyEvents tells of a number of them beside what is allowed.
func historyEvents(n int) string {
	return fmt.Sprintf("about %s history events (Temporal allows %s)", humanize.Comma(int64(n)), humanize.Comma(mostEvents))
}

func (a *app) printExplanation(e *explanation) {
	fmt.Fprintf(a.out, "run        %s\nnetwork    %s: %s parameters, %s MACs\ndata       %s training and %s test images, digest %.12s\n\n",
		e.Run, e.Network, humanize.Comma(e.Params), humanize.Comma(e.MACs), humanize.Comma(int64(e.Train)), humanize.Comma(int64(e.Test)), e.DataDigest)
	t := newTable(a.out, "pass", ">target "+e.Passes[len(e.Passes)-1].goal(), ">weights left", ">epochs")
	for _, p := range e.Passes {
		t.AppendRow(p.row(e.Weights))
	}
	t.Render()
	if e.Prediction != nil {
		e.Prediction.print(a.out)
	}
	if e.Quantization != nil {
		e.Quantization.print(a.out)
	}
	fmt.Fprintf(a.out, "\n%d steps, %s, about %s in the store\n", e.Steps, historyEvents(e.Events), humanize.Bytes(uint64(e.Stored)))
	fmt.Fprintf(a.out, "about %s on this machine (%s in a probe); a crash costs at most %s of training\n",
		e.Predicted.Round(time.Second), live.Rate(e.Rate), e.CrashCosts)
}
