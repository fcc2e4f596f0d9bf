// Package sensitivity measures how a network bears the pruning of each layer
// alone, and says how much of each layer may go.
//
// Li et al. 2017 (section 3.2) and Han et al. 2015 look at a network that way
// before they prune it: one layer loses a share of its filters or weights, all
// others stay, and without any training the accuracy is measured. A layer whose
// curve stays flat bears pruning; one whose curve falls at once is sensitive.
//
// [Scan] makes the curve of one layer, [Report.Shares] reads from all curves the
// largest shares that cost no more than a given drop. What the layers lose
// together is more than any curve shows, and what training gives back is less.
package sensitivity

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"espalier/models"
	"espalier/models/prune"
)

// Report is the curves of a network's layers.
type Report struct {
	Network     string  `json:"network"`
	Method      string  `json:"method"`
	Granularity string  `json:"granularity"`
	Split       string  `json:"split"`    // "validation" or "test": the samples of all accuracies
	Samples     int     `json:"samples"`  // and how many they are
	Accuracy    float64 `json:"accuracy"` // of the network that nothing is taken from
	Layers      []Curve `json:"layers"`   // in the network's order
}

// New is a report without accuracies of what the options would take from net.
func New(net *models.Network, o prune.Options) Report {
	return Report{Network: net.Name, Method: o.Method, Granularity: granularity(o)}
}

// Curve is the accuracy of a network of which one layer was pruned.
type Curve struct {
	Layer   string    `json:"layer"`
	Size    int       `json:"size"`             // weights or channels
	Points  []Point   `json:"points,omitempty"` // what was removed never falls
	LeftOut []LeftOut `json:"left_out,omitempty"`
}

// Point is one measurement.
type Point struct {
	Share    float64 `json:"share"`   // that was asked for
	Removed  int     `json:"removed"` // weights or channels
	Accuracy float64 `json:"accuracy"`
}

// LeftOut is a share that was not measured; 0 stands for all.
type LeftOut struct {
	Share float64 `json:"share,omitempty"`
	Why   string  `json:"why"`
}

// Removed is the share that was removed: what a share asks for is rounded to
// whole channels.
func (c Curve) Removed(p Point) float64 { return float64(p.Removed) / float64(c.Size) }

// ErrUnknown says that the network has no such layer to prune.
var ErrUnknown = errors.New("no such layer to prune")

// Evaluate measures the accuracy of a network.
type Evaluate func(ctx context.Context, net *models.Network) (float64, error)

// Scan prunes the target by each of the ascending shares in turn, by the method
// of the options and without any training, and evaluates what is left. A share
// that cannot go is left out with the reason. Errors are ErrUnknown and those of
// evaluate and of the context.
func Scan(ctx context.Context, net *models.Network, o prune.Options, b prune.Basis, target string, shares []float64, evaluate Evaluate) (Curve, error) {
	targets, err := prune.Targets(net, o)
	if err != nil {
		return Curve{}, err
	}
	curve := Curve{Layer: target}
	for _, t := range targets {
		if t.Name == target {
			curve.Size = t.Size
		}
	}
	if curve.Size == 0 {
		return Curve{}, fmt.Errorf("%w: %s of network %s", ErrUnknown, target, net.Name)
	}
	var last *prune.Plan
	for _, share := range shares {
		plan, err := prune.NewPlan(ctx, net, alone(o, targets, target, share), b)
		if ctx.Err() != nil {
			return Curve{}, ctx.Err()
		}
		removed, why := 0, ""
		if err != nil {
			why = err.Error()
		} else {
			removed, why = removal(plan, target)
		}
		if why != "" {
			curve.LeftOut = append(curve.LeftOut, LeftOut{Share: share, Why: why})
			continue
		}
		point := Point{Share: share, Removed: removed}
		if last != nil && reflect.DeepEqual(plan, last) { // as many whole channels as before
			point.Accuracy = curve.Points[len(curve.Points)-1].Accuracy
		} else if point.Accuracy, err = measured(ctx, net, plan, evaluate); err != nil {
			return Curve{}, err
		}
		last, curve.Points = plan, append(curve.Points, point)
	}
	return curve, nil
}

func measured(ctx context.Context, net *models.Network, plan *prune.Plan, evaluate Evaluate) (float64, error) {
	pruned, err := prune.Apply(net, plan)
	if err != nil {
		return 0, err
	}
	return evaluate(ctx, pruned)
}

// Options are those of o that a scan reads: no goal, nothing that a method takes
// by itself, that a pass may take at most, or that is repaired behind the layer.
func Options(o prune.Options) prune.Options {
	o.Scope, o.Layers, o.Quality = prune.ScopeLayer, nil, nil
	o.Sparsity, o.Channels, o.Params, o.MACs, o.Latency = 0, 0, 0, 0, 0
	o.DeadNeurons, o.AdjustDropout = false, false
	o.Multiple, o.MaxPerPass, o.Threshold, o.Deviations, o.Tolerance = 0, 0, 0, 0, 0
	return o
}

// alone are the options by which only the target loses a share.
func alone(o prune.Options, targets []prune.Target, target string, share float64) prune.Options {
	o = Options(o)
	o.Layers = map[string]float64{target: share}
	if granularity(o) == prune.GranularityChannel {
		return o
	}
	o.Exclude = nil // of weights every other layer, or it would need a share too
	for _, t := range targets {
		if t.Name != target {
			o.Exclude = append(o.Exclude, t.Name)
		}
	}
	return o
}

// granularity is what the options remove.
func granularity(o prune.Options) string {
	about, err := prune.Describe(o.Method)
	if o.Granularity != "" || err != nil {
		return o.Granularity
	}
	return about.Granularities[0]
}

// removal is how much of the target a plan takes, or why it takes nothing.
func removal(plan *prune.Plan, target string) (removed int, why string) {
	why = "the layer is not in the plan"
	for _, l := range plan.Layers {
		if l.Name == target {
			removed, why = l.Weights-l.After, ""
		}
	}
	if plan.Channels != nil {
		if g, ok := group(plan.Channels.Groups, target); ok {
			removed, why = g.Dense-g.After, g.Closed
		}
	}
	if removed == 0 && why == "" {
		why = "nothing would go"
	}
	return removed, why
}

// group is the one that a name of prune.Options.Layers means.
func group(groups []prune.Group, name string) (prune.Group, bool) {
	at := slices.IndexFunc(groups, func(g prune.Group) bool { return g.Name == name })
	if at < 0 {
		at = slices.IndexFunc(groups, func(g prune.Group) bool { return slices.Contains(g.Producers, name) })
	}
	if at < 0 {
		return prune.Group{}, false
	}
	return groups[at], true
}
