package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/models/measure"
	"espalier/models/predict"
)

// benchmark is how long checkpoints take on this machine, the first of which
// is what the others are compared with.
type benchmark struct {
	Engine      engine.Fingerprint `json:"engine"`
	Checkpoints []benchmarked      `json:"checkpoints"`
	Layers      []benchmarkLayers  `json:"layers,omitempty"`
}

// benchmarked is one checkpoint.
type benchmarked struct {
	Name    string            `json:"name"` // as it was given
	Digest  checkpoint.Digest `json:"digest"`
	Size    int               `json:"size"`
	Network string            `json:"network"`
	Input   []int             `json:"input"`
	Total   measure.Amounts   `json:"total"`
	Form    string            `json:"form,omitempty"` // of its layers, where forms are compared
	Runs    string            `json:"runs,omitempty"` // which forms the layers have so, at the last batch
	Speeds  []benchmarkSpeed  `json:"speeds"`         // by batch

	net  *models.Network
	cost measure.Cost
}

// label is what a table calls it.
func (b benchmarked) label() string {
	if b.Form == "" {
		return b.Name
	}
	return b.Name + ", " + b.Form
}

// benchmarkSpeed is a checkpoint's at one batch. The speed-up is over the first
// checkpoint, whose own is 1; the theoretical one by the multiply-adds that its
// forms leave.
type benchmarkSpeed struct {
	measure.Latency
	Images  float64         `json:"images_per_second"`
	Speedup measure.Speedup `json:"speedup"`
	Reached float64         `json:"reached"` // of the theoretical speed-up
}

// benchmarkLayers are the layers of one checkpoint beside the first one's, at
// one batch; or of the first one, where there is no other.
type benchmarkLayers struct {
	Name    string                 `json:"name"`
	Digest  checkpoint.Digest      `json:"digest"`
	Batch   int                    `json:"batch"`
	Layers  []measure.LayerSpeedup `json:"layers"`
	Outside benchmarkOutside       `json:"outside"`
}

// benchmarkOutside is the time of a call that is in no layer: that of the whole
// network less that of its layers.
type benchmarkOutside struct {
	Dense time.Duration `json:"dense_ns"`
	Small time.Duration `json:"small_ns"`
}

func benchCommand(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use: "bench CHECKPOINT [CHECKPOINT...]", Short: "Measure how fast checkpoints are on this machine",
		Long: `Measures the time of inference of checkpoints, each given as a file or as a
digest of the store (its first digits are enough). The first is the reference,
as a rule the dense network: of the others the theoretical speed-up, by
multiply-adds (MACs), stands beside the measured one, and the share of it that
was reached. Zeros that pruning left inside of layers are computed like other
weights; only what was taken out of a network makes it faster. With --forms each
checkpoint is measured in several forms: dense, sparse (only what is not zero is
computed, by CSR), shared (codes of at most 256 values in place of the weights,
where a layer has no more), and auto, which chooses by layer as espalier predict
does. The theoretical speed-up is then that of the multiply-adds which the form
leaves. espalier crossover tells how many zeros sparse layers need here.

The checkpoints take turns of 20 ms or more, so that what else the machine does
hits all alike; medians and quartiles are over the rounds. With --layers
convolutions and linear layers are measured one by one, with the batch
normalization and the relu behind them, and what a smaller network loses of its
speed-up is told by layer, with what in the layer's shape may be the reason.
Alone a layer tends to be faster than among others, which need the cache too,
and the machine may be busier at one time than at another: the time outside of
layers is a rough figure, and can be negative.`,
		Example: "  espalier bench dense.safetensors pruned.safetensors --batch 1,64 --layers\n  espalier bench dense.safetensors pruned.esp --batch 1,8,64 --forms dense,sparse,auto\n  espalier bench 3f9a1c22b0de 77b1e04d95aa",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			b, err := a.bench(cmd.Context(), args, f)
			if cmd.Context().Err() != nil {
				return errInterrupted
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(b)
			}
			b.print(a.out)
			return nil
		},
	}
	c.Flags().IntSliceVar(&f.batches, "batch", []int{1, 64}, "images of a call, one or several counts")
	c.Flags().Lookup("batch").DefValue = "1,64"
	c.Flags().IntVar(&f.rounds, "rounds", 9, "how often each takes its turn")
	c.Flags().BoolVar(&f.layers, "layers", false, "also by layer")
	c.Flags().BoolVar(&f.cpuTime, "cpu-time", false, cpuTimeHelp)
	c.Flags().StringSliceVar(&f.forms, "forms", nil, "compare forms of the layers: dense, sparse, shared, auto")
	return c
}

