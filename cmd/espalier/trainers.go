package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/activities/trainer"
	"espalier/config"
	"espalier/workers"
	"espalier/workflows"
)

// trainerLogBytes is the most that the log of a trainer has, and an older part
// of it beside, however much it prints.
const trainerLogBytes = 16 << 20

const trainerHelp = `

--trainer NAME=COMMAND allows specs to have their steps done by a program, which
they call by the name (exec.trainer) and never by the command. COMMAND is split
at spaces, or is a JSON list of words; no shell reads it. It runs in the folder
of this process, without the credentials of Temporal and S3, and what it prints
goes to HOME/trainers/NAME.log.`

// addTrainers adds the flag that allows programs to train.
func (a *app) addTrainers(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.trainers, "trainer", nil, "a program that specs may have train, as NAME=COMMAND; may be given several times")
}

// allowed are the trainers that the command line allows.
func (a *app) allowed() (map[string]trainer.Command, error) {
	all := make(map[string]trainer.Command)
	for _, text := range a.trainers {
		c, err := a.readTrainer(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--trainer %q: %w", text, err)}
		}
		if _, twice := all[c.Name]; twice {
			return nil, usageError{fmt.Errorf("--trainer %s is given twice", c.Name)}
		}
		all[c.Name] = c
	}
	return all, nil
}

func (a *app) readTrainer(text string) (c trainer.Command, err error) {
	name, command, ok := strings.Cut(text, "=")
	if !ok {
		return c, errors.New("want NAME=COMMAND")
	}
	if err := config.CheckQueue(name); err != nil { // the same names are allowed
		return c, err
	}
	c = trainer.Command{Name: name, Args: strings.Fields(command), Env: config.TrainerEnviron()}
	if strings.HasPrefix(strings.TrimSpace(command), "[") {
		if err := json.Unmarshal([]byte(command), &c.Args); err != nil {
			return c, fmt.Errorf("the command is no JSON list of words: %w", err)
		}
	}
	if len(c.Args) == 0 {
		return c, errors.New("there is no command")
	}
	if c.Args[0], err = exec.LookPath(c.Args[0]); err != nil {
		return c, err
	}
	c.Log = &trainer.Log{Path: filepath.Join(a.home, "trainers", name+".log"), Max: trainerLogBytes}
	return c, nil
}

// workFolder is where this process's trainers get their folders. Those of
// processes of this machine that were killed are removed.
func (a *app) workFolder() string {
	all := filepath.Join(a.home, "work")
	dead := workers.Dead(a.identity)
	if entries, err := os.ReadDir(all); err == nil {
		for _, e := range entries {
			if dead(e.Name()) {
				// What is left now is removed the next time.
				_ = os.RemoveAll(filepath.Join(all, e.Name()))
			}
		}
	}
	return filepath.Join(all, a.identity)
}

// checkTrainer refuses to run a spec here whose trainer is not allowed here.
func (a *app) checkTrainer(spec *config.Spec) error {
	allowed, err := a.allowed()
	if err != nil || spec.Exec == nil {
		return err
	}
	if _, ok := allowed[spec.Exec.Trainer]; !ok {
		name := spec.Exec.Trainer
		return usageError{fmt.Errorf("the spec's steps are done by trainer %s, which is not allowed here; allow it with: --trainer %s=COMMAND", name, name)}
	}
	return nil
}

// explainExec says what a spec of a trainer would do.
func (a *app) explainExec(ctx context.Context, spec *config.Spec, run string) error {
	e := execExplanation{Run: run, Trainer: spec.Exec.Trainer, Steps: 2 + 3*spec.Exec.Passes, CrashCosts: spec.Durability.CheckpointEvery}
	e.Events = eventsPerStep * e.Steps
	for pass := 1; pass <= spec.Exec.Passes; pass++ {
		target, err := spec.Exec.TargetOf(pass)
		if err != nil {
			return err
		}
		e.Targets = append(e.Targets, target)
	}
	e.Placement = a.placement(ctx, spec)
	if a.json {
		return a.printJSON(e)
	}
	e.print(a.out)
	return nil
}

// execExplanation is what the run of a trainer would do. How long it takes only
// the trainer knows.
type execExplanation struct {
	Run        string          `json:"run"`
	Trainer    string          `json:"trainer"`
	Targets    []float64       `json:"targets,omitempty"` // by pass
	Steps      int             `json:"steps"`
	Events     int             `json:"history_events"` // about
	CrashCosts config.Duration `json:"crash_costs_at_most"`

	Placement *workers.Placement `json:"placement,omitempty"` // where a server answers
}

func (e execExplanation) print(out io.Writer) {
	fmt.Fprintf(out, "run        %s\ntrainer    %s, which a worker has to allow: espalier worker --trainer %s=COMMAND\n", e.Run, e.Trainer, e.Trainer)
	if len(e.Targets) > 0 {
		t := newTable(out, "pass", ">target")
		for i, target := range e.Targets {
			t.AppendRow([]any{i + 1, percent(target)})
		}
		fmt.Fprintln(out)
		t.Render()
	}
	fmt.Fprintf(out, "\n%d steps, %s; a crash costs at most %s of training, if the trainer saves as often as it is asked to\n", e.Steps, historyEvents(e.Events), e.CrashCosts)
	printPlacement(out, e.Placement)
}

// mostMetrics is how many of a trainer's own numbers the table has room for.
const mostMetrics = 4

// printMeasured prints the passes of a trainer: what it measured, as far as the
// line goes.
func printMeasured(out io.Writer, rows []workflows.Row) {
	names := map[string]bool{}
	for _, r := range rows {
		for name := range r.Metrics {
			names[name] = true
		}
	}
	own := slices.Sorted(maps.Keys(names))
	own = own[:min(len(own), mostMetrics)]
	header := []string{"pass", ">sparsity", ">accuracy"}
	for _, name := range own {
		header = append(header, ">"+name)
	}
	t := newTable(out, append(header, ">files", "checkpoint", "")...)
	for _, r := range rows {
		name, mark := fmt.Sprint(r.Pass), ""
		if r.Pass == 0 {
			name = "dense"
		}
		if !r.Kept {
			mark = "not kept"
		}
		row := []any{name, percent(r.Sparsity), percent(r.Accuracy)}
		for _, name := range own {
			v, ok := r.Metrics[name]
			if !ok {
				row = append(row, "")
				continue
			}
			row = append(row, strconv.FormatFloat(v, 'g', 6, 64))
		}
		t.AppendRow(append(row, humanize.Bytes(uint64(r.Size)), r.Checkpoint.Short(), mark))
	}
	t.Render()
}
