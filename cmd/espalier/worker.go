package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
)

// workerFlags are those of the command.
type workerFlags struct {
	queues            []string // NAME or NAME=SLOTS
	slots             int
	cores             int
	memory            float64
	gpus              []string
	drain             time.Duration
	notice            string
	deployment, build string
	promote           bool
}

func workerCommand(a *app) *cobra.Command {
	var f workerFlags
	command := &cobra.Command{
		Use: "worker", Short: "Work on the steps of queues until stopped",
		Long: `Polls queues of the server for steps and works on them. SIGTERM or ^C drains: it
takes no more steps, the steps under way save a checkpoint and go back to the
queue, and the worker is no longer listed. That takes --drain-within at most;
schedulers that kill must wait a second longer. --drain-notice does the same once
a file is there or a URL says so: the notice by which a cloud takes a machine
back. Of URLs 200 is a notice, but for FALSE, NONE and Azure's lists without an
event that takes the machine.

What the worker has (cores, memory, GPUs by nvidia-smi, trainers) is listed by
espalier workers and held against what specs ask for in resources. --gpu names
GPUs in place of nvidia-smi: UUID[,NAME,MIB], or none. Each step that asks for
GPUs gets its own; slots may be given by queue, as in --queue gpu=4.

--deployment and --version-name make it a versioned worker (Temporal's Worker
Versioning): runs stay with the version that began them, so an old worker finishes
what it began while new ones take new runs. New runs go to the version that is
current: --promote makes this one so.` + trainerHelp,
		Example: "  espalier worker --queue gpu --trainer pytorch=examples/pytorch/trainer.py\n  espalier worker --queue cpu=2 --queue gpu=4 --drain-within 100s --drain-notice http://169.254.169.254/latest/meta-data/spot/instance-action\n  espalier worker --deployment espalier --version-name 1.4 --promote",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			has, err := a.has(cmd.Context(), f)
			if err != nil {
				return err
			}
			for _, folder := range a.files {
				if info, err := os.Stat(folder); err != nil || !info.IsDir() {
					return usageError{fmt.Errorf("--files %s: a folder of this machine is allowed", folder)}
				}
			}
			if err := a.openLog(); err != nil {
				return err
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			return a.serveSteps(cmd.Context(), c, o, has, f)
		},
	}
	command.Flags().StringArrayVar(&f.queues, "queue", []string{"cpu"}, "queue of steps to work on, as NAME or NAME=SLOTS; may be given several times")
	command.Flags().IntVar(&f.slots, "slots", 1, "steps at a time, of queues that do not say")
	command.Flags().IntVar(&f.cores, "cores", 0, "cores that it says it has; 0 is as many as it computes with")
	command.Flags().Float64Var(&f.memory, "memory", 0, "memory in GiB that it says it has; 0 is the machine's")
	command.Flags().StringArrayVar(&f.gpus, "gpu", nil, "a GPU that it has, as UUID[,NAME,MIB], or none; left out, those of nvidia-smi; may be given several times")
	command.Flags().DurationVar(&f.drain, "drain-within", workers.DrainWithin, "how long steps have to save when it is stopped")
	command.Flags().StringVar(&f.notice, "drain-notice", "", "file or URL by which a cloud says that it takes the machine back")
	command.Flags().StringVar(&f.deployment, "deployment", "", "name of the worker deployment, of versioned workers")
	command.Flags().StringVar(&f.build, "version-name", "", "this version of the deployment")
	command.Flags().BoolVar(&f.promote, "promote", false, "make this version the current one")
	command.Flags().StringSliceVar(&a.files, "files", nil, "folders that specs may have data and networks read from; without it, any")
	a.addTrainers(command)
	a.addMetrics(command)
	return command
}

