package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"espalier/config"
	"espalier/workflows/search"
)

// expanded is a trial made ready to start.
type expanded struct {
	Spec  config.Spec  `json:"spec"`
	Steps []trialsStep `json:"steps"`
}

// trialsStep is a step of a trial by its symbolic key, and what the trial has
// once it is done: so many links, or so many rows.
type trialsStep struct {
	Key   string `json:"k"`
	Links int    `json:"l,omitempty"`
	Rows  int    `json:"r,omitempty"`
}

// expand makes the spec and the steps of a job. It is a local activity: making
// the keys of a large network takes longer than a decision may.
func expand(_ context.Context, sweep *config.Spec, job search.Job) (*expanded, error) {
	spec, err := TrialSpec(sweep, job.Trial)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "Trial", nil)
	}
	steps, err := trialsSteps(spec, job.To)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "Trial", nil)
	}
	return &expanded{Spec: *spec, Steps: steps}, nil
}

// keyDigits are enough to tell the steps of all trials apart, and half of the
// room.
const keyDigits = 32

// trialsSteps are the steps of a trial up to a pass, and of its quantization if
// that is the last.
func trialsSteps(spec *config.Spec, to int) ([]trialsStep, error) {
	s, err := symbols(spec)
	if err != nil {
		return nil, err
	}
	if to >= (&run{spec: *spec}).passes() {
		to = len(s.links)
	}
	var steps []trialsStep
	for stage, link := range s.at {
		if s.chain[stage].pass <= to {
			steps = append(steps, trialsStep{Key: s.links[link].Key[:keyDigits], Links: stage + 1})
		}
	}
	for link, pass := range s.measures {
		if pass >= 0 && pass <= to {
			steps = append(steps, trialsStep{Key: s.links[link].Key[:keyDigits], Rows: pass + 1})
		}
	}
	return steps, nil
}

// runID is the workflow id of a job: that of its trial, which the later jobs of
// a trial add to. The same id twice in a history would not replay.
func (s *sweeping) runID(live liveTrial) string {
	id := trialID(s.id, live.Job.Trial.Number)
	if rungs := s.Search.Rungs; len(rungs) > 0 && live.Job.To > rungs[0].Pass {
		id += fmt.Sprintf("-to-%d", live.Job.To)
	}
	if live.Retry > 0 {
		id += fmt.Sprintf("-retry-%d", live.Retry)
	}
	if live.Tries > 0 {
		id += fmt.Sprintf("-again-%d", live.Tries)
	}
	return id
}
