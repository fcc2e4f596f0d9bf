package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"espalier/config"
	"espalier/workflows"
)

// verification is what verify-resume found.
type verification struct {
	Same          bool          `json:"same"`
	Uninterrupted string        `json:"uninterrupted"` // final checkpoint digests
	Interrupted   string        `json:"interrupted"`
	Seed          uint64        `json:"seed"`
	Kills         int           `json:"kills"`
	InTraining    int           `json:"in_training"`       // kills that hit a training step
	Repeated      time.Duration `json:"most_repeated_ns"`  // the most training that one kill cost
	Interval      time.Duration `json:"interval_ns"`       // what the spec allows
	Clean         time.Duration `json:"uninterrupted_ns"`  // wall time
	Total         time.Duration `json:"interrupted_ns"`    // wall time of all the pieces
	SlowestResume time.Duration `json:"slowest_resume_ns"` // process start to the training that it resumes
}

func verifyResumeCommand(a *app) *cobra.Command {
	var kills int
	var seed uint64
	var keep bool
	command := &cobra.Command{
		Use: "verify-resume SPEC", Short: "Kill and resume a run on this machine and compare the final bits",
		Long: `Runs the spec twice with embedded servers in two fresh folders: once without
interruption, once killed with SIGKILL at random moments and started again each
time. The final checkpoints must have the same digest, and no kill may repeat
more training than one checkpoint interval.`,
		Example: "  espalier verify-resume examples/quickstart.yaml --kills 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			if kills < 1 {
				return usageError{fmt.Errorf("--kills %d: at least 1 is allowed", kills)}
			}
			spec, err := loadSpec(args[0])
			if err != nil {
				return err
			}
			if spec.Sweep != nil {
				return usageError{fmt.Errorf("spec %s has a sweep; verify-resume wants one without", args[0])}
			}
			if err := a.checkTrainer(spec); err != nil {
				return err
			}
			folder, err := os.MkdirTemp("", "espalier-verify-")
			if err != nil {
				return err
			}
			if keep {
				fmt.Fprintln(a.errs, "folders are kept in", folder)
			} else {
				defer os.RemoveAll(folder)
			}
			v := &verifier{a: a, spec: args[0], folder: folder, random: rand.New(rand.NewPCG(seed, 0))}
			found, err := v.verify(cmd.Context(), kills)
			if err != nil {
				return err
			}
			found.Seed, found.Interval = seed, time.Duration(spec.Durability.CheckpointEvery)
			return a.report(found)
		},
	}
	command.Flags().IntVar(&kills, "kills", 5, "how often the run is killed")
	command.Flags().Uint64Var(&seed, "seed", 1, "seed of the moments; the same seed draws the same")
	command.Flags().BoolVar(&keep, "keep", false, "keep the folders of both runs")
	a.addTrainers(command)
	return command
}

func (a *app) report(v *verification) error {
	var err error
	switch {
	case !v.Same:
		err = runFailedError{fmt.Errorf("the resumed run ended with %s, the uninterrupted one with %s", v.Interrupted, v.Uninterrupted)}
	case v.Repeated > v.Interval+slack:
		err = runFailedError{fmt.Errorf("a kill repeated %s of training, the spec allows %s", v.Repeated, v.Interval)}
	}
	return errors.Join(err, a.say(v, "%d kills (%d in training): final checkpoint %s both times\nmost training repeated by a kill: %s (checkpoint interval %s)\nslowest resume: %s\n",
		v.Kills, v.InTraining, v.Interrupted, v.Repeated.Round(time.Millisecond), v.Interval, v.SlowestResume.Round(time.Millisecond)))
}

// verifier runs child processes of this program.
type verifier struct {
	a      *app
	spec   string
	folder string
	random *rand.Rand
}

func (v *verifier) verify(ctx context.Context, kills int) (*verification, error) {
	found := &verification{Kills: kills}
	var err error
	begun := time.Now()
	if found.Uninterrupted, err = v.finish(ctx, "uninterrupted"); err != nil {
		return nil, err
	}
	found.Clean = time.Since(begun)
	begun = time.Now()
	var killed []time.Time
	for i := range kills {
		after := v.moment(found.Clean, kills)
		ended, err := v.killAfter(ctx, after)
		killed = append(killed, time.Now())
		if err != nil {
			return nil, err
		}
		if ended {
			fmt.Fprintf(v.a.errs, "the run ended within %s, before kill %d of %d\n", after.Round(time.Millisecond), i+1, kills)
			found.Kills = i
			break
		}
		fmt.Fprintf(v.a.errs, "kill %d of %d after %s\n", i+1, kills, after.Round(time.Millisecond))
	}
	if found.Kills == 0 {
		return nil, errors.New("the run ended before the first kill, which shows nothing; take a longer spec or another --seed")
	}
	if found.Interrupted, err = v.finish(ctx, "interrupted"); err != nil {
		return nil, err
	}
	found.Total = time.Since(begun)
	found.Same = found.Uninterrupted == found.Interrupted
	return found, found.measure(filepath.Join(v.folder, "interrupted", "worker.log"), killed)
}

