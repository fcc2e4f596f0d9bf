// Command chaos runs a sweep under random faults, and compares what it ends
// with to the same sweep without any.
//
// Everything is real: a Temporal server, an S3 gateway, two workers and a
// client, each a process of the espalier program that is killed, frozen and
// started again; proxies in front of the servers, which spoil requests and
// connections; a disk that fills up; files that are damaged. What is drawn
// depends on the seed alone, when it strikes depends on the machine.
//
// It ends with a table of the faults and with checks of what was promised, and
// with exit code 1 if one of them failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are what the command line says.
type options struct {
	binary  string        // the espalier program
	clocked string        // the same with a clock that jumps; "" for none
	home    string        // folder of everything; "" for a temporary one
	page    string        // file to write the table into; "" for none
	faults  int           // how many
	trials  int           // of the sweep
	epochs  int           // of each training
	seed    uint64        // of what is drawn
	every   time.Duration // mean time between two faults
	outage  time.Duration // of Temporal, once in 50 faults
	within  time.Duration // for everything
	diskMB  int           // of the disk that fills up
	inside  bool          // the process has a mount namespace of its own
}

func parse(args []string, errs io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.binary, "espalier", "bin/espalier", "the espalier `program`")
	f.StringVar(&o.clocked, "clocked", "", "the espalier `program` with a clock that jumps, as make chaos CLOCK=1 builds it")
	f.StringVar(&o.home, "home", "", "`folder` for everything; kept if it is named")
	f.StringVar(&o.page, "page", "", "`file` to write the table into")
	f.IntVar(&o.faults, "faults", 30, "how many faults")
	f.IntVar(&o.trials, "trials", 0, "trials of the sweep; 0 is one for five faults")
	f.IntVar(&o.epochs, "epochs", 200, "epochs of each training")
	f.Uint64Var(&o.seed, "seed", 1, "seed of what is drawn")
	f.DurationVar(&o.every, "every", 1500*time.Millisecond, "mean time between two faults; less if they would not all fall into the sweep")
	f.DurationVar(&o.outage, "outage", time.Minute, "for how long Temporal is out of reach, once in 50 faults")
	f.DurationVar(&o.within, "within", 3*time.Hour, "when to give up")
	f.IntVar(&o.diskMB, "disk", 384, "size of the gateway's disk, in megabytes of memory")
	f.BoolVar(&o.inside, "inside", false, "set by the command itself")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("argument %q: none is expected", f.Arg(0))
	case o.faults < 1:
		return nil, fmt.Errorf("-faults %d: at least 1 is allowed", o.faults)
	case o.trials < 0 || o.epochs < 1:
		return nil, fmt.Errorf("-trials %d and -epochs %d: at least 1 each is allowed", o.trials, o.epochs)
	case o.every <= 0:
		return nil, fmt.Errorf("-every %s: more than 0s is allowed", o.every)
	}
	if o.trials == 0 {
		o.trials = max(4, o.faults/5)
	}
	for _, program := range []*string{&o.binary, &o.clocked} {
		if *program == "" {
			continue
		}
		path, err := filepath.Abs(*program)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("program: %w; make build makes it", err)
		}
		*program = path
	}
	return o, nil
}

// execute is the command: 0 if every promise was kept, 1 if not, 2 for a wrong
// command line.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "chaos:", err)
		return 2
	}
	if code, ok := o.enter(ctx, args, out, errs); ok {
		return code
	}
	if err := o.run(ctx, out); err != nil {
		fmt.Fprintln(errs, "chaos:", err)
		return 1
	}
	return 0
}

// enter runs the command again in a mount namespace of its own, where a disk
// of a small size can be had without being root. It answers false where the
// command is there already, or where the system has no such thing.
func (o *options) enter(ctx context.Context, args []string, out, errs io.Writer) (int, bool) {
	if o.inside {
		return 0, false
	}
	self, err := os.Executable()
	if err != nil {
		return 0, false
	}
	child := exec.CommandContext(ctx, self, append([]string{"-inside"}, args...)...)
	child.Stdout, child.Stderr = out, errs
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	if err := child.Start(); err != nil {
		fmt.Fprintln(errs, "chaos: no namespace of its own, so the full disk is played by the proxy:", err)
		return 0, false
	}
	if err := child.Wait(); err != nil {
		return max(1, child.ProcessState.ExitCode()), true
	}
	return 0, true
}
