package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/draw"
	"espalier/models/export"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// architecture is one of the zoo in its published form.
type architecture struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Input       []int  `json:"input"`
	Params      int64  `json:"parameters"`
	MACs        int64  `json:"macs"`
}

// portrait is a network by layer.
type portrait struct {
	Network     string              `json:"network"`
	Description string              `json:"description,omitempty"`
	Input       []int               `json:"input"`
	Total       measure.Amounts     `json:"total"`
	Activations measure.Activations `json:"activation_bytes"` // of one image
	Layers      []portraitLayer     `json:"layers"`
}

// portraitLayer is one node of the graph; its operation is told with kernel
// and stride.
type portraitLayer struct {
	measure.Layer
	Does   string   `json:"does"`
	Inputs []string `json:"inputs,omitempty"`
}

func modelsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "models", Short: "List the architectures, or show one by layer",
		Long: `Lists the architectures that a spec can name in network.arch, in their published
form: with the input and the 10 classes of the papers.`,
		Example: "  espalier models",
		RunE: func(*cobra.Command, []string) error {
			all, err := architectures()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(all)
			}
			t := newTable(a.out, "name", ">parameters", ">MACs", "input", "description")
			for _, m := range all {
				t.AppendRow(table.Row{m.Name, humanize.Comma(m.Params), humanize.Comma(m.MACs), shape(m.Input), m.Description})
			}
			t.Render()
			return nil
		},
	}
	show := showCommand(a)
	show.Args = usageArgs
	c.AddCommand(show)
	return c
}

func architectures() ([]architecture, error) {
	var all []architecture
	for _, name := range zoo.Names() {
		o, _ := zoo.Default(name)
		net, err := zoo.Build(o)
		if err != nil {
			return nil, err
		}
		cost, err := measure.Costs(net)
		if err != nil {
			return nil, err
		}
		all = append(all, architecture{name, zoo.Describe(name), net.Input, cost.Params, cost.MACs})
	}
	return all, nil
}

func showCommand(a *app) *cobra.Command {
	var o zoo.Options
	var input []int
	svg := ""
	c := &cobra.Command{
		Use: "show NAME", Short: "Show a network by layer, and draw it",
		Long: `Shows the layers of a network with the shape of their outputs, their parameters
and the multiply-adds (MACs) that they take for one image. NAME is an
architecture, as espalier models lists them, an ONNX file, or a checkpoint, as a
file or as a digest of the store. The flags that choose an architecture's form
are those of network in a spec; they are not for files.`,
		Example: "  espalier models show resnet-20 --shortcut B --svg resnet-20.svg",
		RunE: func(c *cobra.Command, args []string) error {
			o.Input = input
			net, err := a.network(c, args[0], o)
			if err != nil {
				return err
			}
			if svg == "-" {
				return draw.SVG(a.out, net)
			}
			if svg != "" {
				if err := drawTo(svg, net); err != nil {
					return err
				}
			}
			return a.show(net)
		},
	}
	architectureFlags(c, &o, &input)
	c.Flags().StringVar(&svg, "svg", "", "also draw the graph into this file, or only draw it, to the standard output, for -")
	return c
}

// architectureFlags are those that choose the form of an architecture. Zero
// stands for what an architecture does by itself, and this is shown as default.
func architectureFlags(c *cobra.Command, o *zoo.Options, input *[]int) {
	f := c.Flags()
	f.IntVar(&o.Classes, "classes", 0, "number of classes")
	f.IntSliceVar(input, "input", nil, "channels, height and width of an image")
	f.IntSliceVar(&o.Hidden, "hidden", nil, "widths of the hidden layers, for mlp")
	f.Float64Var(&o.Dropout, "dropout", 0, "share of the activations that is dropped in training")
	f.BoolVar(&o.BatchNorm, "batch-norm", false, "batch normalization behind each hidden layer, for perceptrons and lenet-5")
	f.Float64Var(&o.Width, "width", 0, "factor of every channel count, for convolutional networks")
	f.StringVar(&o.Shortcut, "shortcut", "", "shortcuts of resnet-20 to resnet-110, A or B")
	f.IntVar(&o.Growth, "growth", 0, "channels that each layer of densenet adds")
	f.IntVar(&o.Stem, "stem", 0, "channels of densenet's first convolution")
	f.StringVar(&o.Head, "head", "", "classifier of vgg, linear or li")
	for flag, value := range map[string]string{
		"classes": "10", "input": "that of the paper", "hidden": "500,300", "width": "1",
		"shortcut": zoo.ShortcutPad, "growth": "12", "stem": "16", "head": zoo.HeadLinear,
	} {
		f.Lookup(flag).DefValue = value
	}
}

