package workflows

import (
	"cmp"
	"slices"

	"go.temporal.io/sdk/workflow"

	"espalier/config"
	"espalier/workflows/search"
)

// pending says that there are signals to take in. Nothing waits in a channel of
// theirs, so that none is on its way to a coroutine when the history ends.
func (s *sweeping) pending() bool {
	for _, name := range []string{signalNews, SignalPause, SignalResume, SignalRetry, SignalChange} {
		if workflow.GetSignalChannel(s.steady, name).Len() > 0 {
			return true
		}
	}
	return false
}

// drain takes in all signals that are there: a history that is continued as new
// must leave none behind.
func (s *sweeping) drain() {
	ctx := s.steady
	var control Control
	for workflow.GetSignalChannel(ctx, SignalPause).ReceiveAsync(&control) {
		s.control(ctx, control, SignalPause, StateRunning, StatePaused)
		control = Control{}
	}
	for workflow.GetSignalChannel(ctx, SignalResume).ReceiveAsync(&control) {
		s.control(ctx, control, SignalResume, StatePaused, StateRunning)
		control = Control{}
	}
	var retry RetryAsk
	for workflow.GetSignalChannel(ctx, SignalRetry).ReceiveAsync(&retry) {
		s.retry(ctx, retry)
		retry = RetryAsk{}
	}
	var change ChangeAsk
	for workflow.GetSignalChannel(ctx, SignalChange).ReceiveAsync(&change) {
		s.change(ctx, change)
		change = ChangeAsk{}
	}
	var news trialNews
	for workflow.GetSignalChannel(ctx, signalNews).ReceiveAsync(&news) {
		s.hear(ctx, news)
		news = trialNews{}
	}
}

// tell signals a trial in the background; one that has just ended need not
// hear it.
func (s *sweeping) tell(id, signal string, what any) {
	s.busy++
	workflow.Go(s.steady, func(ctx workflow.Context) {
		if err := workflow.SignalExternalWorkflow(ctx, id, "", signal, what).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("trial not told", "trial", id, "signal", signal, "error", err)
		}
		s.busy--
		s.turn++
	})
}

// hear takes in what a trial tells.
func (s *sweeping) hear(ctx workflow.Context, news trialNews) {
	live := s.live(news.Trial)
	if live == nil || !live.Started {
		return
	}
	s.turn++
	live.Links, live.Rows = max(live.Links, news.Links), max(live.Rows, news.Rows)
	if news.Dense != nil {
		s.learn(live, news.Dense)
	}
	event := search.Event{Trial: news.Trial, Time: workflow.Now(ctx).Sub(s.Began), Cost: news.Busy.Hours() * s.spec.Sweep.Budget.PerHour}
	halt := false
	for _, p := range news.Points {
		event.Kind, event.Pass, event.Values = search.Passed, p.Pass, p.Values
		stop, err := s.Search.Report(event)
		halt = halt || stop && err == nil
		event.Cost = 0
	}
	if len(news.Points) == 0 {
		event.Kind = search.Ticked
		s.report(ctx, event)
	}
	s.row(news.Trial, func(t *SweptTrial) {
		t.Pass, t.Last = max(t.Pass, news.Rows-1), news.Last
	})
	switch {
	case news.End != "" && news.End != StateFailed && news.End != StateCancelled && news.To != live.Job.To:
		s.again(live)
	case news.End != "":
		s.end(ctx, news)
	case halt && !live.Halted:
		live.Halted = true
		s.tell(live.Run, signalHalt, nil)
	}
}

// end counts a trial that has ended.
func (s *sweeping) end(ctx workflow.Context, news trialNews) {
	live := s.live(news.Trial)
	state := StateDone
	event := search.Event{Kind: search.Ended, Trial: news.Trial, Time: workflow.Now(ctx).Sub(s.Began)}
	switch {
	case news.End == StateFailed, news.End == StateCancelled:
		event.Kind, state = search.Failed, news.End
	case live.Halted || news.Why != "":
		state = StateStopped
	case live.Job.To < s.Search.Spec.Passes:
		state = StateRung
	}
	s.Live = slices.DeleteFunc(s.Live, func(l liveTrial) bool { return l.Job.Trial.Number == news.Trial })
	s.row(news.Trial, func(t *SweptTrial) { t.State, t.Why = state, news.Why })
	s.report(ctx, event)
	s.turn++
	// Nobody sees a hundredth of a percent, but each summary is written.
	if step := max(1, s.total/500); s.Search.Ended%step == 0 || len(s.Live) == 0 {
		s.published(ctx)
	}
}

// report reports what cannot fail once the search has begun.
func (s *sweeping) report(ctx workflow.Context, e search.Event) {
	if _, err := s.Search.Report(e); err != nil {
		workflow.GetLogger(ctx).Error("event not taken in", "trial", e.Trial, "kind", e.Kind, "error", err)
	}
}

// room is how many trials the table has room for.
func (s *sweeping) room() int {
	if s.tabled > 0 {
		return s.tabled
	}
	return mostTabled
}

