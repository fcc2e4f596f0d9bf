package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
)

// staleAfter is the age from which on a checkpoint that is there already is
// written anew when a step saves it: it may be garbage of which a collection
// is under way.
const staleAfter = time.Hour

// stale is for the repos of workers.
func stale(info checkpoint.Info) bool { return time.Since(info.Modified) > staleAfter }

// collection is what a garbage collection found.
type collection struct {
	Store   string   `json:"store"`
	Before  string   `json:"before"`
	Found   []string `json:"found"` // keys
	Bytes   int64    `json:"bytes"`
	Deleted int      `json:"deleted"`
}

func gcCommand(a *app) *cobra.Command {
	var grace time.Duration
	var remove bool
	command := &cobra.Command{
		Use: "gc", Short: "Find, and remove, what nothing in the store refers to",
		Long: `Lists the objects of the store that nothing refers to: checkpoints that no
journal, result, run, sweep or tag names, which crashes leave behind, damaged
objects that were put aside, what probes left, and how runs stood that no worker has
written down since. With --delete they are removed.

What is younger than --grace stays. Below 2h use it only while no step is at
work: a step saves a checkpoint before it records it.`,
		Example: "  espalier gc\n  espalier gc --delete",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if grace < 0 {
				return usageError{fmt.Errorf("--grace %s: at least 0s is allowed", grace)}
			}
			store, done, err := a.anyStore(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			repo, before := &checkpoint.Repo{Store: store}, time.Now().Add(-grace)
			garbage, err := repo.Garbage(cmd.Context(), before)
			if err != nil {
				return err
			}
			c := collection{Store: store.String(), Before: before.UTC().Format(time.RFC3339), Found: []string{}}
			for _, info := range garbage {
				c.Found = append(c.Found, info.Key)
				c.Bytes += info.Size
				if !remove {
					continue
				}
				gone, err := repo.Discard(cmd.Context(), info)
				if err != nil {
					return err
				}
				if gone {
					c.Deleted++
				}
			}
			return a.printCollection(c, remove)
		},
	}
	command.Flags().DurationVar(&grace, "grace", 24*time.Hour, "age that an object must have to be removed")
	command.Flags().BoolVar(&remove, "delete", false, "remove what is found")
	return command
}

func (a *app) printCollection(c collection, remove bool) error {
	if a.json {
		return a.printJSON(c)
	}
	for _, key := range c.Found {
		fmt.Fprintln(a.out, key)
	}
	size := humanize.Bytes(uint64(c.Bytes))
	switch {
	case len(c.Found) == 0:
		fmt.Fprintf(a.out, "nothing in %s is without a reference\n", c.Store)
	case remove:
		fmt.Fprintf(a.out, "removed %d of %d objects, %s, from %s\n", c.Deleted, len(c.Found), size, c.Store)
	default:
		fmt.Fprintf(a.out, "%d objects, %s, that nothing in %s refers to; remove them with: espalier gc --delete\n", len(c.Found), size, c.Store)
	}
	return nil
}