// network is what NAME means.
func (a *app) network(c *cobra.Command, name string, o zoo.Options) (*models.Network, error) {
	defaults, known := zoo.Default(name)
	if !known {
		for _, flag := range []string{"classes", "input", "hidden", "dropout", "batch-norm", "width", "shortcut", "growth", "stem", "head"} {
			if c.Flags().Changed(flag) {
				return nil, usageError{fmt.Errorf("--%s is for architectures, and %s is none of %s", flag, name, strings.Join(zoo.Names(), ", "))}
			}
		}
		return a.savedNetwork(c.Context(), name)
	}
	o.Arch = name
	if !c.Flags().Changed("input") {
		o.Input = defaults.Input
	}
	if !c.Flags().Changed("classes") {
		o.Classes = defaults.Classes
	}
	if !c.Flags().Changed("hidden") {
		o.Hidden = defaults.Hidden
	}
	net, err := zoo.Build(o)
	if err != nil {
		return nil, usageError{err}
	}
	for _, p := range net.Params { // of an architecture nothing is pruned
		for i := range p.Data {
			p.Data[i] = 1
		}
	}
	return net, nil
}

// savedNetwork reads an ONNX file or a checkpoint.
func (a *app) savedNetwork(ctx context.Context, name string) (*models.Network, error) {
	if strings.EqualFold(filepath.Ext(name), ".onnx") {
		return export.Network(name, nil)
	}
	c, _, _, err := a.readCheckpoint(ctx, name)
	if errors.Is(err, errNoCheckpoint) {
		return nil, usageError{fmt.Errorf("%w; architectures are %s", err, strings.Join(zoo.Names(), ", "))}
	}
	if err != nil {
		return nil, err
	}
	return c.Network, nil
}

func drawTo(path string, net *models.Network) error {
	return writeTo(path, func(w io.Writer) error { return draw.SVG(w, net) })
}

func (a *app) show(net *models.Network) error {
	layers, err := measure.Layers(net)
	if err != nil {
		return err
	}
	cost, err := measure.Costs(net)
	if err != nil {
		return err
	}
	activations, err := measure.ActivationsOf(net)
	if err != nil {
		return err
	}
	p := portrait{Network: net.Name, Description: zoo.Describe(net.Name), Input: net.Input, Total: cost.Amounts, Activations: activations}
	for i, l := range layers {
		p.Layers = append(p.Layers, portraitLayer{l, draw.Operation(net.Nodes[i]), net.Nodes[i].Inputs})
	}
	if a.json {
		return a.printJSON(p)
	}
	p.print(a.out)
	return nil
}

func (p *portrait) print(out io.Writer) {
	fmt.Fprintf(out, "network      %s", p.Network)
	if p.Description != "" {
		fmt.Fprintf(out, ": %s", p.Description)
	}
	fmt.Fprintf(out, "\nparameters   %s, %s as float32", humanize.Comma(p.Total.Params), humanize.Bytes(uint64(p.Total.Bytes)))
	if p.Total.Statistics > 0 {
		fmt.Fprintf(out, "; %s running statistics", humanize.Comma(p.Total.Statistics))
	}
	fmt.Fprintf(out, "\nMACs         %s\nactivations  %s for one image, %s at a time\n\n",
		humanize.Comma(p.Total.MACs), humanize.Bytes(uint64(p.Activations.Sum)), humanize.Bytes(uint64(p.Activations.Peak)))
	t := newTable(out, "layer", "operation", "output", ">parameters", ">share", ">MACs", ">share")
	for _, l := range p.Layers {
		t.AppendRow(table.Row{
			l.Name, l.Does, shape(l.Out), count(l.Params), shareOf(l.Params, p.Total.Params), count(l.MACs), shareOf(l.MACs, p.Total.MACs),
		})
	}
	t.AppendRow(table.Row{"total", "", "", humanize.Comma(p.Total.Params), "", humanize.Comma(p.Total.MACs), ""})
	t.Render()
}

// shape writes 3x32x32.
func shape(s []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(s), "[]"), " ", "x")
}

// count leaves a zero out: most rows of a column would be one.
func count(n int64) string {
	if n == 0 {
		return ""
	}
	return humanize.Comma(n)
}

func shareOf(part, whole int64) string {
	if part == 0 || whole == 0 {
		return ""
	}
	return percent(float64(part) / float64(whole))
}
