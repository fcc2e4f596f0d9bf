package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/prune/channel"
	"espalier/models/train"
)

// Train trains the dense network.
func (s *Steps) Train(ctx context.Context, in TrainInput) (StepResult, error) {
	return s.train(ctx, NameTrain, in)
}

// Finetune trains a pruned network, whose masks hold, or the centroids of a
// quantized one.
func (s *Steps) Finetune(ctx context.Context, in TrainInput) (StepResult, error) {
	return s.train(ctx, NameFinetune, in)
}

// Sparsify trains a network before a pass prunes it, so that there is something
// to prune.
func (s *Steps) Sparsify(ctx context.Context, in TrainInput) (StepResult, error) {
	return s.train(ctx, NameSparsify, in)
}

func (s *Steps) train(ctx context.Context, kind string, in TrainInput) (StepResult, error) {
	return s.run(ctx, in.Head, kind, in.KeyParams(), in.Train.Seed, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		start, err := a.start(ctx, in.Train.ISTA)
		if err != nil {
			return checkpoint.Result{}, err
		}
		set, err := a.dataset(ctx, in.Data, in.DataDigest)
		if err != nil {
			return checkpoint.Result{}, err
		}
		vary := augmentation(in.Data.Augment)
		if err := vary.Validate(set.Shape); err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		if err := checkBatches(start.Network, set.Train.Len(), in.Train.Batch); err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		options, err := in.options(start.Network)
		if err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		if err := a.tie(ctx, in.Tied, &options); err != nil {
			return checkpoint.Result{}, err
		}
		sess, err := s.Engine.Open(start.Network, options.Engine())
		if err != nil {
			return checkpoint.Result{}, &inputError{fmt.Errorf("open %s: %w", start.Network.Name, err)}
		}
		defer sess.Close()
		loader := data.NewAugmentedLoader(set.Train, in.Train.Batch, in.Train.Seed, vary)
		defer loader.Close()
		trainer, err := train.New(start.Network, sess, loader, options, start.Training)
		if err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		if in.Teacher != "" {
			teacher, err := a.teacher(ctx, in)
			if err != nil {
				return checkpoint.Result{}, err
			}
			defer teacher.Close()
			trainer.SetTeacher(teacher)
		}
		result, err := during(ctx, PartCompute, func(ctx context.Context) (checkpoint.Result, error) {
			return a.train(ctx, trainer, in.Train.Batch, newCurve(a, in.Train.EvaluateEvery, set, start.Training))
		})
		if err != nil {
			return checkpoint.Result{}, err
		}
		return a.finish(ctx, trainer, in, result)
	})
}

// start is where the attempt begins: the checkpoint that it goes on from, or
// the parent, made ready.
func (a *attempt) start(ctx context.Context, ista *config.ISTA) (*checkpoint.Checkpoint, error) {
	if a.from != nil {
		return a.from, nil
	}
	start, err := a.parent(ctx)
	if err != nil || ista == nil || ista.Alpha == 1 {
		return start, err
	}
	net, err := channel.Rescale(start.Network, ista.Alpha)
	if err != nil {
		return nil, &inputError{err}
	}
	return &checkpoint.Checkpoint{Network: net}, nil
}

// teacher is a session of the network that is learnt from.
func (a *attempt) teacher(ctx context.Context, in TrainInput) (engine.Session, error) {
	c, err := a.read(ctx, in.Teacher)
	if err != nil {
		return nil, err
	}
	sess, err := a.steps.Engine.Open(c.Network, engine.Options{Batch: in.Train.Batch, Inference: true})
	if err != nil {
		return nil, &inputError{fmt.Errorf("open teacher %s: %w", c.Network.Name, err)}
	}
	return sess, nil
}

// finish saves the trained network.
func (a *attempt) finish(ctx context.Context, trainer *train.Trainer, in TrainInput, result checkpoint.Result) (checkpoint.Result, error) {
	a.pulse.set(func(g *Progress) { g.Phase = "saving" })
	trained := trainer.Snapshot()
	if err := in.Tied.round(trained.Network); err != nil {
		return checkpoint.Result{}, err
	}
	if ista := in.Train.ISTA; ista != nil && ista.Alpha != 1 {
		net, err := channel.Rescale(trained.Network, 1/ista.Alpha)
		if err != nil {
			return checkpoint.Result{}, err
		}
		trained.Network = net
	}
	saved, err := a.save(ctx, trained)
	result.Checkpoint, result.Size = saved.Checkpoint, saved.Size
	return result, err
}

// checkBatches refuses a last batch of one sample where batch normalization
// has nothing else to take a variance of.
func checkBatches(net *models.Network, samples, batch int) error {
	if batch < 1 || batch > 1 && samples%batch != 1 { // train.New refuses a batch of none
		return nil
	}
	shapes, err := net.Shapes()
	if err != nil {
		return err
	}
	for _, node := range net.Nodes {
		if shape := shapes[node.Name]; node.Op == models.OpBatchNorm && shape.Size() == shape[0] {
			return fmt.Errorf("train.batch %d: of %d samples a batch has 1, and batch normalization %s needs 2 values of each channel; choose another batch", batch, samples, node.Name)
		}
	}
	return nil
}

// stepFailed marks an error of an optimizer step. A step is computed of memory
// alone, so the next attempt would fail as well.
func stepFailed(err error) error {
	var diverged *train.DivergedError
	if errors.As(err, &diverged) {
		return err
	}
	return &inputError{err}
}

