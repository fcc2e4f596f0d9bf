// Command espalier compresses neural networks as durable experiments: it
// trains, prunes and fine-tunes what a spec describes, and goes on where it
// was after any crash, with the same bits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"espalier/config"
	"espalier/workers/runs"
)

// The exit codes, also listed in the help of the root command.
const (
	exitOK          = 0
	exitError       = 1   // something outside failed: a server, a disk, a port
	exitUsage       = 2   // the command line or the spec is wrong
	exitRunFailed   = 3   // the run itself ended without a result
	exitInterrupted = 130 // ^C or SIGTERM; the run can go on
)

func main() {
	ctx, stop := interruptible(context.Background())
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs the command line and answers with the exit code. Every error
// comes out here, once, as one line, or one a fault for a spec.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	env, err := config.FromOS()
	if err == nil {
		a := &app{env: env, args: args, out: out, errs: errs}
		root := newRoot(a)
		root.SetArgs(args)
		root.SetOut(out)
		root.SetErr(errs)
		err = root.ExecuteContext(ctx)
		a.endTelling(err)
	} else {
		err = usageError{err}
	}
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errQuiet) {
		fmt.Fprintln(errs, "espalier:", err)
	}
	return exitCode(err)
}

// usageError marks what the user wrote wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// runFailedError marks a run that ended without a result.
type runFailedError struct{ error }

func (e runFailedError) Unwrap() error { return e.error }

// errInterrupted says that the user stopped the command.
var errInterrupted = errors.New("interrupted")

// errQuiet marks an error that has been told already.
var errQuiet = errors.New("")

func exitCode(err error) int {
	var (
		usage  usageError
		failed runFailedError
		faults *config.Faults
	)
	switch {
	case errors.As(err, &faults), errors.As(err, &usage), errors.Is(err, runs.ErrNotFound):
		return exitUsage
	case errors.As(err, &failed):
		return exitRunFailed
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitError
	}
}

// interruptible cancels the context at the first ^C or SIGTERM, so that steps
// save and leave, and ends the process at the second.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
