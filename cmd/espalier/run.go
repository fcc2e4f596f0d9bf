package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers"
	"espalier/workers/runs"
)

func runCommand(a *app) *cobra.Command {
	var set []string
	var page dashboardFlags
	command := &cobra.Command{
		Use: "run SPEC", Short: "Run a spec to its end, with a worker in this process",
		Long: `Runs a spec with a worker in this process and, where no Temporal is configured,
with the embedded servers too. The same spec is the same run: started again after
an interruption it goes on where it was, and once done it prints its result.
Of a spec with a sweep it runs the trials, and prints a line for each. --set
changes a setting; of a sweep's spec such settings make one trial, which is run
alone, as espalier report writes it for each of its rows.

^C or SIGTERM saves a checkpoint and leaves within five seconds; a second ^C
leaves at once. Either way nothing is lost but the work since the last checkpoint.
Where the servers are in another process the run goes on as long as other workers
serve its queue, and watch shows it.` + trainerHelp,
		Example: "  espalier run examples/quickstart.yaml\n  espalier run examples/sweep-digits.yaml --set prune.method=han --set train.seed=2",
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := loadRun(args[0], set)
			if err != nil {
				return err
			}
			if err := a.checkTrainer(spec); err != nil {
				return err
			}
			if page.address != noDashboard {
				if err := page.check(); err != nil {
					return err
				}
			}
			if quiet := a.progress == "none" || a.progress == "json"; quiet && !cmd.Flags().Changed("dashboard") {
				page.address = ""
			}
			return a.work(cmd, job{
				page:   page,
				spec:   spec,
				submit: func(ctx context.Context, c *runs.Client) (string, error) { return c.Submit(ctx, spec) },
				finish: a.finish,
			})
		},
	}
	command.Flags().StringArrayVar(&set, "set", nil, setHelp)
	addDashboard(command, &page, "127.0.0.1:0", "is served as long as the run goes and shows progress")
	a.addProgress(command)
	a.addTrainers(command)
	a.addMetrics(command)
	return command
}

// job is what a command submits and works on to its end.
type job struct {
	spec   *config.Spec
	submit func(context.Context, *runs.Client) (id string, err error)
	finish finisher

	page dashboardFlags // of the page beside it; none without an address

	id   string // once it is submitted
	away bool   // its servers are in another process
}

// work does the job of a command, and says how to go on if it is interrupted.
func (a *app) work(cmd *cobra.Command, j job) error {
	err := a.run(cmd.Context(), &j)
	if errors.Is(err, errInterrupted) || cmd.Context().Err() != nil {
		fmt.Fprint(a.errs, a.leaving(cmd, j))
		return errors.Join(errQuiet, errInterrupted)
	}
	return err
}

// run submits a job and works on it until it has ended. The engine and the
// data are made ready while the servers start.
func (a *app) run(ctx context.Context, j *job) error {
	// The steps take their log when they are made.
	if err := a.openLog(); err != nil {
		return err
	}
	ready := a.prepareSteps(func(s *activities.Steps) {
		if j.spec.Exec == nil {
			s.Warm(ctx, j.spec.Data)
		}
	})
	for {
		err := a.attend(ctx, j, ready)
		if !errors.Is(err, errServersGone) {
			return err
		}
		// They were those of another process; the state is all on disk.
		fmt.Fprintln(a.errs, "the process with the servers has ended; starting them in this one")
	}
}

// attend works on a job for as long as its servers are there.
func (a *app) attend(ctx context.Context, j *job, ready func() (*activities.Steps, error)) (err error) {
	c, err := a.standUp(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	defer func() {
		// Whatever went wrong on the way out of dead servers says nothing.
		var failed runFailedError
		if err != nil && !errors.As(err, &failed) && ctx.Err() == nil && c.gone() {
			err = errServersGone
		}
	}()
	// A store that does not work is noticed before anything is submitted.
	if _, err := c.openStore(ctx); err != nil {
		return err
	}
	id, err := j.submit(ctx, c.runs)
	if err != nil {
		return err
	}
	log := a.log.With("run", id)
	log.Info("run submitted", "spec", j.spec.Name)
	defer func() { log.Info("run left", "error", err) }()
	j.id, j.away = id, c.stack == nil
	defer a.besideRun(ctx, c, j)()
	return a.withWorker(ctx, c, a.equipped(ready), workers.Options{Queue: j.spec.Resources.Queue}, func(ctx context.Context) error {
		return a.follow(ctx, c, id, j.finish)
	})
}

// equipped gives the steps of this process what the machine has.
func (a *app) equipped(ready func() (*activities.Steps, error)) func() (*activities.Steps, error) {
	return func() (*activities.Steps, error) {
		steps, err := ready()
		if err != nil {
			return nil, err
		}
		has, err := a.has(context.Background(), workerFlags{cores: steps.Engine.Fingerprint().Threads})
		if err != nil { // a driver that does not answer is of no use, and no harm to steps without GPUs
			a.log.Warn("GPUs not found", "error", err)
		}
		steps.Machine = has
		return steps, nil
	}
}

// prepareSteps makes this process's steps in the background and, once they
// are there, lets then use the time until they are needed.
func (a *app) prepareSteps(then func(*activities.Steps)) func() (*activities.Steps, error) {
	made := sync.OnceValues(a.stepsWithoutStore)
	go func() {
		if steps, err := made(); err == nil && then != nil {
			then(steps)
		}
	}()
	return made
}

// withWorker runs a worker for as long as do runs. When ctx ends, the worker
// drains before withWorker returns.
func (a *app) withWorker(ctx context.Context, c *connection, ready func() (*activities.Steps, error), o workers.Options, do func(context.Context) error) error {
	store, err := c.openStore(ctx)
	if err != nil {
		return err
	}
	steps, err := ready()
	if err != nil {
		return err
	}
	steps.Repo = &checkpoint.Repo{Store: store, Stale: stale, Damaged: a.telemetry.Damaged}
	steps.Observer = a.telemetry.Observer()
	for _, s := range o.Served() {
		a.telemetry.Serving(s.Queue, s.Slots)
	}
	o.Client, o.Steps = c.temporal, steps
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	var listed sync.WaitGroup
	listed.Go(func() { a.announce(ctx, steps.Repo, o) })
	defer listed.Wait()
	go func() {
		err := workers.New(o).Run(ctx)
		cancel(err)
		done <- err
	}()
	err = do(ctx)
	cancel(nil)
	if failed := <-done; failed != nil {
		return failed
	}
	return err
}

func submitCommand(a *app) *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use: "submit SPEC", Short: "Submit a spec to a server and return; workers take its steps",
		Example: "  espalier submit examples/mnist.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := loadRun(args[0], set)
			if err != nil {
				return err
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.close()
			id, err := c.runs.Submit(cmd.Context(), spec)
			if err != nil {
				return err
			}
			a.warnUnplaced(cmd.Context(), c, spec)
			return a.say(map[string]string{"run": id}, "%s\nwatch it with: espalier watch %s\n", id, id)
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, setHelp)
	return c
}

func (a *app) addProgress(c *cobra.Command) {
	c.Flags().StringVar(&a.progress, "progress", "auto", "how to show progress: auto, live (on a terminal), plain, json or none")
	c.PreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(progressWays(), a.progress) {
			return nil
		}
		return usageError{fmt.Errorf("--progress %q: auto, live, plain, json and none are allowed", a.progress)}
	}
}
