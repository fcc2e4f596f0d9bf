package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
	"espalier/models/compress/order"
	"espalier/models/export"
	"espalier/models/prune/channel"
)

// packedFile is what pack has written.
type packedFile struct {
	File    string            `json:"file"`
	Digest  checkpoint.Digest `json:"digest"`
	Size    int               `json:"size"`
	Dense   int64             `json:"dense_bytes"` // of its tensors as float32
	Ratio   float64           `json:"ratio"`
	Network string            `json:"network"`
	Input   []int             `json:"input"`
	Sizes   *esp.Sizes        `json:"sizes"`
}

func packCommand(a *app) *cobra.Command {
	var o esp.Options
	var out string
	var force, fold, compact bool
	c := &cobra.Command{
		Use: "pack NETWORK", Short: "Write a network as a packed model file, as small as its weights allow",
		Long: `Packs a network: a checkpoint, as a file or as a digest of the store (its first
digits are enough), a run, of which the last pass that was kept is taken, a pass
of a run as RUN@PASS, or an ONNX file. The packed model (.esp) holds the graph
and the exact bits of all weights, so that espalier unpack makes of it what was
packed.

Packing loses nothing, but for --fold, which computes new weights, and for
--compact, which leaves out channels and neurons that make no difference and
sorts the others, so that what comes out computes the same up to rounding. A file becomes small by
what was done to the network before: zeros are not stored, weights that share
values become codes, int8 weights one byte and less, each layer in the form that
takes the fewest bytes.`,
		Example: `  espalier pack 3f9a1c22b0de -o lenet.esp
  espalier pack 3f9a1c22b0de -o smallest.esp --compact --smallest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = withExtension(args[0], ".esp")
			}
			if err := refuseOld(out, force); err != nil {
				return err
			}
			net, err := a.anyNetwork(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if fold {
				if net, err = export.Folded(net); err != nil {
					return err
				}
			}
			dense := denseBytes(net)
			if compact {
				if net, err = compacted(net, o); err != nil {
					return err
				}
			}
			data, err := esp.Encode(net, o)
			if err != nil {
				return err
			}
			if err := replaceFile(out, data, force); err != nil {
				return err
			}
			return a.reportPacked(out, net.Name, dense, data)
		},
	}
	outFlags(c, &out, &force, "NAME.esp")
	c.Flags().BoolVar(&fold, "fold", false, "batch normalization folded into the layers before it, and dropout left out")
	c.Flags().BoolVar(&compact, "compact", false, "leave out channels and neurons that make no difference, and put the others in the order that takes the fewest bytes")
	c.Flags().BoolVar(&o.Smallest, "smallest", false, "take the smallest coding also where it is slow to read")
	return c
}

// outFlags are those of commands that write one file.
func outFlags(c *cobra.Command, out *string, force *bool, standard string) {
	c.Flags().StringVarP(out, "out", "o", "", "the file to write")
	c.Flags().Lookup("out").DefValue = standard
	c.Flags().BoolVar(force, "force", false, "write over a file that is there")
}

// withExtension is the file that is named after another, or after what else
// names a network.
func withExtension(name, extension string) string {
	base := filepath.Base(name)
	for _, known := range []string{".safetensors", ".onnx", ".esp"} {
		base = strings.TrimSuffix(base, known)
	}
	return base + extension
}

// compacted is the network without channels that make no difference, the others
// in the order that takes the fewest bytes.
func compacted(net *models.Network, o esp.Options) (*models.Network, error) {
	small, err := channel.Compact(net)
	if err != nil {
		return nil, err
	}
	packing := esp.NewEncoder(o)
	return order.Fewest(small, func(n *models.Network) (int, error) {
		data, err := packing.Encode(n)
		return len(data), err
	})
}

// reportPacked says what was written: a network of this name, whose tensors took
// so many bytes as float32.
func (a *app) reportPacked(path, name string, dense int64, data []byte) error {
	f, err := esp.Open(data)
	if err != nil {
		return err
	}
	sizes, err := f.Sizes()
	if err != nil {
		return err
	}
	p := packedFile{
		File: path, Digest: checkpoint.DigestOf(data), Size: len(data), Dense: dense, Network: name, Input: f.Graph().Input, Sizes: sizes,
	}
	p.Ratio = float64(p.Dense) / float64(p.Size)
	if a.json {
		return a.printJSON(p)
	}
	fmt.Fprintf(a.out, "wrote %s: %s, %s bytes, %.1fx smaller than float32 (%s)\n",
		path, name, humanize.Comma(int64(p.Size)), p.Ratio, humanize.Bytes(uint64(p.Dense)))
	var largest []string
	for _, part := range largestParts(sizes, 3) {
		largest = append(largest, fmt.Sprintf("%s %s", part.name, percent(float64(part.bytes)/float64(p.Size))))
	}
	fmt.Fprintf(a.out, "largest parts: %s\n", strings.Join(largest, ", "))
	return nil
}

// denseBytes is what the tensors of a network take as float32.
func denseBytes(net *models.Network) int64 {
	n := int64(0)
	for _, p := range net.Params {
		n += 4 * int64(len(p.Data))
	}
	return n
}

func unpackCommand(a *app) *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use: "unpack FILE", Short: "Write the network of a packed model file as a checkpoint",
		Long: `Reads a packed model (.esp) and writes its network as a checkpoint, a safetensors
file: the same graph, the same bits of all weights and the same masks as those
that were packed. A spec can begin with it, by network.weights.`,
		Example: "  espalier unpack lenet.esp -o lenet.safetensors",
		RunE: func(_ *cobra.Command, args []string) error {
			net, err := unpacked(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = withExtension(args[0], ".safetensors")
			}
			data, digest, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
			if err != nil {
				return err
			}
			if err := replaceFile(out, data, force); err != nil {
				return err
			}
			return a.say(map[string]any{"file": out, "digest": digest, "size": len(data), "network": net.Name},
				"wrote %s: %s, %s, checkpoint %s\n", out, net.Name, humanize.Bytes(uint64(len(data))), digest.Short())
		},
	}
	outFlags(c, &out, &force, "NAME.safetensors")
	return c
}

// unpacked reads the network of a packed model file.
func unpacked(path string) (*models.Network, error) {
	data, done, err := mapped(path)
	if err != nil {
		return nil, usageError{cause(err, path)}
	}
	defer done()
	if !esp.Packed(data) {
		return nil, usageError{fmt.Errorf("%s is no packed model; make one of a network with: espalier pack", path)}
	}
	net, err := esp.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return net, nil
}
