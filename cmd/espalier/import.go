package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/export"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// imported is what became of a file of another program.
type imported struct {
	File    string            `json:"file"`
	Digest  checkpoint.Digest `json:"digest"`
	Size    int               `json:"size"`
	Network string            `json:"network"`
	Input   []int             `json:"input"`
	Params  int64             `json:"parameters"`
	Layers  int               `json:"layers"` // with parameters
	Notes   []string          `json:"notes,omitempty"`
}

func importCommand(a *app) *cobra.Command {
	var o zoo.Options
	var input []int
	out := ""
	c := &cobra.Command{
		Use: "import FILE", Short: "Make a checkpoint of a network that another program saved",
		Long: `Reads weights that PyTorch saved (a state dict: .pt, .pth or .th), a safetensors
file or an ONNX file, and writes a checkpoint.

An ONNX file has its graph with it. The others need --arch, an architecture as
espalier models lists them, and the flags that choose its form; tensors are
paired with its layers by their names, and what is left by order and shape.
Nothing is written unless every parameter is there and every tensor is used. No
code that a file may hold is run.`,
		Example: "  espalier import resnet20.th --arch resnet-20 --out resnet20.safetensors\n  espalier import mnist.onnx",
		RunE: func(c *cobra.Command, args []string) error {
			o.Input = input
			net, notes, err := a.importNetwork(c, args[0], o)
			if err != nil {
				return err
			}
			if out == "" {
				out = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0])) + ".safetensors"
			}
			return a.keepImported(net, out, notes)
		},
	}
	c.Flags().StringVar(&o.Arch, "arch", "", "architecture that the weights are of; an ONNX file needs none")
	architectureFlags(c, &o, &input)
	c.Flags().StringVar(&out, "out", "", "the checkpoint; must not be there yet")
	c.Flags().Lookup("out").DefValue = "NAME.safetensors"
	return c
}

// importNetwork reads the file into the architecture that the flags name.
func (a *app) importNetwork(c *cobra.Command, file string, o zoo.Options) (*models.Network, []string, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, nil, usageError{cause(err, file)}
	}
	var build func() (*models.Network, error)
	if o.Arch == "" {
		if !strings.EqualFold(filepath.Ext(file), ".onnx") {
			return nil, nil, usageError{fmt.Errorf("%s has weights and no graph: name the architecture that they are of by --arch; there are %s", file, strings.Join(zoo.Names(), ", "))}
		}
		form := ""
		c.Flags().Visit(func(f *pflag.Flag) {
			if f.Name != "out" && c.InheritedFlags().Lookup(f.Name) == nil {
				form = f.Name
			}
		})
		if form != "" {
			return nil, nil, usageError{fmt.Errorf("--%s is for architectures, and without --arch %s has its own graph", form, file)}
		}
	} else {
		if _, known := zoo.Default(o.Arch); !known {
			return nil, nil, usageError{fmt.Errorf("--arch %s: there are %s", o.Arch, strings.Join(zoo.Names(), ", "))}
		}
		build = func() (*models.Network, error) { return a.network(c, o.Arch, o) }
	}
	return export.Import(file, build)
}

// keepImported writes the checkpoint and says what is in it.
func (a *app) keepImported(net *models.Network, out string, notes []string) error {
	data, digest, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		return err
	}
	cost, err := measure.Costs(net)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s is there already; name another file by --out", out)}
	}
	if err != nil {
		return cause(err, "write "+out)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(cause(err, "write "+out), os.Remove(out))
	}
	i := imported{File: out, Digest: digest, Size: len(data), Network: net.Name, Input: net.Input, Params: cost.Params, Layers: len(cost.Layers), Notes: notes}
	if a.json {
		return a.printJSON(i)
	}
	if err := a.show(net); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, note := range notes {
		fmt.Fprintf(a.out, "note: %s\n", note)
	}
	fmt.Fprintf(a.out, "wrote %s: %s, %s parameters in %d layers, %s, checkpoint %s\n",
		out, net.Name, humanize.Comma(i.Params), i.Layers, humanize.Bytes(uint64(i.Size)), digest.Short())
	return nil
}