func (a *app) bench(ctx context.Context, names []string, f benchFlags) (*benchmark, error) {
	steps, err := a.stepsWithoutStore()
	if err != nil {
		return nil, err
	}
	b := &benchmark{Engine: steps.Engine.Fingerprint()}
	for _, name := range names {
		one, err := a.toBenchmark(ctx, name)
		if err != nil {
			return nil, err
		}
		if first := append(b.Checkpoints, one)[0]; !slices.Equal(one.Input, first.Input) {
			return nil, usageError{fmt.Errorf("%s takes inputs of %s, %s of %s: only networks of one input are comparable", one.Name, shape(one.Input), first.Name, shape(first.Input))}
		}
		b.Checkpoints = append(b.Checkpoints, inForms(one, f.forms)...)
	}
	clock, err := f.clock()
	if err != nil {
		return nil, err
	}
	for _, batch := range f.batches {
		if err := b.measure(ctx, clock, steps.Engine, batch, f); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// inForms is a checkpoint for each form; with none, as it is.
func inForms(one benchmarked, forms []string) []benchmarked {
	if len(forms) == 0 {
		return []benchmarked{one}
	}
	all := make([]benchmarked, len(forms))
	for i, form := range forms {
		all[i] = one
		all[i].Form = form
	}
	return all
}

// measure adds the figures of one batch.
func (b *benchmark) measure(ctx context.Context, clock measure.Clock, eng engine.Engine, batch int, f benchFlags) error {
	candidates, macs := make([]measure.Candidate, len(b.Checkpoints)), make([]int64, len(b.Checkpoints))
	nets := make([]*models.Network, len(b.Checkpoints))
	for i, c := range b.Checkpoints {
		nets[i], candidates[i], macs[i] = c.net, measure.Candidate{Network: c.net}, c.Total.MACs
		if c.Form == "" {
			continue
		}
		form, err := formOf(c.Form)
		if err != nil {
			return err
		}
		layers, err := predict.Plan(c.net, form, batch)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		b.Checkpoints[i].Runs = formsOf(layers)
		candidates[i].Forms, macs[i] = predict.Forms(layers), computed(c.cost, layers)
	}
	whole, err := measure.LatenciesOf(ctx, clock, eng, candidates, batch, f.rounds)
	if err != nil {
		return err
	}
	b.addSpeeds(whole, macs)
	if !f.layers {
		return nil
	}
	layers, err := measure.LayerLatencies(ctx, clock, eng, nets, batch, f.rounds)
	if err != nil {
		return err
	}
	b.addLayers(whole, layers)
	return nil
}

// computed are the multiply-adds of a network whose layers have these forms.
func computed(cost measure.Cost, layers []predict.Layer) (macs int64) {
	forms := predict.Forms(layers)
	for _, l := range cost.Layers {
		if form := forms[l.Name]; form == "" || form == engine.Dense {
			macs += l.MACs
		} else {
			macs += l.EffectiveMACs
		}
	}
	return macs
}

func (a *app) toBenchmark(ctx context.Context, name string) (benchmarked, error) {
	c, digest, size, err := a.readCheckpoint(ctx, name)
	if err != nil {
		return benchmarked{}, err
	}
	cost, err := measure.Costs(c.Network)
	if err != nil {
		return benchmarked{}, fmt.Errorf("%s: %w", name, err)
	}
	if strings.HasPrefix(string(digest), name) {
		name = digest.Short()
	}
	return benchmarked{
		Name: filepath.Base(name), Digest: digest, Size: size, Network: c.Network.Name, Input: c.Network.Input,
		Total: cost.Amounts, net: c.Network, cost: cost,
	}, nil
}

func (b *benchmark) addSpeeds(whole []measure.Latency, macs []int64) {
	for i := range b.Checkpoints {
		one := &b.Checkpoints[i]
		speedup := measure.SpeedupOf(macs[0], macs[i], whole[0], whole[i])
		one.Speeds = append(one.Speeds, benchmarkSpeed{
			Latency: whole[i], Images: whole[i].PerSecond(), Speedup: speedup, Reached: speedup.Reached(),
		})
	}
}

func (b *benchmark) addLayers(whole []measure.Latency, layers [][]measure.LayerLatency) {
	outside := func(i int) time.Duration {
		rest := whole[i].Median
		for _, l := range layers[i] {
			rest -= l.Median
		}
		return rest
	}
	for i := range b.Checkpoints {
		if i == 0 && len(b.Checkpoints) > 1 {
			continue // it stands beside each of the others
		}
		b.Layers = append(b.Layers, benchmarkLayers{
			Name: b.Checkpoints[i].Name, Digest: b.Checkpoints[i].Digest, Batch: whole[i].Batch,
			Layers: measure.LayerSpeedups(layers[0], layers[i]), Outside: benchmarkOutside{outside(0), outside(i)},
		})
	}
}