// moment draws when to kill: one in five during the start, the others so that
// all kills together fall within the run.
func (v *verifier) moment(clean time.Duration, kills int) time.Duration {
	start := min(1500*time.Millisecond, clean/2)
	if v.random.IntN(5) == 0 {
		return time.Duration(v.random.Int64N(int64(start)))
	}
	return start + time.Duration(v.random.Int64N(2*int64(clean-start)/int64(kills+1)+1))
}

func (v *verifier) command(ctx context.Context, home string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	var out, errs bytes.Buffer
	args := []string{"run", v.spec, "--home", filepath.Join(v.folder, home), "--json", "--progress", "none", "--log-level", "debug"}
	for _, t := range v.a.trainers {
		args = append(args, "--trainer", t)
	}
	child := exec.CommandContext(ctx, self, args...)
	child.Env = config.EmbeddedEnviron()
	child.Stdout, child.Stderr = &out, &errs
	// ^C in the terminal is for the parent, which ends the child by itself.
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return child, &out, &errs, nil
}

// finish runs the spec to its end and answers with the final digest.
func (v *verifier) finish(ctx context.Context, home string) (string, error) {
	child, out, errs, err := v.command(ctx, home)
	if err != nil {
		return "", err
	}
	if err := child.Run(); err != nil {
		return "", fmt.Errorf("the %s run: %w: %s", home, err, bytes.TrimSpace(errs.Bytes()))
	}
	var result workflows.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return "", fmt.Errorf("the %s run's result: %w", home, err)
	}
	return string(result.Final), nil
}

// killAfter starts the interrupted run and kills it; ended says that it was
// done before.
func (v *verifier) killAfter(ctx context.Context, after time.Duration) (ended bool, err error) {
	child, _, errs, err := v.command(ctx, "interrupted")
	if err != nil {
		return false, err
	}
	if err := child.Start(); err != nil {
		return false, err
	}
	timer := time.AfterFunc(after, func() {
		// A child that has ended meanwhile cannot be killed, which Wait tells.
		_ = child.Process.Kill()
	})
	err = child.Wait()
	timer.Stop()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, errInterrupted
	case err == nil:
		return true, nil
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		return false, nil
	default:
		return false, fmt.Errorf("the interrupted run ended by itself: %w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
}

// slack is how much later than planned a checkpoint may come on a busy machine.
const slack = 250 * time.Millisecond

// logLine is what a worker's log tells of progress.
type logLine struct {
	Time    time.Time `json:"time"`
	Message string    `json:"msg"`
	Key     string    `json:"key"`
	Step    int64     `json:"step"`
}

// measure reads from the log of the killed worker what each kill cost: from
// when an attempt was where the next one begins, to the kill.
func (found *verification) measure(path string, killed []time.Time) error {
	log, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("what the kills cost: %w", err)
	}
	reached := make(map[string]map[int64]time.Time) // by step key: when the newest attempt was at an optimizer step
	var started, begun time.Time
	for text := range bytes.Lines(log) {
		var l logLine
		if json.Unmarshal(text, &l) != nil { // a line that the kill cut short
			continue
		}
		switch l.Message {
		case "process starts":
			started = l.Time
		case "training begins":
			if at, ok := reached[l.Key][l.Step]; ok {
				found.InTraining++
				found.Repeated = max(found.Repeated, firstAfter(killed, at).Sub(at))
			}
			reached[l.Key] = map[int64]time.Time{l.Step: l.Time}
			begun = l.Time
		case "snapshot":
			if at := reached[l.Key]; at != nil {
				at[l.Step] = l.Time
			}
		case "training":
			if !started.IsZero() && begun.After(started) {
				found.SlowestResume = max(found.SlowestResume, begun.Sub(started))
				started = time.Time{}
			}
		}
	}
	return nil
}

// firstAfter is the first of the times, which are in order, after one; or that
// one itself if there is none.
func firstAfter(times []time.Time, after time.Time) time.Time {
	for _, t := range times {
		if t.After(after) {
			return t
		}
	}
	return after
}