// train runs the trainer to its last step, saving a checkpoint in the background at
// every interval. An interruption saves once more and leaves.
func (a *attempt) train(ctx context.Context, trainer *train.Trainer, batch int, curve *curve) (checkpoint.Result, error) {
	saver := newSaver(a, trainer.Cursor(), curve)
	defer saver.wait()
	meter := newMeter(a, batch)
	var last train.Progress
	for !trainer.Done() {
		if why := a.interrupted(ctx); why != nil {
			return checkpoint.Result{}, saver.leave(ctx, trainer, why)
		}
		if err := curve.look(ctx, trainer); err != nil {
			return checkpoint.Result{}, err
		}
		if curve.due(trainer) {
			continue // interrupted
		}
		progress, err := trainer.Step()
		if err != nil {
			return checkpoint.Result{}, stepFailed(err)
		}
		last = progress
		meter.see(progress)
		curve.see(progress)
		if err := saver.step(ctx, trainer); err != nil {
			return checkpoint.Result{}, err
		}
	}
	meter.tell(last)
	if err := saver.wait(); err != nil {
		return checkpoint.Result{}, err
	}
	if err := curve.look(ctx, trainer); err != nil {
		return checkpoint.Result{}, err
	}
	detail, err := curve.detail()
	return checkpoint.Result{Detail: detail, Metrics: map[string]float64{MetricLoss: last.MeanLoss, MetricTrainAcc: last.Accuracy}}, err
}

// interrupted says why the step must stop now: nil if it need not.
func (a *attempt) interrupted(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.drain:
		return errDrained
	default:
		return nil
	}
}

// saver commits checkpoints in the background, one at a time.
type saver struct {
	a       *attempt
	every   time.Duration
	last    time.Time     // when the newest snapshot was taken
	cost    time.Duration // of the newest commit
	running chan error    // nil when no commit is under way
	curve   *curve
}

func newSaver(a *attempt, at checkpoint.Cursor, curve *curve) *saver {
	a.pulse.set(func(g *Progress) { g.Cursor, g.From, g.SavedStep, g.SavedAt = at, at.Step, at.Step, time.Now() })
	a.begins(at)
	return &saver{a: a, every: time.Duration(a.head.Durability.CheckpointEvery), last: time.Now(), curve: curve}
}

// step collects a finished commit and begins the next when it is due. It is
// due early by what a commit costs, so that a crash at the worst moment, just
// before a commit lands, still repeats no more than one interval.
func (s *saver) step(ctx context.Context, trainer *train.Trainer) error {
	if s.running != nil {
		select {
		case err := <-s.running:
			s.running = nil
			// A commit that the cancellation cut short is no fault: the step
			// saves once more when it leaves, or learns there that it is fenced.
			if err != nil && (ctx.Err() == nil || errors.Is(err, checkpoint.ErrFenced)) {
				return err
			}
		default:
			return nil
		}
	}
	if trainer.Done() || time.Since(s.last) < s.every-min(2*s.cost, s.every/2) {
		return nil
	}
	s.last = time.Now()
	snapshot, begun, done := s.snapshot(trainer), s.last, make(chan error, 1)
	s.running = done
	s.a.log.Debug("snapshot", "step", trainer.Cursor().Step)
	go func() {
		err := s.a.commit(ctx, snapshot)
		s.cost = time.Since(begun)
		done <- err
	}()
	return nil
}

// snapshot is the trainer's with the curve so far.
func (s *saver) snapshot(trainer *train.Trainer) *checkpoint.Checkpoint {
	c := trainer.Snapshot()
	s.curve.keep(c.Training)
	return c
}

// wait collects a commit that is under way.
func (s *saver) wait() error {
	if s.running == nil {
		return nil
	}
	err := <-s.running
	s.running = nil
	return err
}

// leaveWithin bounds the last save of a step that must stop, unless the worker
// has its own bound.
const leaveWithin = 4 * time.Second

// leave saves where the trainer is, even though ctx may be cancelled, and
// answers why the step stops.
func (s *saver) leave(ctx context.Context, trainer *train.Trainer, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.a.steps.leaveWithin())
	defer cancel()
	err := s.wait()
	if !errors.Is(err, checkpoint.ErrFenced) {
		err = s.a.commit(ctx, s.snapshot(trainer))
	}
	if errors.Is(err, checkpoint.ErrFenced) {
		return err
	}
	if err != nil {
		s.a.log.Warn("last checkpoint not saved; the step goes on from the one before", "error", err)
	}
	return why
}

// meter turns the trainer's progress into heartbeats, a few a second.
type meter struct {
	a     *attempt
	batch int
	since time.Time
	seen  int // images
}

func newMeter(a *attempt, batch int) *meter {
	a.pulse.set(func(g *Progress) { g.Phase = "training" })
	return &meter{a: a, batch: batch, since: time.Now()}
}

const meterEvery = 250 * time.Millisecond

func (m *meter) see(p train.Progress) {
	m.seen += m.batch
	if time.Since(m.since) >= meterEvery {
		m.tell(p)
	}
}

// tell tells now what there is to tell.
func (m *meter) tell(p train.Progress) {
	elapsed := time.Since(m.since)
	if m.seen == 0 || elapsed == 0 {
		return
	}
	rate := float64(m.seen) / elapsed.Seconds()
	m.since, m.seen = time.Now(), 0
	m.a.log.Debug("training", "step", p.Cursor.Step, "images_per_second", int(rate))
	m.a.pulse.set(func(g *Progress) {
		g.Cursor, g.Epochs, g.Batches = p.Cursor, p.Epochs, p.Batches
		g.Loss, g.Accuracy, g.LR, g.Rate = p.MeanLoss, p.Accuracy, p.LR, rate
	})
}
