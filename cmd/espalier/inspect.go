package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/compress/esp"
	"espalier/models/export"
	"espalier/models/measure"
	"espalier/workers/local"
)

// inspection is what a checkpoint holds.
type inspection struct {
	Digest  checkpoint.Digest  `json:"digest"`
	Size    int                `json:"size"`
	Network string             `json:"network"`
	Input   []int              `json:"input"`
	Cursor  *checkpoint.Cursor `json:"cursor,omitempty"` // in the middle of training
	Cost    measure.Cost       `json:"cost"`
	Values  map[string]int     `json:"values,omitempty"` // different weights of layers whose weights share values, 0 not counted
}

func inspectCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "inspect CHECKPOINT", Short: "Verify a checkpoint or a packed model and show what is in it",
		Long: `Reads a checkpoint, given as a file or as a digest of the store (its first digits
are enough), verifies its bytes and shows the network by layer. Of a packed model (.esp) it shows what every byte is for.`,
		Example: "  espalier inspect 3f9a1c22b0de",
		RunE: func(cmd *cobra.Command, args []string) error {
			if data, done, err := mapped(args[0]); err == nil {
				defer done()
				if esp.Packed(data) {
					return a.inspectPacked(args[0], data)
				}
			}
			c, digest, size, err := a.readCheckpoint(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			cost, err := measure.Costs(c.Network)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			i := inspection{Digest: digest, Size: size, Network: c.Network.Name, Input: c.Network.Input, Cost: cost, Values: distinct(c.Network)}
			if c.Training != nil {
				i.Cursor = &c.Training.Cursor
			}
			if a.json {
				return a.printJSON(i)
			}
			a.printInspection(i)
			return nil
		},
	}
}

var errNoCheckpoint = errors.New("neither a file nor the first digits (4 to 64, 0-9 and a-f) of a digest")

// readCheckpoint reads a file, which may be a packed model, or an object of the
// store by its digest.
func (a *app) readCheckpoint(ctx context.Context, name string) (*checkpoint.Checkpoint, checkpoint.Digest, int, error) {
	raw, err := os.ReadFile(name)
	if err == nil && esp.Packed(raw) {
		net, err := esp.Decode(raw)
		if err != nil {
			return nil, "", 0, fmt.Errorf("%s: %w", name, err)
		}
		return &checkpoint.Checkpoint{Network: net}, checkpoint.DigestOf(raw), len(raw), nil
	}
	if err == nil {
		c, err := checkpoint.Decode(raw)
		if err != nil {
			return nil, "", 0, notCheckpoint(name, raw, err)
		}
		return c, checkpoint.DigestOf(raw), len(raw), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, "", 0, err
	}
	if !regexp.MustCompile(`^[0-9a-f]{4,64}$`).MatchString(name) {
		return nil, "", 0, usageError{fmt.Errorf("%s is %w", name, errNoCheckpoint)}
	}
	store, done, err := a.anyStore(ctx)
	if err != nil {
		return nil, "", 0, err
	}
	defer done()
	digest, err := complete(ctx, store, name)
	if err != nil {
		return nil, "", 0, err
	}
	c, err := (&checkpoint.Repo{Store: store}).Load(ctx, digest)
	if err != nil {
		return nil, "", 0, err
	}
	info, err := store.Stat(ctx, checkpoint.CheckpointKey(digest))
	return c, digest, int(info.Size), err
}

// notCheckpoint says why a file is none: as a rule it is a network of another
// program.
func notCheckpoint(name string, raw []byte, err error) error {
	how := "espalier import " + name
	if !strings.EqualFold(filepath.Ext(name), ".onnx") {
		if _, foreign := export.Decode(name, raw); foreign != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		how += " --arch NAME"
	}
	return usageError{fmt.Errorf("%s is of another program and no checkpoint; make one of it with: %s", name, how)}
}

// complete finds the one checkpoint whose digest begins so.
func complete(ctx context.Context, store checkpoint.Store, prefix string) (checkpoint.Digest, error) {
	var found []string
	for info, err := range store.List(ctx, "checkpoints/"+prefix) {
		if err != nil {
			return "", err
		}
		if found = append(found, strings.TrimSuffix(filepath.Base(info.Key), ".safetensors")); len(found) > 1 {
			return "", usageError{fmt.Errorf("%s begins several digests: %s, %s and perhaps more", prefix, found[0], found[1])}
		}
	}
	if len(found) == 0 {
		return "", usageError{fmt.Errorf("checkpoint %s: %w in %s", prefix, checkpoint.ErrNotFound, store)}
	}
	return checkpoint.Digest(found[0]), nil
}

// anyStore opens the configured bucket, that of a running server, or, while no
// server runs, the folder in which the embedded gateway keeps its objects.
func (a *app) anyStore(ctx context.Context) (checkpoint.Store, func(), error) {
	if a.env.TemporalConfigured() || a.env.S3 != nil {
		c := &connection{}
		if a.env.S3 != nil {
			c.s3, c.foreign = configuredS3(a.env.S3), true
		}
		store, err := c.openStore(ctx)
		return store, func() {}, err
	}
	if c, err := a.connect(ctx); err == nil {
		store, err := c.openStore(ctx)
		return store, c.close, err
	}
	folder := filepath.Join(a.home, "s3", local.Bucket)
	if _, err := os.Stat(folder); err != nil {
		return nil, nil, fmt.Errorf("no store in %s yet: %w", a.home, err)
	}
	store, err := dirstore.New(folder)
	return store, func() {}, err
}

func (a *app) printInspection(i inspection) {
	fmt.Fprintf(a.out, "checkpoint %s, %s, intact\nnetwork    %s, input %v\n", i.Digest, humanize.Bytes(uint64(i.Size)), i.Network, i.Input)
	if c := i.Cursor; c != nil {
		fmt.Fprintf(a.out, "training   epoch %d, batch %d, optimizer step %s\n", c.Epoch, c.Batch, humanize.Comma(c.Step))
	}
	heads := []string{"layer", "op", ">parameters", ">non-zero", ">sparsity", ">MACs", ">dense", ">sparse (CSR)"}
	if i.Values != nil {
		heads = append(heads, ">values")
	}
	t := newTable(a.out, heads...)
	for _, l := range i.Cost.Layers {
		row := costRow(l.Name, string(l.Op), l.Amounts)
		if n, ok := i.Values[l.Name]; ok {
			row = append(row, humanize.Comma(int64(n)))
		}
		t.AppendRow(row)
	}
	t.AppendRow(costRow("total", "", i.Cost.Amounts))
	t.Render()
}

func costRow(name, op string, m measure.Amounts) table.Row {
	return table.Row{
		name, op, humanize.Comma(m.Params), humanize.Comma(m.NonZero), percent(m.Sparsity()), humanize.Comma(m.MACs),
		humanize.Bytes(uint64(m.Bytes)), humanize.Bytes(uint64(m.SparseBytes)),
	}
}
