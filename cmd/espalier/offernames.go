package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

// mostOffered is how many names are asked for; more are of no use to a person.
const mostOffered = 100

// Which runs a command takes.
func running(v *runs.View) bool { return v.State == workflows.StateRunning }
func paused(v *runs.View) bool  { return v.State == workflows.StatePaused }
func open(v *runs.View) bool    { return v.Closed.IsZero() }
func notScan(v *runs.View) bool { return v.Kind != runs.KindSensitivity }
func single(v *runs.View) bool  { return v.Kind == "" || v.Kind == runs.KindTrial }

func finished(v *runs.View) bool { return notScan(v) && v.State == workflows.StateDone }

// retried are runs that failed or were cancelled, and sweeps with such trials.
func retried(v *runs.View) bool {
	return v.State == workflows.StateFailed || v.State == workflows.StateCancelled || v.Summary.Failed > 0
}

// trialsFrom is a prefix that trials of a sweep have and no sweep: the id of a
// sweep and a dash.
var trialsFrom = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{12}-`)

// runNames offers the ids of the newest runs and sweeps that fit, or, behind the
// id of a sweep and a dash, those of its trials. A nil fits takes all.
func (a *app) runNames(fits func(*runs.View) bool) offer {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return a.asked(cmd, func(ctx context.Context, c *connection) ([]string, error) {
			views, err := begunWith(ctx, c.runs, prefix)
			var ids []string
			for _, v := range views {
				if fits == nil || fits(&v) {
					ids = append(ids, cobra.CompletionWithDesc(v.ID, about(&v)))
				}
			}
			return ids, err
		})
	}
}

// begunWith are the runs that a prefix may be of.
func begunWith(ctx context.Context, c *runs.Client, prefix string) ([]runs.View, error) {
	if trialsFrom.MatchString(prefix) {
		return c.Trials(ctx, prefix, mostOffered)
	}
	return c.List(ctx, mostOffered)
}

// about is what a person knows a run by.
func about(v *runs.View) string {
	text := v.State
	if v.Summary.Final != "" {
		text += fmt.Sprintf(", %s at sparsity %s", percent(v.Summary.Accuracy), percent(v.Summary.Sparsity))
	}
	return text
}

// networkNames offers files with some ends, digests of checkpoints and, where
// runs stand for their networks, runs and their passes.
func (a *app) networkNames(byRun bool, ends ...string) offer {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if onDisk(prefix) {
			return ends, cobra.ShellCompDirectiveFilterFileExt
		}
		if id, _, pass := strings.Cut(prefix, "@"); pass && byRun {
			return a.asked(cmd, func(ctx context.Context, c *connection) ([]string, error) {
				var offered []string
				rows, err := rowsOf(ctx, c.runs, id)
				for _, r := range rows {
					offered = append(offered, cobra.CompletionWithDesc(fmt.Sprintf("%s@%d", id, r.Pass), reachedIn(r)))
				}
				return offered, err
			})
		}
		offered, _ := a.asked(cmd, func(ctx context.Context, c *connection) ([]string, error) {
			views, err := begunWith(ctx, c.runs, prefix)
			var offered []string
			for _, v := range views {
				if v.Summary.Final == "" {
					continue
				}
				if byRun && single(&v) {
					offered = append(offered, cobra.CompletionWithDesc(v.ID, about(&v)))
				}
				if !trialsFrom.MatchString(prefix) {
					offered = append(offered, cobra.CompletionWithDesc(checkpoint.Digest(v.Summary.Final).Short(), "of "+v.ID+": "+about(&v)))
				}
			}
			return offered, err
		})
		offered = append(offered, a.storedDigests(cmd, prefix)...)
		if len(offered) == 0 {
			return ends, cobra.ShellCompDirectiveFilterFileExt
		}
		return offered, cobra.ShellCompDirectiveNoFileComp
	}
}

// onDisk says whether a prefix begins a path.
func onDisk(prefix string) bool {
	if strings.ContainsRune(prefix, filepath.Separator) || strings.HasPrefix(prefix, ".") || strings.HasPrefix(prefix, "~") {
		return true
	}
	if prefix == "" {
		return false
	}
	found, err := filepath.Glob(escaped.Replace(prefix) + "*")
	return err == nil && len(found) > 0
}

var escaped = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// digits begin a digest; fewer would begin too many.
var digits = regexp.MustCompile(`^[0-9a-f]{2,64}$`)

// storedDigests are those checkpoints of the store that digits begin. While no
// server runs they are those of the home's folder.
func (a *app) storedDigests(cmd *cobra.Command, prefix string) (offered []string) {
	if _, err := os.Stat(a.home); !digits.MatchString(prefix) || err != nil && !a.env.TemporalConfigured() {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), offerWithin)
	defer cancel()
	store, done, err := a.anyStore(ctx)
	if err != nil {
		return nil
	}
	defer done()
	key := checkpoint.CheckpointKey(checkpoint.Digest(prefix))
	key = key[:strings.LastIndex(key, prefix)+len(prefix)]
	for info, err := range store.List(ctx, key) {
		if err != nil || len(offered) == mostOffered {
			return offered
		}
		digest, _, _ := strings.Cut(filepath.Base(info.Key), ".")
		offered = append(offered, cobra.CompletionWithDesc(digest[:max(12, min(len(prefix), len(digest)))], humanize.Bytes(uint64(info.Size))))
	}
	return slices.Compact(offered)
}

// rowsOf are the passes of a run, none if no worker answers for them.
func rowsOf(ctx context.Context, c *runs.Client, id string) ([]workflows.Row, error) {
	v, err := c.Look(ctx, id, true)
	if err != nil || v.Reached == nil {
		return nil, err
	}
	return v.Reached.Rows, nil
}

func reachedIn(r workflows.Row) string {
	return fmt.Sprintf("%s at sparsity %s, checkpoint %s", percent(r.Accuracy), percent(r.Sparsity), r.Checkpoint.Short())
}

// passesOf offers the passes of the run that is forked, or their checkpoints
// once digits of those begin.
func (a *app) passesOf(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.ofRun(cmd, args, func(ctx context.Context, c *connection) (offered []string, err error) {
		rows, err := rowsOf(ctx, c.runs, args[0])
		for _, r := range rows {
			offered = append(offered, cobra.CompletionWithDesc(strconv.Itoa(r.Pass), reachedIn(r)))
			if prefix != "" {
				offered = append(offered, cobra.CompletionWithDesc(r.Checkpoint.Short(), fmt.Sprintf("pass %d: %s", r.Pass, reachedIn(r))))
			}
		}
		return offered, err
	})
}

// ofRun asks about the run that is the command's first argument.
func (a *app) ofRun(cmd *cobra.Command, args []string, ask func(context.Context, *connection) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.asked(cmd, ask)
}

// settingsOf offers the paths of the settings that a run was submitted with.
func (a *app) settingsOf(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(prefix, "=") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offered, how := a.ofRun(cmd, args, func(ctx context.Context, c *connection) ([]string, error) {
		spec, err := c.runs.Spec(ctx, args[0])
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(spec)
		if err != nil {
			return nil, err
		}
		var tree map[string]any
		if err := json.Unmarshal(text, &tree); err != nil {
			return nil, err
		}
		return paths(tree, ""), nil
	})
	return offered, how | cobra.ShellCompDirectiveNoSpace
}

// paths are the settings below a tree of a spec, as PATH= with their values.
func paths(tree map[string]any, above string) (offered []string) {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if below, ok := tree[key].(map[string]any); ok {
			offered = append(offered, paths(below, above+key+".")...)
			continue
		}
		offered = append(offered, cobra.CompletionWithDesc(above+key+"=", fmt.Sprint("is ", tree[key])))
	}
	return offered
}

// failedTrials offers the numbers of a sweep's trials that can be tried again.
func (a *app) failedTrials(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.ofRun(cmd, args, func(ctx context.Context, c *connection) (offered []string, err error) {
		v, err := c.runs.Look(ctx, args[0], true)
		if err != nil || v.Sweep == nil {
			return nil, err
		}
		for _, t := range v.Sweep.Trials {
			if t.State == workflows.StateFailed || t.State == workflows.StateCancelled {
				offered = append(offered, cobra.CompletionWithDesc(strconv.Itoa(t.Trial), t.Why))
			}
		}
		return offered, nil
	})
}

// queueNames offers the queues that live workers serve.
func (a *app) queueNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.asked(cmd, func(ctx context.Context, c *connection) ([]string, error) {
		live, err := a.live(ctx, c)
		served := map[string]int{"cpu": 0}
		for _, r := range live {
			for _, q := range r.Queues {
				served[q.Queue]++
			}
		}
		var offered []string
		for _, name := range slices.Sorted(maps.Keys(served)) {
			offered = append(offered, cobra.CompletionWithDesc(name, fmt.Sprintf("%d live workers", served[name])))
		}
		return offered, err
	})
}

// tagWords offers the tags that runs have; of a run from which some are taken,
// its own.
func (a *app) tagWords(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.asked(cmd, func(ctx context.Context, c *connection) ([]string, error) {
		if remove := cmd.Flags().Lookup("remove"); remove != nil && remove.Changed && len(args) > 0 {
			_, tags, err := c.runs.Log(ctx, args[0])
			return tags, err
		}
		views, err := c.runs.List(ctx, mostOffered)
		if err == nil {
			err = c.runs.AnnotateAll(ctx, views)
		}
		var all []string
		for _, v := range views {
			all = append(all, v.Tags...)
		}
		slices.Sort(all)
		return slices.Compact(all), err
	})
}
