package live

import (
	"fmt"
	"slices"
	"time"

	"espalier/config"
	"espalier/workers/runs"
	"espalier/workflows"
)

// recent is how far back speeds are measured: what else a machine does changes.
const recent = 2 * time.Minute

// shortest is the least time between two places that gives a speed.
const shortest = time.Second

// pace is how fast something goes forward, by the places where it was seen.
type pace struct {
	step string // what it is the pace of; another step begins anew
	seen []sample
}

type sample struct {
	at    time.Time
	place float64
}

func (p *pace) see(step string, at time.Time, place float64) {
	if last := len(p.seen) - 1; step != p.step || last >= 0 && place < p.seen[last].place {
		p.step, p.seen = step, nil // a new attempt goes on further back
	}
	if last := len(p.seen) - 1; last >= 0 && (place == p.seen[last].place || !at.After(p.seen[last].at)) {
		return
	}
	p.seen = append(p.seen, sample{at, place})
	for len(p.seen) > 2 && at.Sub(p.seen[1].at) > recent {
		p.seen = p.seen[1:]
	}
}

// one is how long one unit takes; 0 if that is not known yet.
func (p *pace) one() time.Duration {
	if len(p.seen) < 2 {
		return 0
	}
	first, last := p.seen[0], p.seen[len(p.seen)-1]
	if last.at.Sub(first.at) < shortest {
		return 0
	}
	return time.Duration(float64(last.at.Sub(first.at)) / (last.place - first.place))
}

// Meter measures how fast steps go by the heartbeats that it sees, and says how
// long is left by that. What it says is never exact: passes with fewer weights
// may be faster, evaluations and waits between steps are not counted, and rules
// may end a run early.
type Meter struct {
	spec  *config.Spec
	plan  []workflows.Training
	at    int           // the last training of the plan that was seen at work, or -1
	epoch time.Duration // of the run's newest training
	paces map[string]*pace
	ends  pace // of a sweep's trials
}

// NewMeter measures the run or the sweep of a spec; of one that is not known,
// nil, it measures the steps alone.
func NewMeter(spec *config.Spec) *Meter {
	m := &Meter{spec: spec, at: -1, paces: map[string]*pace{}}
	if spec != nil && spec.Sweep == nil {
		// A spec that cannot be foreseen has no plan; nothing else depends on it.
		m.plan, _ = workflows.Trainings(spec)
	}
	return m
}

// See learns from a look.
func (m *Meter) See(l Look) {
	m.step(l.View)
	for _, v := range l.Trials {
		m.step(v)
	}
	for id := range m.paces {
		if id != l.ID && !slices.ContainsFunc(l.Trials, func(v *runs.View) bool { return v.ID == id }) {
			delete(m.paces, id)
		}
	}
	if l.Sweep != nil {
		m.ends.see("", l.Now, float64(l.Sweep.Ended))
		return
	}
	if at := m.planned(l.View); at >= 0 {
		m.at = at
		if one := m.perEpoch(l.View); one > 0 {
			m.epoch = one
		}
	}
}

// step learns from the heartbeat of a run's step.
func (m *Meter) step(v *runs.View) {
	p := training(v)
	if p == nil {
		return
	}
	if m.paces[v.ID] == nil {
		m.paces[v.ID] = &pace{}
	}
	m.paces[v.ID].see(fmt.Sprint(p.Key, v.Step.Activity, v.Step.Attempt), v.Step.Heartbeat, place(p))
}

// StepLeft is about how long the step under way still takes; 0 if nothing says.
func (m *Meter) StepLeft(v *runs.View) time.Duration {
	p, one := training(v), m.perEpoch(v)
	if p == nil || one == 0 {
		return 0
	}
	return time.Duration((float64(p.Epochs) - place(p)) * float64(one))
}

// Left is about how long a run or a sweep still takes; 0 if nothing says.
func (m *Meter) Left(l Look) time.Duration {
	if l.State != workflows.StateRunning {
		return 0
	}
	if l.Kind == runs.KindSweep {
		return m.sweepLeft(l)
	}
	if len(m.plan) == 0 || m.at < 0 || m.epoch == 0 {
		return 0
	}
	left := m.StepLeft(l.View)
	for i, t := range m.plan {
		if i > m.at {
			left += time.Duration(t.Epochs * float64(m.epoch))
		}
	}
	return left
}

// sweepLeft goes by the trials that ended while they were watched, or else by
// all that did.
func (m *Meter) sweepLeft(l Look) time.Duration {
	r := l.Sweep
	if r == nil || r.Ended == 0 || r.Ended >= r.Total || m.spec == nil || m.spec.Sweep == nil || m.spec.Sweep.Search.ASHA != nil {
		return 0 // of ASHA nobody knows which trials go on
	}
	one := m.ends.one()
	if one == 0 {
		one = l.Now.Sub(l.Started) / time.Duration(r.Ended)
	}
	return time.Duration(r.Total-r.Ended) * one
}

// perEpoch is how long an epoch of a run's step takes, as far as it was seen to
// go, or else by the speed that its worker measured.
func (m *Meter) perEpoch(v *runs.View) time.Duration {
	p := training(v)
	if p == nil {
		return 0
	}
	if seen := m.paces[v.ID]; seen != nil && seen.one() > 0 {
		return seen.one()
	}
	if m.spec == nil || m.spec.Sweep != nil || p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(p.Batches*m.spec.Train.Batch) / p.Rate * float64(time.Second))
}

// planned is which training of the plan is under way, or -1.
func (m *Meter) planned(v *runs.View) int {
	p := training(v)
	if p == nil {
		return -1
	}
	return slices.IndexFunc(m.plan, func(t workflows.Training) bool { return t.Pass == p.Pass && int(t.Epochs) == p.Epochs })
}
