package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/workflows"
)

// Outcome is what came of doing a step again.
type Outcome struct {
	Run   string `json:"run,omitempty"` // the trial of a sweep for which it was done
	Kind  string `json:"kind"`
	Pass  int    `json:"pass"`
	Key   string `json:"key"`
	Asked bool   `json:"asked"` // otherwise it made what one that was asked for begins with
	Same  bool   `json:"same"`
	// Want and Got are the checkpoints; none of steps that only measure.
	Want checkpoint.Digest `json:"want,omitempty"`
	Got  checkpoint.Digest `json:"got,omitempty"`
	// Differences are numbers that came out otherwise, each in words.
	Differences []string      `json:"differences,omitempty"`
	Machine     string        `json:"machine,omitempty"` // how this one differs, if it does: bits may differ then
	Error       string        `json:"error,omitempty"`   // why it could not be done
	Took        time.Duration `json:"took_ns"`
}

// Machine is the fingerprint of what computed most of the steps; the zero one
// where that is not known.
func (b *Bundle) Machine() engine.Fingerprint { return machine(b.Manifest.AllSteps()) }

// Evaluation are the keys of the steps that measured the final networks, of a
// run one at most.
func (b *Bundle) Evaluation() (keys []string) {
	for _, t := range b.runs() {
		for _, s := range slices.Backward(t.Steps) {
			if s.Kind == workflows.StepEvaluate && slices.Contains(s.Reads, t.Final) {
				keys = append(keys, s.Key)
				break
			}
		}
	}
	return keys
}

// Reproduce does steps again and tells what came of each: those whose keys begin
// with one of keys, or all if there are none. Those that trials of a sweep share
// are done for the first one. steps have an empty store of their own. What a
// step begins with is taken from the bundle, or made by the steps before. data,
// unless it is empty, is where the data set lies here. Only ctx's end and a key
// that fits no step are errors.
func (b *Bundle) Reproduce(ctx context.Context, steps *activities.Steps, keys []string, data string, tell func(Outcome)) error {
	shared, found := make(map[string]bool), make(map[string]bool)
	var all []*again
	for _, t := range b.runs() {
		if data != "" {
			t.record.Spec.Data.Path = data
		}
		made, err := t.record.Steps()
		if err != nil {
			return err
		}
		r := &again{bundle: b, of: t, steps: steps, made: made, done: make(map[int]bool), shared: shared, tell: tell}
		if r.known, err = r.match(); err != nil {
			return err
		}
		r.ask(keys, found)
		all = append(all, r)
	}
	for _, key := range keys {
		if !found[key] {
			return &NoStepError{Key: key, Run: b.Manifest.Run}
		}
	}
	for _, r := range all {
		if err := r.all(ctx); err != nil {
			return err
		}
	}
	return nil
}

// again does the steps of a run again.
type again struct {
	bundle *Bundle
	of     Trial
	steps  *activities.Steps
	made   []workflows.Made
	known  []*Step // of the manifest, nil where it has none
	asked  []bool
	done   map[int]bool
	shared map[string]bool // keys of what was done for trials before
	tell   func(Outcome)
}

// all does what is asked for.
func (r *again) all(ctx context.Context) error {
	for i := range r.made {
		if r.asked[i] {
			if err := r.do(ctx, i, true); err != nil {
				return err
			}
		}
	}
	for i := range r.done {
		if key := r.key(i); key != "" {
			r.shared[key] = true
		}
	}
	return nil
}

// key is that of a step, by the manifest where the record has none.
func (r *again) key(i int) string {
	if s := r.known[i]; s != nil {
		return s.Key
	}
	return r.made[i].Key
}

// match finds the steps of the record in the manifest, which has them in the
// same order.
func (r *again) match() ([]*Step, error) {
	known, at, listed := make([]*Step, len(r.made)), 0, r.of.Steps
	for i, m := range r.made {
		if at < len(listed) && listed[at].Kind == m.Kind && listed[at].Pass == m.Pass && (m.Key == "" || listed[at].Key == m.Key) {
			known[i] = &listed[at]
			at++
		}
	}
	if at < len(listed) {
		return nil, fmt.Errorf("step %s, %s of pass %d, is not one that this version makes of the spec", short(listed[at].Key), listed[at].Kind, listed[at].Pass)
	}
	return known, nil
}

// ask asks for the steps whose keys begin so, and notes which of keys do.
func (r *again) ask(keys []string, found map[string]bool) {
	r.asked = make([]bool, len(r.made))
	for i := range r.asked {
		r.asked[i] = len(keys) == 0
		for _, key := range keys {
			if s := r.known[i]; s != nil && key != "" && strings.HasPrefix(s.Key, key) {
				r.asked[i], found[key] = true, true
			}
		}
	}
}

// NoStepError says that no step of a bundle has a key.
type NoStepError struct{ Key, Run string }

