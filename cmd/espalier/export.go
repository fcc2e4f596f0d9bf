package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/export"
	"espalier/models/export/onnx"
	"espalier/models/measure"
	"espalier/models/prune/channel"
)

// exported is a file that was written for other programs.
type exported struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Size    int    `json:"size"`
	Network string `json:"network"`
	Input   []int  `json:"input"`
	Params  int64  `json:"parameters"`
	NonZero int64  `json:"nonzero_parameters"`
	Folded  bool   `json:"folded"`

	// Of ONNX files.
	Opset      int    `json:"opset,omitempty"`
	Operators  int    `json:"operators,omitempty"`
	Int8       int    `json:"int8_layers,omitempty"`
	InputName  string `json:"input_name,omitempty"`
	OutputName string `json:"output_name,omitempty"`
}

// exportFlags are those of the command.
type exportFlags struct {
	out     string
	opset   int
	fold    bool
	compact bool
	int8    bool
	force   bool
}

// The formats by the ends of files.
const (
	formatONNX        = "ONNX"
	formatSafetensors = "safetensors"
	formatPyTorch     = "PyTorch"
)

func exportCommand(a *app) *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use: "export NETWORK", Short: "Write a network for other programs: ONNX, PyTorch, safetensors",
		Long: `Writes a network in a format of other programs, which the end of --out chooses:

    .onnx          ONNX, with the graph; runs anywhere
    .pth, .pt      PyTorch's state dict, for model.load_state_dict
    .safetensors   the same state dict as safetensors

NETWORK is a checkpoint, as a file or as a digest of the store (its first digits
are enough), a run, of which the last pass that was kept is taken, a pass of a
run as RUN@PASS, a packed model or an ONNX file. A network of which channels were removed is written as the smaller network
that it is. Zeros that pruning left inside of layers are written like other
values: none of these formats leaves them out.

--compact leaves out the channels, neurons of linear layers among them, that no
longer make a difference, of which pruned connections leave many: every layer
behind has only zeros for them, or they arrive there as 0. The outputs stay the
same up to rounding, and the network is smaller and faster in any program.

--int8 writes the weights that quantize: int8 has rounded as bytes, a quarter of
the size, from which ONNX's DequantizeLinear makes the same values.

--fold puts batch normalizations into the layers before them and leaves dropout
out, which suits inference; what was exported without it can be trained on.`,
		Example: "  espalier export 3f9a1c22b0de --out resnet-20.onnx --fold\n  espalier export quickstart-1a2b3c4d5e6f --out lenet.pth",
		RunE: func(c *cobra.Command, args []string) error {
			format, err := f.check(c)
			if err != nil {
				return err
			}
			net, err := a.anyNetwork(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.export(net, format, f)
		},
	}
	c.Flags().StringVarP(&f.out, "out", "o", "", "the file to write; its end chooses the format")
	c.Flags().IntVar(&f.opset, "opset", onnx.DefaultOpset, fmt.Sprintf("version of ONNX's operators, %d to %d", onnx.MinWrittenOpset, onnx.MaxWrittenOpset))
	c.Flags().BoolVar(&f.fold, "fold", false, "batch normalization folded into the layers before it, for .onnx")
	c.Flags().BoolVar(&f.compact, "compact", false, "without the channels and neurons that make no difference")
	c.Flags().BoolVar(&f.int8, "int8", false, "weights that were rounded to int8 as bytes, for .onnx")
	c.Flags().BoolVar(&f.force, "force", false, "write over a file that is there")
	return c
}

// check answers with the format.
func (f exportFlags) check(c *cobra.Command) (string, error) {
	if f.out == "" {
		return "", misused(c, errors.New("--out is missing: a file that ends in .onnx, .pth, .pt or .safetensors"))
	}
	format, ok := map[string]string{
		".onnx": formatONNX, ".pth": formatPyTorch, ".pt": formatPyTorch, ".safetensors": formatSafetensors,
	}[strings.ToLower(filepath.Ext(f.out))]
	if !ok {
		return "", usageError{fmt.Errorf("--out %s: files that end in .onnx, .pth, .pt or .safetensors can be written", f.out)}
	}
	for _, flag := range []string{"fold", "int8", "opset"} {
		if format != formatONNX && c.Flags().Changed(flag) {
			return "", usageError{fmt.Errorf("--%s is for .onnx, and --out is %s", flag, f.out)}
		}
	}
	if f.opset < onnx.MinWrittenOpset || f.opset > onnx.MaxWrittenOpset {
		return "", usageError{fmt.Errorf("--opset %d: %d to %d are written", f.opset, onnx.MinWrittenOpset, onnx.MaxWrittenOpset)}
	}
	return format, refuseOld(f.out, f.force)
}

// export writes the file and says what is in it.
func (a *app) export(net *models.Network, format string, f exportFlags) (err error) {
	if f.fold {
		if net, err = export.Folded(net); err != nil {
			return err
		}
	}
	if f.compact {
		if net, err = channel.Compact(net); err != nil {
			return err
		}
	}
	cost, err := measure.Costs(net)
	if err != nil {
		return err
	}
	e := exported{File: f.out, Format: format, Network: net.Name, Input: net.Input, Params: cost.Params, NonZero: cost.NonZero, Folded: f.fold}
	var data []byte
	switch format {
	case formatONNX:
		file, err := export.ONNX(net, onnx.EncodeOptions{Opset: f.opset, Version: version, Int8: f.int8})
		if err != nil {
			return err
		}
		if f.int8 && file.Int8 == 0 {
			return usageError{errors.New("--int8: no layer's weights are whole multiples of a scale; quantize: int8 in a spec makes them so")}
		}
		e.Int8 = file.Int8
		data, e.Opset, e.Operators, e.InputName, e.OutputName = file.Data, file.Opset, file.Operators, file.Input, file.Output
	case formatPyTorch:
		data, err = export.PyTorch(net)
	default:
		data, err = export.Safetensors(net)
	}
	if err != nil {
		return err
	}
	e.Size = len(data)
	if err := replaceFile(f.out, data, f.force); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(e)
	}
	fmt.Fprintf(a.out, "wrote %s: %s as %s, %s parameters, %s\n", e.File, e.Network, e.Format, humanize.Comma(e.Params), humanize.Bytes(uint64(e.Size)))
	if format == formatONNX {
		fmt.Fprintf(a.out, "graph        %d operators of opset %d; input %q, any batch of %s; output %q\n", e.Operators, e.Opset, e.InputName, shape(e.Input), e.OutputName)
	}
	if e.Int8 > 0 {
		fmt.Fprintf(a.out, "int8         the weights of %d layers are bytes, with a scale an output\n", e.Int8)
	}
	if masked(net) {
		fmt.Fprintf(a.out, "note: %s of the parameters are zero, and take as much room as others in this format\n", percent(1-float64(e.NonZero)/float64(e.Params)))
	}
	return nil
}

func masked(net *models.Network) bool {
	return slices.ContainsFunc(net.Params, func(p *models.Param) bool { return slices.Contains(p.Mask, false) })
}
