package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/config"
	"espalier/models"
	"espalier/models/prune"
)

// passPlan is one line of the plan; pass 0 trains the dense network.
type passPlan struct {
	Pass     int     `json:"pass"`
	Sparsity float64 `json:"sparsity,omitempty"` // the target; 0 where something else decides
	Weights  int64   `json:"weights_left,omitempty"`
	Goal     string  `json:"goal,omitempty"` // what the target is a share of: sparsity, channels, ...
	Share    float64 `json:"share,omitempty"`
	Before   int     `json:"epochs_before,omitempty"` // of sparsify, before the pruning
	Epochs   int     `json:"epochs"`

	by string // what decides where there is no goal, for people
}

func planPasses(spec *config.Spec, weights int64) ([]passPlan, error) {
	plans := []passPlan{{Epochs: spec.Train.Epochs}}
	if spec.Network.Trained {
		plans[0].Epochs = 0
	}
	if spec.Prune == nil {
		return plans, nil
	}
	// The early network of a lottery ticket is trained beside the dense one.
	plans[0].Before = spec.Prune.Rewind
	schedule := spec.Prune.Schedule
	for pass := 1; pass <= schedule.Passes; pass++ {
		before, _ := spec.SparsifyTrain(pass)
		plan := passPlan{Pass: pass, Before: before.Epochs, Epochs: spec.FinetuneTrain(pass).Epochs, by: "by layer"}
		if len(schedule.Order) > 0 {
			plan.by = strings.Join(slices.DeleteFunc(slices.Clone(schedule.Order), func(layer string) bool { return schedule.Arrives(layer) != pass }), ", ")
		}
		if schedule.Target.IsZero() {
			plan.by = "by threshold"
		}
		if goal, _ := schedule.Target.Goal(); goal != "" {
			target, err := schedule.At(pass)
			if err != nil {
				return nil, err
			}
			_, share := target.Goal()
			plan.Goal, plan.Share = goal, share
			if goal == "sparsity" {
				plan.Sparsity = share
			}
			if plan.Sparsity > 0 && !spec.Prune.RemovesChannels() {
				plan.Weights = weights - int64(share*float64(weights)+0.5)
			}
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// goal is what the column of targets is of.
func (p passPlan) goal() string {
	if p.Goal == "" {
		return "sparsity"
	}
	return p.Goal
}

// row is the line of a table; weights are those of the dense network.
func (p passPlan) row(weights int64) table.Row {
	name, share, left := fmt.Sprint(p.Pass), p.by, p.by
	switch {
	case p.Pass == 0:
		name, share, left = "dense", "", humanize.Comma(weights)
	case p.Weights > 0:
		share, left = percent(p.Share), humanize.Comma(p.Weights)
	case p.Goal != "":
		share, left = percent(p.Share), ""
	}
	epochs := fmt.Sprint(p.Epochs)
	if p.Before > 0 {
		epochs = fmt.Sprintf("%d + %d", p.Before, p.Epochs)
	}
	return table.Row{name, share, left, epochs}
}

// prediction is what the last pass would leave of the initial network's
// channels.
type prediction struct {
	Note   string `json:"note,omitempty"` // why there is none
	Params int64  `json:"parameters,omitempty"`
	MACs   int64  `json:"macs,omitempty"`
	Plan   string `json:"plan,omitempty"` // a table for people
}

// predictLast plans the last pass for the initial network, if its method removes
// channels. It refuses a pruning that cannot work on the network, as the run
// would.
func predictLast(ctx context.Context, spec *config.Spec, net *models.Network) (*prediction, error) {
	p := spec.Prune
	if p == nil {
		return nil, nil
	}
	o, target := p.Options(), p.Schedule.Target
	o.Quality, o.Layers = p.Quality, target.Layers
	o.Sparsity, o.Channels, o.Params, o.MACs, o.Latency = target.Sparsity, target.Channels, target.Params, target.MACs, target.Latency
	if err := prune.Check(net, o); err != nil {
		return nil, fmt.Errorf("prune: %w", err)
	}
	if !p.RemovesChannels() {
		return nil, nil
	}
	about, err := prune.Describe(p.Method)
	if err != nil {
		return nil, err
	}
	if why := unplanned(spec, about); why != "" {
		return &prediction{Note: "which channels go is planned when the run gets there: " + why}, nil
	}
	o.MaxPerPass = 0 // all passes at once
	plan, err := prune.NewPlan(ctx, net, o, prune.Basis{})
	if err != nil {
		return &prediction{Note: "no plan can be made for the initial weights: " + err.Error()}, ctx.Err()
	}
	after := plan.Channels.After
	return &prediction{Params: after.Params, MACs: after.MACs, Plan: plan.String()}, nil
}

// unplanned says why nothing can be known of the plan before there is a
// trained network; empty if something can.
func unplanned(spec *config.Spec, about prune.About) string {
	p := spec.Prune
	drawn := spec.Network.File() == "" && (spec.Network.Checkpoint == "" || spec.Network.Fresh)
	uniform := p.Scope == prune.ScopeLayer && !p.Schedule.Target.IsZero()
	switch {
	case p.Schedule.Target.Latency > 0:
		return "latency is measured on the machine that prunes"
	case about.Data > 0:
		return fmt.Sprintf("method %s looks at training samples", p.Method)
	case drawn && !uniform && slices.Contains(about.Takes, prune.OptionThreshold):
		return fmt.Sprintf("method %s goes by scales of batch normalization, which training makes", p.Method)
	}
	return ""
}

func (p *prediction) print(out io.Writer) {
	if p.Plan == "" {
		fmt.Fprintf(out, "\n%s\n", p.Note)
		return
	}
	fmt.Fprintf(out, "\nThe last pass would leave of the initial network:\n\n%s", strings.TrimRight(p.Plan, "\n")+"\n")
}
