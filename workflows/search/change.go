package search

import (
	"fmt"
	"slices"
)

// Retry tries failed trials again, all that are remembered or those with the
// numbers, and answers which. They count as failed no more, and whatever limit
// had been reached is looked at anew.
func (s *State) Retry(numbers ...int) []int {
	var again []int
	s.Failed = slices.DeleteFunc(s.Failed, func(t Try) bool {
		if len(numbers) > 0 && !slices.Contains(numbers, t.Trial) {
			return false
		}
		s.Again, again = append(s.Again, t), append(again, t.Trial)
		return true
	})
	if len(again) > 0 {
		s.InARow, s.Over = 0, ""
		s.Failures -= len(again)
	}
	return again
}

// Change is what can be changed of a sweep under way; nil leaves it as it is.
type Change struct {
	Concurrency *int    `json:"concurrency,omitempty"`
	Trials      *int    `json:"trials,omitempty"` // of Random and Sobol: at least those that were made
	Limits      *Limits `json:"limits,omitempty"`
}

// Change changes a sweep, or says why it cannot and leaves it as it was. With
// less concurrency than there are trials under way, none is started until they
// are fewer. With other limits, those that were reached count no more.
func (s *State) Change(c Change) error {
	if err := s.open(); err != nil {
		return err
	}
	next := s.Spec
	if c.Concurrency != nil {
		next.Concurrency = *c.Concurrency
	}
	if c.Trials != nil {
		made := (s.Made + next.repeats() - 1) / next.repeats()
		switch {
		case next.Kind != Random && next.Kind != Sobol:
			return fmt.Errorf("search %s has as many trials as it has; want %s or %s", next.Kind, Random, Sobol)
		case *c.Trials < made:
			return fmt.Errorf("%d trials of which %d were made; want as many at least", *c.Trials, made)
		}
		next.Trials = *c.Trials
	}
	if c.Limits != nil {
		next.Limits = *c.Limits
	}
	changed := &State{Spec: next}
	if err := changed.open(); err != nil {
		return err
	}
	if c.Limits != nil {
		s.Over = ""
	}
	s.Spec, s.space, s.total = next, changed.space, changed.total
	return nil
}