// row changes a line of the table, if there is room for it.
func (s *sweeping) row(number int, change func(*SweptTrial)) {
	if number >= s.room() {
		return
	}
	i, there := slices.BinarySearchFunc(s.Trials, number, func(t SweptTrial, n int) int { return cmp.Compare(t.Trial, n) })
	if !there {
		s.Trials = slices.Insert(s.Trials, i, SweptTrial{Trial: number, Run: trialID(s.id, number)})
	}
	change(&s.Trials[i])
}

// cancelled ends all trials, each after its step has saved a checkpoint.
func (s *sweeping) cancelled(ctx workflow.Context) {
	s.State = StateCancelled
	s.published(ctx)
	// Those that are being started can be cancelled once they have.
	s.until(ctx, func() bool { return s.busy == 0 })
	for _, live := range s.Live {
		if !live.Started {
			continue
		}
		id := live.Run
		workflow.Go(ctx, func(ctx workflow.Context) {
			if workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil) != nil {
				s.Live = slices.DeleteFunc(s.Live, func(l liveTrial) bool { return l.Run == id })
				s.turn++
			}
		})
	}
	s.until(ctx, func() bool {
		return !slices.ContainsFunc(s.Live, func(l liveTrial) bool { return l.Started })
	})
}

// until takes in news until done says so.
func (s *sweeping) until(ctx workflow.Context, done func() bool) {
	for s.drain(); !done(); s.drain() {
		seen := s.turn
		s.stands(ctx)
		if workflow.Await(ctx, func() bool { return s.turn != seen || s.pending() }) != nil {
			return
		}
	}
}

// result is what the sweep has reached. The points of its front are those of
// the search with the best by the first objective first.
func (s *sweeping) result() *SweepResult {
	r := &SweepResult{
		Run: s.id, Name: s.spec.Name, State: s.State, Objectives: s.spec.Sweep.Objectives,
		Total: s.total, Made: s.Search.Made, Live: len(s.Live), Ended: s.Search.Ended, Failures: s.Search.Failures,
		Trials: slices.Clone(s.Trials), LeftOut: max(0, s.Search.Made-s.room()), UnderWay: s.beyond(), Over: s.Search.Over, Events: s.Events,
		Concurrency: s.Search.Spec.Concurrency, Priority: s.Priority,
	}
	for _, p := range s.Search.Front {
		point := SweepPoint{Point: p, Run: trialID(s.id, p.Trial)}
		if trial, err := s.Search.Trial(p.Trial); err == nil {
			point.Settings = trial.Values
		}
		if p.Trial < len(s.Trials) {
			point.Run = s.Trials[p.Trial].Run
			if last := s.Trials[p.Trial].Last; last != nil && last.Pass == p.Pass {
				point.Final = last.Checkpoint
			}
		}
		r.Front = append(r.Front, point)
	}
	most := config.Maximized(s.spec.Sweep.Objectives[0])
	slices.SortStableFunc(r.Front, func(a, b SweepPoint) int {
		if most {
			a, b = b, a
		}
		return cmp.Compare(a.Values[0], b.Values[0])
	})
	return r
}

// beyond are the trials under way that the table has no room for.
func (s *sweeping) beyond() []SweptTrial {
	var lines []SweptTrial
	for _, live := range s.Live {
		if live.Job.Trial.Number < s.room() {
			continue
		}
		line := SweptTrial{Trial: live.Job.Trial.Number, Run: live.Run, Values: live.Job.Trial.Values, State: StateWaiting, Pass: max(0, live.Rows-1)}
		if live.Started {
			line.State = StateRunning
		}
		lines = append(lines, line)
	}
	return lines
}

// published publishes from where there is nobody to tell of a failure.
func (s *sweeping) published(ctx workflow.Context) {
	if err := s.publish(ctx); err != nil {
		workflow.GetLogger(ctx).Warn("summary not published", "error", err)
	}
}

// publish writes the sweep's summary into its memo.
func (s *sweeping) publish(ctx workflow.Context) error {
	return workflow.UpsertMemo(ctx, map[string]any{MemoSummary: s.summary()})
}

// summary is the sweep's, with what the best of the tabled trials ended with.
func (s *sweeping) summary() Summary {
	summary := Summary{Name: s.spec.Name, State: s.State, Pass: s.Search.Ended, Passes: s.total, Failed: s.Search.Failures, Began: s.First}
	first := s.spec.Sweep.Objectives[:1]
	best := 0.0
	for _, t := range s.Trials {
		if t.Last == nil || t.State != StateDone {
			continue
		}
		value := Reached(*t.Last, first)[0]
		if !config.Maximized(first[0]) {
			value = -value
		}
		if summary.Final == "" || value > best {
			best = value
			summary.Sparsity, summary.Accuracy, summary.Final = t.Last.Sparsity, t.Last.Accuracy, string(t.Last.Checkpoint)
		}
	}
	return summary
}
