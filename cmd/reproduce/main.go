// Command reproduce runs the experiments of the papers that Espalier's methods
// come from, and writes a page with the published numbers beside its own.
//
// It only drives the espalier program, by specs: what is done is found again,
// baselines that several experiments share are trained once, and after any
// crash the same command goes on where it was. The result of a run is kept in
// HOME/results, with its spec beside it, and not asked for again until the spec
// differs. Every number of the page is read from there, or from the record
// beside the page, which has the results of all machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are what the command line says.
type options struct {
	data, home, binary, examples, page string
	only                               *regexp.Regexp
	seeds                              []uint64 // instead of the experiments' own
	list, report, bench                bool
}

// execute is the command: 0 if all that was asked for is there, 1 if a run
// failed, 2 for a wrong command line.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "reproduce:", err)
		return 2
	}
	if err := o.do(ctx, out); err != nil {
		fmt.Fprintln(errs, "reproduce:", err)
		return 1
	}
	return 0
}

func parse(args []string, errs io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("reproduce", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.data, "data", "examples/data", "`folder` with the folders mnist and cifar10; examples/README.md says what is in them")
	f.StringVar(&o.home, "home", ".cache/reproduce", "`folder` of espalier's store and of the results")
	f.StringVar(&o.binary, "espalier", "bin/espalier", "the espalier `program`")
	f.StringVar(&o.examples, "examples", "examples", "`folder` of the example specs, some of which are experiments")
	f.StringVar(&o.page, "page", "docs/reproduction.md", "the `file` that is written; its record of all results and its plots lie beside it")
	only := f.String("only", "", "run only the experiments whose names match this `expression`, and what they stand on")
	seeds := f.String("seeds", "", "run every experiment with these seeds, as 1,2,3, instead of its own")
	f.BoolVar(&o.list, "list", false, "list the experiments, with what there is of each, and end")
	f.BoolVar(&o.report, "report", false, "run nothing, write the page from what is there")
	f.BoolVar(&o.bench, "bench", false, "run nothing, measure how fast the networks are; the machine should have nothing else to do")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q: only flags are allowed", f.Arg(0))
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	for _, text := range strings.FieldsFunc(*seeds, func(r rune) bool { return r == ',' }) {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("-seeds %q: want numbers with commas between them", *seeds)
		}
		o.seeds = append(o.seeds, seed)
	}
	return o, nil
}

// do carries out what is asked for. The page is written whatever happened.
func (o *options) do(ctx context.Context, out io.Writer) error {
	chapters, err := allChapters(os.DirFS(o.examples))
	if err != nil {
		return err
	}
	r, err := o.runner(out)
	if err != nil {
		return err
	}
	experiments := experimentsOf(chapters)
	b, err := r.load(experiments, recordOf(o.page))
	if err != nil {
		return err
	}
	switch {
	case o.list:
		return list(out, b, experiments)
	case o.report:
	case o.bench:
		err = r.bench(ctx, b, benchesOf(chapters), o.only)
	default:
		err = r.runAll(ctx, b, chosen(experiments, o.only))
	}
	return errors.Join(err, writePage(o.page, b, chapters), b.writeRecord(recordOf(o.page), experiments))
}

// runner makes the folders absolute, because specs in HOME/results name them.
func (o *options) runner(out io.Writer) (*runner, error) {
	r := &runner{out: out, seeds: o.seeds}
	for _, p := range []struct {
		at   *string
		path string
	}{{&r.data, o.data}, {&r.home, o.home}, {&r.binary, o.binary}} {
		var err error
		if *p.at, err = filepath.Abs(p.path); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// list prints a line an experiment.
func list(out io.Writer, b *book, experiments []experiment) error {
	for _, e := range experiments {
		if _, err := fmt.Fprintf(out, "%-36s %d of %d seeds\n", e.id, len(b.runs(e.id)), len(b.planned(e))); err != nil {
			return err
		}
	}
	return nil
}
