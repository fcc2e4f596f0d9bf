package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"espalier/activities/trainer"
	"espalier/config"
	"espalier/models/checkpoint"
)

// conversation is an attempt's with its trainer: it listens, commits the
// checkpoints that are announced, and ends a trainer that is frozen or has to
// leave.
type conversation struct {
	a      *attempt
	in     ExternalInput
	p      *trainer.Process
	output string

	result  *trainer.Message
	next    []trainer.Message // the newest checkpoints that wait to be committed
	running chan error        // the commit under way; nil if there is none
	why     error             // why the trainer has to leave or was killed; nil if it need not
	frozen  bool
	killAt  <-chan time.Time // when a trainer that has to end is killed
	stop    func()           // ends commits under way
}

const (
	// listenEvery is the beat at which a trainer shows that it lives.
	listenEvery = time.Second
	// endWithin is how long a trainer may take to end after its result.
	endWithin = 30 * time.Second
)

func newConversation(a *attempt, in ExternalInput, p *trainer.Process, output string) *conversation {
	c := &conversation{a: a, in: in, p: p, output: output}
	var at checkpoint.Cursor
	if a.from != nil && a.from.Training != nil {
		at = a.from.Training.Cursor
	}
	a.pulse.set(func(g *Progress) {
		g.Phase, g.Cursor, g.From, g.SavedStep, g.SavedAt = c.phase(), at, at.Step, at.Step, time.Now()
	})
	a.begins(at)
	return c
}

func (c *conversation) phase() string {
	return map[string]string{config.ExecPrune: "pruning", config.ExecEvaluate: "evaluating"}[c.in.Kind]
}

// run listens until the trainer has ended and all that it left is committed.
func (c *conversation) run(ctx context.Context) (checkpoint.Result, error) {
	drain, done := c.a.drain, ctx.Done()
	tick := time.NewTicker(min(listenEvery, time.Duration(c.in.Silence)/4))
	defer tick.Stop()
	// Commits outlive a cancellation: what the trainer saves on leaving counts.
	saving, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	defer stop()
	for messages := c.p.Messages(); messages != nil; {
		select {
		case m, ok := <-messages:
			if !ok {
				messages = nil
				break
			}
			c.hear(saving, m)
		case err := <-c.running:
			c.committed(saving, err)
		case <-done:
			done = nil
			c.leave(ctx.Err())
		case <-drain:
			drain = nil
			c.leave(errDrained)
		case <-c.killAt:
			c.frozen = c.why == nil
			c.p.Kill()
		case <-tick.C:
			c.look()
		}
	}
	for c.running != nil || len(c.next) > 0 {
		c.commit(saving)
		c.committed(saving, <-c.running)
	}
	return c.end(ctx)
}

// leave asks the trainer to save and end, and gives it a while to do so. The
// last part of that is for committing what it saved.
func (c *conversation) leave(why error) {
	if c.why != nil {
		return
	}
	c.why = why
	c.p.Leave()
	within := c.a.steps.leaveWithin()
	c.killAt = time.After(savePart(within))
	time.AfterFunc(within, c.stop)
}

// savePart is what a trainer has of the time that it takes to leave.
func savePart(within time.Duration) time.Duration { return within * 3 / 4 }

// kill ends the trainer for a reason that is not its own.
func (c *conversation) kill(why error) {
	c.why = why
	c.p.Kill()
}

// look kills a trainer that is silent for too long, and otherwise says that it lives.
func (c *conversation) look() {
	if c.p.Quiet() > time.Duration(c.in.Silence) && c.why == nil {
		c.frozen = true
		c.p.Kill()
	}
	c.a.pulse.set(func(*Progress) {})
}

func (c *conversation) hear(ctx context.Context, m trainer.Message) {
	switch m.Kind {
	case trainer.MessageResult:
		c.result = &m
		if c.killAt == nil {
			c.killAt = time.After(endWithin)
		}
	case trainer.MessageCheckpoint:
		c.a.log.Debug("snapshot", "step", m.Step)
		c.next = append(c.next, m)
		if over := len(c.next) - mostWaiting; over > 0 {
			c.discard(c.next[:over])
			c.next = c.next[over:]
		}
		c.commit(ctx)
	default:
		c.a.log.Debug("training", "step", m.Step)
		c.a.pulse.set(func(g *Progress) {
			g.Cursor = cursorOf(m)
			g.Epochs, g.Batches, g.Loss, g.Accuracy, g.LR, g.Rate = m.Epochs, m.Batches, m.Loss, m.Accuracy, m.LR, m.Rate
			g.Phase = c.phase()
			if m.Phase != "" {
				g.Phase = fmt.Sprintf("%.40s", m.Phase)
			}
		})
	}
}

func cursorOf(m trainer.Message) checkpoint.Cursor {
	return checkpoint.Cursor{Epoch: max(0, m.Epoch), Batch: max(0, m.Batch), Step: max(0, m.Step)}
}

// maxNotes bounds what heartbeats carry of checkpoints that were not what was
// announced.
const maxNotes = 4

// mostWaiting is how many checkpoints wait while one is committed: the newest,
// and one to fall back on should it not be what was announced.
const mostWaiting = 2

