package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
)

// verifiedFile is a packed model that was read to the end.
type verifiedFile struct {
	File    string            `json:"file"`
	Digest  checkpoint.Digest `json:"digest"`
	Size    int               `json:"size"`
	Network string            `json:"network"`
	Params  int               `json:"parameters"`
	Same    string            `json:"same_as,omitempty"` // the network that it holds to the bit
}

func verifyCommand(a *app) *cobra.Command {
	against := ""
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check every byte of a packed model file",
		Long: `Reads all of a packed model (.esp): the checksums of its header and sections, and
every tensor. With --against it also compares the network, its weights and its
masks to the bit, with another: a checkpoint, a run or a file, as for pack.`,
		Example: "  espalier verify lenet.esp --against 3f9a1c22b0de",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, done, err := mapped(args[0])
			if err != nil {
				return usageError{cause(err, args[0])}
			}
			defer done()
			if !esp.Packed(data) {
				return usageError{fmt.Errorf("%s is no packed model; checkpoints are verified by: espalier inspect", args[0])}
			}
			net, err := esp.Decode(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			v := verifiedFile{File: args[0], Digest: checkpoint.DigestOf(data), Size: len(data), Network: net.Name, Same: against}
			for _, p := range net.Params {
				v.Params += len(p.Data)
			}
			same := ""
			if against != "" {
				other, err := a.anyNetwork(cmd.Context(), against)
				if err != nil {
					return err
				}
				if err := sameNetwork(net, other); err != nil {
					return fmt.Errorf("%s is not %s: %w", args[0], against, err)
				}
				same = ", the same as " + against
			}
			return a.say(v, "%s: intact, %s with %s parameters in %s bytes%s\ndigest %s\n",
				args[0], net.Name, humanize.Comma(int64(v.Params)), humanize.Comma(int64(v.Size)), same, v.Digest)
		},
	}
	c.Flags().StringVar(&against, "against", "", "network that the file must hold")
	return c
}

// sameNetwork says where two networks differ.
func sameNetwork(a, b *models.Network) error {
	graphs := [2]checkpoint.Digest{}
	for i, net := range []*models.Network{a, b} {
		graph := net.Clone()
		for _, p := range graph.Params {
			clear(p.Data)
			p.Mask = nil
		}
		var err error
		if _, graphs[i], err = checkpoint.Encode(&checkpoint.Checkpoint{Network: graph}); err != nil {
			return err
		}
	}
	if graphs[0] != graphs[1] {
		return fmt.Errorf("the graphs of %s and %s differ", a.Name, b.Name)
	}
	for i, p := range a.Params {
		q := b.Params[i]
		for k := range p.Data {
			if math.Float32bits(p.Data[k]) != math.Float32bits(q.Data[k]) {
				return fmt.Errorf("element %d of %s is %g and %g", k, p.Name, p.Data[k], q.Data[k])
			}
		}
		if (p.Mask == nil) != (q.Mask == nil) || !slices.Equal(p.Mask, q.Mask) {
			return fmt.Errorf("the masks of %s differ", p.Name)
		}
	}
	return nil
}