// Error names the key.
func (e *NoStepError) Error() string {
	return fmt.Sprintf("no step of %s has a key that begins with %q", e.Run, e.Key)
}

// do does a step again unless that was done, first making what it begins with.
func (r *again) do(ctx context.Context, i int, asked bool) error {
	if r.done[i] || r.shared[r.key(i)] {
		return nil
	}
	r.done[i] = true
	m, out := r.made[i], Outcome{Kind: r.made[i].Kind, Pass: r.made[i].Pass, Key: r.key(i), Asked: asked}
	if r.bundle.Manifest.Format == FormatSweep {
		out.Run = r.of.Run
	}
	if s := r.known[i]; s != nil {
		out.Machine = differs(s.Fingerprint, r.steps.Engine.Fingerprint())
	}
	if m.Key != "" {
		out.Want = m.Left
	}
	for _, digest := range r.reads(m) {
		if err := r.ready(ctx, i, digest); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			out.Error = err.Error()
			r.tell(out)
			return nil
		}
	}
	began := time.Now()
	result, err := r.steps.Perform(ctx, m.Activity, m.Input)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out.Took = time.Since(began)
	if err != nil {
		out.Error = err.Error()
	} else {
		out.compare(result, r.known[i])
	}
	r.tell(out)
	return nil
}

// reads are the checkpoints that a step begins with, those of other runs too.
func (r *again) reads(m workflows.Made) []checkpoint.Digest {
	reads := m.Reads()
	if in, ok := m.Input.(activities.PrepareInput); ok {
		for _, t := range in.Teachers {
			reads = append(reads, checkpoint.Digest(t.Checkpoint))
		}
		if d := in.Network.Checkpoint; d != "" {
			reads = append(reads, checkpoint.Digest(d))
		}
	}
	return reads
}

// ready sees to it that a step finds a checkpoint.
func (r *again) ready(ctx context.Context, before int, digest checkpoint.Digest) error {
	if _, err := r.steps.Repo.Store.Stat(ctx, checkpoint.CheckpointKey(digest)); err == nil {
		return nil
	}
	if err := r.take(ctx, digest); !errors.Is(err, checkpoint.ErrNotFound) {
		return err
	}
	at := slices.IndexFunc(r.made[:before], func(m workflows.Made) bool { return m.Key != "" && m.Left == digest })
	if at < 0 {
		return fmt.Errorf("it begins with checkpoint %s, which neither the bundle nor a step before it has", digest.Short())
	}
	if err := r.do(ctx, at, false); err != nil {
		return err
	}
	if _, err := r.steps.Repo.Store.Stat(ctx, checkpoint.CheckpointKey(digest)); err != nil {
		return fmt.Errorf("it begins with checkpoint %s, and %s of pass %d did not make that again", digest.Short(), r.made[at].Kind, r.made[at].Pass)
	}
	return nil
}

// take copies a checkpoint of the bundle, whose bytes were checked when it was
// read.
func (r *again) take(ctx context.Context, digest checkpoint.Digest) error {
	key := checkpoint.CheckpointKey(digest)
	body, _, err := r.bundle.repo.Store.Get(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return r.steps.Repo.Store.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// compare holds the result against what the bundle says.
func (o *Outcome) compare(got activities.StepResult, want *Step) {
	o.Got = got.Checkpoint
	if got.Key != o.Key && o.Key != "" {
		o.Differences = append(o.Differences, fmt.Sprintf("key %s, want %s: the engine or what the step is made of is another", short(got.Key), short(o.Key)))
	}
	if o.Want == "" && want != nil { // it measures, and its numbers are its result
		for _, name := range slices.Sorted(maps.Keys(want.Metrics)) {
			if name == activities.MetricLatency { // no two measurements are the same
				continue
			}
			if have, there := got.Metrics[name]; !there || !equal(have, want.Metrics[name]) {
				o.Differences = append(o.Differences, fmt.Sprintf("%s %v, want %v", name, have, want.Metrics[name]))
			}
		}
	}
	o.Same = o.Got == o.Want && len(o.Differences) == 0
}

func equal(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// differs says how a machine is another than the one that a step was computed on.
func differs(was, is engine.Fingerprint) string {
	if strings.HasPrefix(was.BLAS, "trainer ") { // which has an engine of its own
		is.Engine, is.BLAS = was.Engine, was.BLAS
	}
	var parts []string
	for _, p := range []struct{ name, was, is string }{
		{"engine", was.Engine, is.Engine}, {"cpu", was.CPU, is.CPU}, {"blas", was.BLAS, is.BLAS},
		{"threads", fmt.Sprint(was.Threads), fmt.Sprint(is.Threads)},
	} {
		if p.was != p.is && was != (engine.Fingerprint{}) {
			parts = append(parts, fmt.Sprintf("%s %s here, %s then", p.name, p.is, p.was))
		}
	}
	return strings.Join(parts, "; ")
}

func short(key string) string { return key[:min(12, len(key))] }
