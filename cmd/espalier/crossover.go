package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/measure"
	"espalier/models/report"
)

// crossovers are how fast layers are by their share of zeros.
type crossovers struct {
	Engine engine.Fingerprint `json:"engine"`
	Layers []crossedLayer     `json:"layers"`
}

// crossedLayer is one layer at one batch.
type crossedLayer struct {
	measure.Crossover
	// From which share of zeros on the form is faster than dense; null where it
	// is not.
	SparseFrom *float64 `json:"sparse_from"`
	SharedFrom *float64 `json:"shared_from"`
}

// crossFlags are those of the command.
type crossFlags struct {
	layers  []string
	batches []int
	zeros   []float64
	rounds  int
	cpuTime bool
	svg     string
}

func (f crossFlags) bench() benchFlags {
	return benchFlags{batches: f.batches, rounds: f.rounds, cpuTime: f.cpuTime}
}

func crossoverCommand(a *app) *cobra.Command {
	var f crossFlags
	c := &cobra.Command{
		Use: "crossover", Short: "Measure from how many zeros on sparse layers are faster here",
		Long: `Measures layers dense, from the weights that are not zero (CSR), and from codes
of 32 shared values, at several shares of zeros, and tells the share from which
on each form is faster than dense on this machine. The zeros lie at random.

A layer is OUTxIN for a linear one, or OUTxINxKxK@HxW for a convolution of
stride 1 that keeps the size of its H x W images. The forms of a layer take
turns, so that what else the machine does hits all alike; medians are over the
rounds. --svg draws the speed of sparse layers.`,
		Example: "  espalier crossover\n  espalier crossover --layer 4096x4096 --layer 64x64x3x3@8x8 --batch 1,64 --svg crossover.svg",
		RunE: func(cmd *cobra.Command, _ []string) error {
			layers, err := f.check()
			if err != nil {
				return err
			}
			x, err := a.crossover(cmd.Context(), layers, f)
			if cmd.Context().Err() != nil {
				return errInterrupted
			}
			if err != nil {
				return err
			}
			if f.svg != "" {
				if err := writeTo(f.svg, func(w io.Writer) error { return x.draw(w) }); err != nil {
					return err
				}
			}
			if a.json {
				return a.printJSON(x)
			}
			x.print(a.out)
			if f.svg != "" {
				fmt.Fprintf(a.out, "\nwrote %s\n", f.svg)
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&f.layers, "layer", []string{"4096x4096", "300x784", "64x64x3x3@32x32", "256x256x3x3@8x8"}, "layers, one or several")
	c.Flags().Lookup("layer").DefValue = strings.Join(f.layers, ",")
	c.Flags().IntSliceVar(&f.batches, "batch", []int{1, 8, 64}, "images of a call, one or several counts")
	c.Flags().Lookup("batch").DefValue = "1,8,64"
	c.Flags().Float64SliceVar(&f.zeros, "zeros", []float64{50, 60, 70, 80, 85, 90, 95, 98}, "shares of zeros in percent")
	c.Flags().Lookup("zeros").DefValue = "50,60,70,80,85,90,95,98"
	c.Flags().IntVar(&f.rounds, "rounds", 9, "how often each takes its turn")
	c.Flags().BoolVar(&f.cpuTime, "cpu-time", false, cpuTimeHelp)
	c.Flags().StringVar(&f.svg, "svg", "", "also draw the chart into this file")
	return c
}

// crossLayer is a layer that --layer names.
type crossLayer struct {
	name  string
	op    models.Op
	in    models.Shape
	attrs models.Attrs
}

// check reads the layers and puts the shares in order.
func (f *crossFlags) check() ([]crossLayer, error) {
	if err := f.bench().check(); err != nil {
		return nil, err
	}
	slices.Sort(f.zeros)
	for _, z := range f.zeros {
		if !(z >= 0 && z < 100) {
			return nil, usageError{fmt.Errorf("--zeros %g: from 0 to less than 100 percent are allowed", z)}
		}
	}
	layers := make([]crossLayer, 0, len(f.layers))
	for _, name := range f.layers {
		l, err := parseLayer(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("--layer %q: %w", name, err)}
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// maxExtent bounds the numbers of a layer.
const maxExtent = 1 << 15

func parseLayer(name string) (crossLayer, error) {
	weights, image, isConv := strings.Cut(name, "@")
	shape, err := extents(weights)
	if err != nil {
		return crossLayer{}, err
	}
	if !isConv {
		if len(shape) != 2 {
			return crossLayer{}, errors.New("a linear layer is OUTxIN")
		}
		return crossLayer{name, models.OpLinear, models.Shape{shape[1]}, models.Attrs{Out: shape[0]}}, nil
	}
	size, err := extents(image)
	if err != nil {
		return crossLayer{}, err
	}
	if len(shape) != 4 || len(size) != 2 || shape[2] != shape[3] || shape[2]%2 == 0 {
		return crossLayer{}, errors.New("a convolution is OUTxINxKxK@HxW with an odd K")
	}
	half := shape[2] / 2
	return crossLayer{name, models.OpConv2D, models.Shape{shape[1], size[0], size[1]}, models.Attrs{
		Out: shape[0], Kernel: [2]int{shape[2], shape[3]}, Pad: [4]int{half, half, half, half},
	}}, nil
}

func extents(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, "x") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxExtent {
			return nil, fmt.Errorf("%q is no number from 1 to %d; a layer is OUTxIN or OUTxINxKxK@HxW", part, maxExtent)
		}
		all = append(all, n)
	}
	return all, nil
}

func (a *app) crossover(ctx context.Context, layers []crossLayer, f crossFlags) (*crossovers, error) {
	steps, err := a.stepsWithoutStore()
	if err != nil {
		return nil, err
	}
	x := &crossovers{Engine: steps.Engine.Fingerprint()}
	clock, err := f.bench().clock()
	if err != nil {
		return nil, err
	}
	zeros := make([]float64, len(f.zeros))
	for i, z := range f.zeros {
		zeros[i] = z / 100
	}
	for _, l := range layers {
		for _, batch := range f.batches {
			c, err := measure.CrossoverOf(ctx, clock, steps.Engine, l.name, l.op, l.in, l.attrs, zeros, batch, f.rounds)
			if err != nil {
				return nil, err
			}
			x.Layers = append(x.Layers, crossedLayer{c, from(c, engine.Sparse), from(c, engine.Shared)})
		}
	}
	return x, nil
}

func from(c measure.Crossover, form engine.Form) *float64 {
	if zeros, ok := c.From(form); ok {
		return &zeros
	}
	return nil
}

func (x *crossovers) draw(w io.Writer) error {
	all := make([]measure.Crossover, len(x.Layers))
	for i, l := range x.Layers {
		all[i] = l.Crossover
	}
	return report.Crossover(w, "When zeros pay: "+x.Engine.CPU, engine.Sparse, all)
}