// commit begins to commit the newest checkpoint that waits, if none is under way.
func (c *conversation) commit(ctx context.Context) {
	if c.running != nil || len(c.next) == 0 {
		return
	}
	waiting, done := c.next, make(chan error, 1)
	c.next, c.running = nil, done
	go func() { done <- c.store(ctx, waiting) }()
}

// store commits the newest checkpoint that is what was announced. Others are
// named and left: what is committed already counts.
func (c *conversation) store(ctx context.Context, waiting []trainer.Message) error {
	defer c.discard(waiting)
	for _, m := range slices.Backward(waiting) {
		files, err := trainer.ReadFolder(c.output, m)
		if err == nil {
			return c.record(ctx, m, files)
		}
		c.a.log.Warn("checkpoint of the trainer not committed", "error", err)
		c.a.pulse.set(func(g *Progress) {
			g.Notes = append(slices.Clone(g.Notes[max(0, len(g.Notes)-maxNotes+1):]), err.Error())
		})
	}
	return nil
}

func (c *conversation) record(ctx context.Context, m trainer.Message, files []checkpoint.File) error {
	return c.a.commit(ctx, &checkpoint.Checkpoint{
		Files: files, Training: &checkpoint.Training{Cursor: cursorOf(m), Numbers: m.Metrics},
	})
}

// discard makes room: what is committed or outdated is of no use any more.
func (c *conversation) discard(announced []trainer.Message) {
	for _, m := range announced {
		if checkpoint.CheckFileName(m.Dir) == nil {
			// What cannot be removed now goes with the whole folder in the end.
			_ = os.RemoveAll(filepath.Join(c.output, filepath.FromSlash(m.Dir)))
		}
	}
}

func (c *conversation) committed(ctx context.Context, err error) {
	c.running = nil
	if err != nil {
		c.next = nil
		c.kill(err)
		return
	}
	c.commit(ctx)
}

// end is what comes of a trainer that has ended.
func (c *conversation) end(ctx context.Context) (checkpoint.Result, error) {
	code, err := c.p.Exit()
	if c.frozen && c.result != nil {
		err = nil // it hung after all was done
	}
	switch {
	case errors.Is(c.why, checkpoint.ErrFenced), c.why != nil && (err != nil || c.result == nil):
		return checkpoint.Result{}, c.why
	case err == nil && c.result != nil:
		result, err := c.keep(ctx)
		var bad *trainerError
		if !errors.As(err, &bad) {
			return result, err
		}
		return result, c.failed(ctx, err)
	case c.frozen:
		err = fmt.Errorf("it printed nothing for %s and was killed", c.in.Silence)
	case err == nil:
		err = errors.New("it ended without a result")
	}
	err = c.told(err)
	if code == trainer.ExitUsage {
		return checkpoint.Result{}, &inputError{fmt.Errorf("trainer %s refuses: %w", c.in.Trainer, err)}
	}
	return checkpoint.Result{}, c.failed(ctx, err)
}

// told is err with what the trainer has printed last.
func (c *conversation) told(err error) error {
	if line := c.p.Misread(); line != "" {
		err = fmt.Errorf("%w; this line is no message: %s", err, line)
	}
	if tail := c.p.Tail(); tail != "" {
		err = fmt.Errorf("%w; the last that it printed:\n%s", err, tail)
	}
	return err
}

// failed is the trainer's failure. The count of them is told at once, for the
// attempt that comes after.
func (c *conversation) failed(ctx context.Context, err error) error {
	failed := c.a.failed(c.in, err)
	c.a.pulse.tell(ctx)
	return failed
}

// maxMetrics bounds what a result carries into histories.
const maxMetrics = 100

// keep stores the trainer's result.
func (c *conversation) keep(ctx context.Context) (checkpoint.Result, error) {
	m := c.result
	if len(m.Metrics) > maxMetrics {
		return checkpoint.Result{}, &trainerError{err: fmt.Errorf("its result has %d metrics; %d at most are allowed", len(m.Metrics), maxMetrics)}
	}
	for name := range m.Metrics {
		if len(name) > maxMetrics {
			return checkpoint.Result{}, &trainerError{err: fmt.Errorf("its result has a metric %.40q... with a name of %d bytes; %d at most are allowed", name, len(name), maxMetrics)}
		}
	}
	result := checkpoint.Result{Metrics: finite(m.Metrics)}
	if c.in.Kind == config.ExecEvaluate {
		return result, nil
	}
	files, err := trainer.ReadFolder(c.output, *m)
	if err != nil {
		return result, &trainerError{err: fmt.Errorf("its result is not what it announced: %w", err)}
	}
	c.a.pulse.set(func(g *Progress) { g.Phase = "saving" })
	saved, err := c.a.save(ctx, &checkpoint.Checkpoint{Files: files})
	saved.Metrics = result.Metrics
	return saved, err
}

// finite leaves out what histories cannot hold.
func finite(m checkpoint.Numbers) checkpoint.Numbers {
	kept := checkpoint.Numbers{}
	for name, v := range m {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			kept[name] = v
		}
	}
	return kept
}
