package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"
)

// control pauses or resumes the sweep and its trials.
func (s *sweeping) control(ctx workflow.Context, by Control, signal, from, to string) {
	if s.State != from {
		return
	}
	s.State = to
	s.turn++
	s.note(ctx, by, signal)
	for _, live := range s.Live {
		if live.Up {
			s.tell(live.Run, signal, by)
		}
	}
	s.published(ctx)
}

// retry tries failed trials again. A signal that comes twice finds none.
func (s *sweeping) retry(ctx workflow.Context, ask RetryAsk) {
	again := s.Search.Retry(ask.Trials...)
	if len(again) == 0 {
		return
	}
	s.Retries++
	s.turn++
	slices.Sort(again)
	s.note(ctx, ask.Control, "retry trials "+numbers(again))
	for _, number := range again {
		s.row(number, func(t *SweptTrial) { t.State, t.Why = StateWaiting, "" })
	}
	s.published(ctx)
}

// change takes in what can be changed under way; what cannot is noted.
func (s *sweeping) change(ctx workflow.Context, ask ChangeAsk) {
	if err := s.Search.Change(ask.Change); err != nil {
		s.note(ctx, ask.Control, fmt.Sprintf("change %s refused: %v", ask.Said(), err))
		return
	}
	s.turn++
	s.note(ctx, ask.Control, "change "+ask.Said())
	if total, err := s.Search.Total(); err == nil {
		s.total = total
	}
	if ask.Priority > 0 && ask.Priority != s.Priority {
		s.Priority = ask.Priority
		for _, live := range s.Live {
			if live.Up {
				s.tell(live.Run, SignalChange, ChangeAsk{Control: ask.Control, Priority: ask.Priority})
			}
		}
	}
	s.published(ctx)
}

func (s *sweeping) note(ctx workflow.Context, by Control, what string) {
	state := State{Events: s.Events}
	state.note(workflow.Now(ctx), by.Who, strings.TrimSpace(what+" "+by.Note))
	s.Events = state.Events
}

// mostNumbers is how many numbers of trials an event has.
const mostNumbers = 20

func numbers(of []int) string {
	text := strings.Trim(fmt.Sprint(of[:min(len(of), mostNumbers)]), "[]")
	if more := len(of) - mostNumbers; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