// options are what the worker serves, or what is wrong with the flags.
func (f workerFlags) options() (workers.Options, error) {
	var o workers.Options
	wrong := func(format string, args ...any) (workers.Options, error) {
		return o, usageError{fmt.Errorf(format, args...)}
	}
	if f.slots < 1 {
		return wrong("--slots %d: at least 1 is allowed", f.slots)
	}
	seen := map[string]bool{}
	for _, text := range f.queues {
		name, number, given := strings.Cut(text, "=")
		s := workers.Served{Queue: name, Slots: f.slots}
		if err := config.CheckQueue(name); err != nil {
			return wrong("--queue %w", err)
		}
		if given {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 {
				return wrong("--queue %q: slots are a whole number of at least 1", text)
			}
			s.Slots = n
		}
		if seen[name] {
			return wrong("--queue %s is given twice", name)
		}
		seen[name] = true
		o.More = append(o.More, s)
	}
	o.Queue, o.Slots, o.More = o.More[0].Queue, o.More[0].Slots, o.More[1:]
	switch {
	case f.cores < 0:
		return wrong("--cores %d: at least 0 is allowed", f.cores)
	case !(f.memory >= 0):
		return wrong("--memory %g: at least 0 is allowed", f.memory)
	case f.drain < time.Second:
		return wrong("--drain-within %s: at least 1s is allowed", f.drain)
	case (f.deployment == "") != (f.build == ""):
		return wrong("--deployment and --version-name: only one of the two is given; want both or neither")
	case f.promote && f.deployment == "":
		return wrong("--promote wants --deployment and --version-name")
	case strings.ContainsAny(f.deployment, "./ "):
		return wrong("--deployment %q: no dots, slashes and spaces are allowed", f.deployment)
	}
	if f.notice != "" {
		if err := workers.CheckNotice(f.notice); err != nil {
			return wrong("--drain-notice %w", err)
		}
	}
	o.DrainWithin, o.Deployment, o.Build = f.drain, f.deployment, f.build
	return o, nil
}

// has is what the worker has, by its flags or else by the machine.
func (a *app) has(ctx context.Context, f workerFlags) (activities.Capability, error) {
	allowed, err := a.allowed()
	if err != nil {
		return activities.Capability{}, err
	}
	c := activities.Capability{Cores: f.cores, Memory: f.memory, Trainers: slices.Sorted(maps.Keys(allowed))}
	if c.Memory == 0 {
		c.Memory = workers.Memory()
	}
	switch {
	case slices.Equal(f.gpus, []string{"none"}):
	case len(f.gpus) > 0:
		if c.GPUs, err = workers.ReadGPUs(strings.Join(f.gpus, "\n")); err != nil {
			return c, usageError{fmt.Errorf("--gpu: %w", err)}
		}
	default:
		if c.GPUs, err = workers.FindGPUs(ctx); err != nil {
			return c, fmt.Errorf("%w; mend the driver, or name the GPUs with --gpu, or --gpu none", err)
		}
	}
	return c, nil
}

// errNoticed ends a worker whose machine is taken away.
var errNoticed = errors.New("the machine is taken back")

// serveSteps works until it is told to stop.
func (a *app) serveSteps(ctx context.Context, c *connection, o workers.Options, has activities.Capability, f workerFlags) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if f.notice != "" {
		go func() {
			if said := workers.AwaitNotice(ctx, f.notice); said != "" {
				a.log.Info("drain notice", "said", said)
				cancel(fmt.Errorf("%w: %s", errNoticed, said))
			}
		}()
	}
	made := a.prepareSteps(nil)
	ready := func() (*activities.Steps, error) {
		steps, err := made()
		if err != nil {
			return nil, err
		}
		if has.Cores == 0 {
			has.Cores = steps.Engine.Fingerprint().Threads
		}
		steps.Machine, steps.LeaveWithin = has, workers.LeaveWithin(o.DrainWithin)
		return steps, nil
	}
	return a.withWorker(ctx, c, ready, o, func(ctx context.Context) error {
		if f.promote {
			if err := workers.Promote(ctx, c.temporal, o.Deployment, o.Build); err != nil {
				return err
			}
		}
		fmt.Fprintf(a.errs, "%s working on %s of %s; checkpoints in %s\n", a.identity, served(o.Served()), c.address, c.store)
		<-ctx.Done()
		why := ""
		if cause := context.Cause(ctx); errors.Is(cause, errNoticed) {
			why = cause.Error() + "; "
		}
		fmt.Fprintln(a.errs, why+"stopping: the steps under way save a checkpoint and go back to the queue")
		return nil
	})
}

// served is "queue cpu" or "queues cpu (2 at a time) and gpu".
func served(all []workers.Served) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = s.Queue
		if s.Slots > 1 {
			words[i] += fmt.Sprintf(" (%d at a time)", s.Slots)
		}
	}
	if len(words) == 1 {
		return "queue " + words[0]
	}
	return "queues " + strings.Join(words, ", ")
}

// announce keeps this worker listed until ctx ends.
func (a *app) announce(ctx context.Context, repo *checkpoint.Repo, o workers.Options) {
	r := workers.Record{Identity: a.identity, Queues: o.Served(), Has: o.Steps.Machine, Version: version, Started: time.Now().UTC()}
	if o.Deployment != "" {
		r.Deployment = o.Deployment + "." + o.Build
	}
	workers.Announce(ctx, repo, r, func(err error) { a.log.Warn("the worker is not listed", "error", err) })
}
