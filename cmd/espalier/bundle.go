package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/engine"
	"espalier/workers/bundle"
	"espalier/workflows"
)

// bundled is a bundle that was written.
type bundled struct {
	File   string            `json:"file"`
	Run    string            `json:"run"`
	Steps  int               `json:"steps"`
	Files  int               `json:"files"`
	Size   int64             `json:"size"`
	SHA256 string            `json:"sha256"`
	Final  checkpoint.Digest `json:"final,omitempty"`  // of a run
	Trials int               `json:"trials,omitempty"` // of a sweep
}

func bundleCommand(a *app) *cobra.Command {
	var out string
	var force bool
	var o bundle.Options
	c := &cobra.Command{
		Use: "bundle RUN", Short: "Write what the numbers of a run or a sweep stand on into one file",
		Long: `Writes the provenance of a run that has ended, also of a trial of a sweep: its
spec, the digest of its data, every step with its key, seed, checkpoint, machine
and version, the journals of the steps, the numbers, what was done to the run and
by whom, and the final network. manifest.json in it has the SHA-256 of everything
else. The same run makes the same bytes.

Of a sweep it writes the sweep's spec, the table of all trials, what was done to
it and to them, and the same of every trial that left a result, with what several
have in common once.

RUN's result is read from the store; no worker is needed. What persons did to the
run after it ended, tags and notes too, is there while a server runs. Do the steps
again with: espalier reproduce FILE`,
		Example: "  espalier bundle quickstart-1a2b3c4d5e6f -o quickstart.tar\n  espalier bundle sweep-digits-918f3c8a0ed1 -o digits.tar",
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				out = withExtension(args[0], ".tar")
			}
			if err := refuseOld(out, force); err != nil {
				return err
			}
			o.Version = version
			b, err := a.bundle(c.Context(), out, args[0], o, force)
			if err != nil {
				return err
			}
			last := "final        checkpoint " + b.Final.Short()
			if b.Final == "" {
				last = fmt.Sprintf("trials       %d", b.Trials)
			}
			return a.say(b, "wrote %s: %d steps of %s in %d files, %s\nsha256       %s\n%s\n",
				b.File, b.Steps, b.Run, b.Files, humanize.Bytes(uint64(b.Size)), b.SHA256, last)
		},
	}
	outFlags(c, &out, &force, "RUN.tar")
	c.Flags().BoolVar(&o.Checkpoints, "checkpoints", false, "with the networks of all steps, so that each can be done again alone")
	return c
}

