package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/activities/trainer"
	"espalier/models/checkpoint"
)

// keptFiles is a checkpoint of a trainer.
type keptFiles struct {
	Checkpoint checkpoint.Digest `json:"checkpoint"`
	Folder     string            `json:"folder,omitempty"` // that they were written to
	Files      []keptFile        `json:"files"`
}

type keptFile struct {
	Name   string            `json:"name"`
	Size   int               `json:"size"`
	Digest checkpoint.Digest `json:"sha256"`
}

func filesCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "files CHECKPOINT", Short: "List the files of a trainer's network, or write them into a folder",
		Long: `Lists the files that a trainer of another language (exec in a spec) has left as
its network, and with --out writes them into a new folder.

CHECKPOINT is a digest of the store (its first digits are enough), a run, of
which the last pass that was kept is taken, or a pass of a run as RUN@PASS.`,
		Example: "  espalier files pytorch-1a2b3c4d5e6f --out network",
		RunE: func(c *cobra.Command, args []string) error {
			if out != "" {
				if _, err := os.Lstat(out); err == nil {
					return usageError{fmt.Errorf("--out %s: there is something already; name a new folder", out)}
				}
			}
			found, files, err := a.trainersFiles(c.Context(), args[0])
			if err != nil {
				return err
			}
			if out != "" {
				found.Folder = out
				if err := writeFolder(out, files); err != nil {
					return err
				}
			}
			if a.json {
				return a.printJSON(found)
			}
			t := newTable(a.out, "file", ">size", "sha256")
			for _, f := range found.Files {
				t.AppendRow([]any{f.Name, humanize.Bytes(uint64(f.Size)), f.Digest.Short()})
			}
			t.Render()
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the folder to write the files into, which must not be there yet")
	return c
}

// trainersFiles reads the checkpoint that is named.
func (a *app) trainersFiles(ctx context.Context, name string) (*keptFiles, []checkpoint.File, error) {
	if runID.MatchString(name) {
		digest, err := a.reachedBy(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		name = string(digest)
	}
	if !regexp.MustCompile(`^[0-9a-f]{4,64}$`).MatchString(name) {
		return nil, nil, usageError{fmt.Errorf("%s is no run and no digest (its first 4 to 64 digits, 0-9 and a-f)", name)}
	}
	store, done, err := a.anyStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	digest, err := complete(ctx, store, name)
	if err != nil {
		return nil, nil, err
	}
	files, err := (&checkpoint.Repo{Store: store}).LoadFiles(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	found := &keptFiles{Checkpoint: digest}
	for _, f := range files {
		found.Files = append(found.Files, keptFile{f.Name, len(f.Data), checkpoint.DigestOf(f.Data)})
	}
	return found, files, nil
}

// writeFolder makes a folder with files, and leaves none that is not whole.
func writeFolder(folder string, files []checkpoint.File) error {
	unfinished, err := os.MkdirTemp(filepath.Dir(folder), ".new-*")
	if err != nil {
		return cause(err, "write "+folder)
	}
	err = trainer.WriteFolder(unfinished, files)
	if err == nil {
		err = os.Rename(unfinished, folder)
	}
	if err != nil {
		return errors.Join(cause(err, "write "+folder), os.RemoveAll(unfinished))
	}
	return nil
}