// bundle writes the file beside its place first: it has its whole content or is
// not there.
func (a *app) bundle(ctx context.Context, out, run string, o bundle.Options, force bool) (*bundled, error) {
	store, done, err := a.anyStore(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	log, end, err := a.logs(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	o.Log = log
	var b *bundled
	err = replaceBy(out, force, func(file io.Writer) error {
		sum := sha256.New()
		m, err := bundle.Write(ctx, io.MultiWriter(file, sum), &checkpoint.Repo{Store: store}, run, o)
		if err != nil {
			return err
		}
		b = &bundled{File: out, Run: run, Steps: len(m.AllSteps()), Trials: len(m.Trials), Files: len(m.Files) + 2, SHA256: hex.EncodeToString(sum.Sum(nil)), Final: m.Final}
		return nil
	})
	if errors.Is(err, bundle.ErrNoRun) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	b.Size = info.Size()
	return b, nil
}

// logs is what persons did to runs, where a server is there to tell.
func (a *app) logs(ctx context.Context) (of func(context.Context, string) ([]workflows.Entry, error), done func(), err error) {
	c, err := a.connect(ctx)
	if err != nil {
		if a.env.TemporalConfigured() {
			return nil, nil, err
		}
		return nil, func() {}, nil
	}
	return func(ctx context.Context, run string) ([]workflows.Entry, error) {
		log, _, err := c.runs.Log(ctx, run)
		return log, err
	}, c.close, nil
}

// reproduction is what came of doing steps again.
type reproduction struct {
	Run      string             `json:"run"`
	Same     bool               `json:"same"`
	Steps    []bundle.Outcome   `json:"steps"`
	Machine  engine.Fingerprint `json:"machine"`  // this one
	Computed engine.Fingerprint `json:"computed"` // the one of the bundle
}

// reproduceFlags are those of the command.
type reproduceFlags struct {
	steps []string
	all   bool
	data  string
}

func reproduceCommand(a *app) *cobra.Command {
	var f reproduceFlags
	c := &cobra.Command{
		Use: "reproduce BUNDLE", Short: "Do steps of a bundle again and compare the bits",
		Long: `Verifies a bundle, does steps of its run again in a folder of its own, and holds
what they leave against what the bundle says: the same checkpoint to the bit, the
same numbers. No server is needed, and nothing of this machine's runs is used.

Without --step the evaluation of the final network is done again, of a sweep that
of each trial's, which needs what is in the bundle and the data. --step takes the first digits of a step's key
and may be given several times; steps that it stands on are done again too, unless
their checkpoints are in the bundle. --all does every step; what trials of a sweep
share is done once. ESPALIER_THREADS is
that of the bundle unless it is set.

Exit code 3 says that something came out otherwise. The same bits are promised on
one kind of CPU, with one BLAS library and number of threads; where this machine
is another, that is said. Steps of a trainer (exec in a spec) want --trainer, as
run does; what they give again is the trainer's affair.`,
		Example: "  espalier reproduce quickstart.tar --all\n  espalier reproduce quickstart.tar --step 3f9a1c22 --data ~/mnist",
		RunE: func(c *cobra.Command, args []string) error {
			if f.all && len(f.steps) > 0 {
				return misused(c, errors.New("--all and --step exclude each other"))
			}
			r, err := a.reproduce(c.Context(), args[0], f)
			if err != nil {
				return err
			}
			if a.json {
				if err := a.printJSON(r); err != nil {
					return err
				}
			}
			if !r.Same {
				return runFailedError{fmt.Errorf("%s: not all came out as in the bundle", r.Run)}
			}
			return nil
		},
	}
	c.Flags().StringSliceVar(&f.steps, "step", nil, "first digits of the key of a step to do again")
	c.Flags().BoolVar(&f.all, "all", false, "do every step again")
	a.addTrainers(c)
	c.Flags().StringVar(&f.data, "data", "", "where the data set lies here, if elsewhere than in the spec")
	return c
}

func (a *app) reproduce(ctx context.Context, file string, f reproduceFlags) (*reproduction, error) {
	folder, err := os.MkdirTemp("", "espalier-reproduce-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	b, err := openBundle(ctx, file, filepath.Join(folder, "bundle"))
	if err != nil {
		return nil, err
	}
	store, err := dirstore.New(filepath.Join(folder, "store"))
	if err != nil {
		return nil, err
	}
	r := &reproduction{Run: b.Manifest.Run, Same: true, Computed: b.Machine()}
	if a.env.Threads == 0 {
		a.env.Threads = r.Computed.Threads
	}
	steps, err := a.stepsWithoutStore()
	if err != nil {
		return nil, err
	}
	steps.WorkDir = filepath.Join(folder, "work")
	steps.Repo, r.Machine = &checkpoint.Repo{Store: store}, steps.Engine.Fingerprint()
	if len(f.steps) == 0 && !f.all {
		if f.steps = b.Evaluation(); f.steps == nil {
			return nil, usageError{fmt.Errorf("%s has no evaluation of its final network; name steps with --step, or do --all", file)}
		}
	}
	of := ""
	tell := func(o bundle.Outcome) {
		if o.Run != of && !a.json {
			fmt.Fprintln(a.out, o.Run)
		}
		of = o.Run
		r.Steps, r.Same = append(r.Steps, o), r.Same && o.Same
		if !a.json {
			a.printOutcome(o)
		}
	}
	err = b.Reproduce(ctx, steps, f.steps, f.data, tell)
	var missing *bundle.NoStepError
	if errors.As(err, &missing) {
		return nil, usageError{err}
	}
	return r, err
}

func openBundle(ctx context.Context, file, folder string) (*bundle.Bundle, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, usageError{cause(err, file)}
	}
	defer in.Close()
	store, err := dirstore.New(folder)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Read(ctx, in, store)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

// printOutcome prints a line, and what is to say to it below.
func (a *app) printOutcome(o bundle.Outcome) {
	word := "same"
	switch {
	case o.Error != "":
		word = "not done"
	case !o.Same:
		word = "DIFFERENT"
	}
	left := ""
	if o.Want != "" {
		left = "checkpoint " + o.Want.Short()
	}
	fmt.Fprintf(a.out, "%-9s  %-9s pass %-3d step %.12s  %s  %s\n", word, o.Kind, o.Pass, o.Key, o.Took.Round(time.Millisecond), left)
	if o.Error != "" {
		fmt.Fprintf(a.out, "           %s\n", o.Error)
	}
	if o.Got != o.Want && o.Error == "" {
		fmt.Fprintf(a.out, "           checkpoint %s\n", o.Got)
	}
	for _, d := range o.Differences {
		fmt.Fprintf(a.out, "           %s\n", d)
	}
	if o.Machine != "" && !o.Same {
		fmt.Fprintf(a.out, "           this machine may give other bits: %s\n", o.Machine)
	}
}
