package runs_test

import (
	"errors"
	"strings"
	"testing"

	"espalier/workers/runs"
	"espalier/workflows"
	"espalier/workflows/search"
)

// What cannot be is refused by the client, whoever asks, and leaves no trace on
// a sweep under way.
func TestMistakesChangeNothing(t *testing.T) {
	l, ctx, by := newLab(t), t.Context(), workflows.Control{Who: "ann@desk"}
	sweep := l.submit(t, specOf(t, "mistaken", failingSweep))
	change := func(c search.Change, priority int) error {
		return l.Change(ctx, sweep, workflows.ChangeAsk{Control: by, Change: c, Priority: priority})
	}
	concurrency := func(n int) search.Change { return search.Change{Concurrency: &n} }
	tests := map[string]struct {
		err  error
		says string
	}{
		"no trial at a time":  {change(concurrency(0), 0), "concurrency 0: 1 to 1000"},
		"too many at a time":  {change(concurrency(1001), 0), "concurrency 1001"},
		"a negative priority": {change(search.Change{}, -1), "priority -1: 1, the first, to 5"},
		"too low a priority":  {change(search.Change{}, 6), "priority 6"},
		"more of a grid":      {change(trials(9), 0), "only those of random"},
		"a tag of two words":  {l.Tag(ctx, sweep, true, []string{"good", "two words"}, by), `tag "two words"`},
		"an empty tag":        {l.Tag(ctx, sweep, true, []string{""}, by), `tag ""`},
		"a tag that is long":  {l.Tag(ctx, sweep, true, []string{strings.Repeat("a", 101)}, by), "1 to 100 bytes"},
		"an empty note":       {l.Note(ctx, sweep, "", by), "a note of 0 bytes"},
		"a note that is long": {l.Note(ctx, sweep, strings.Repeat("a", 10_001), by), "10001 bytes: 1 to 10000"},
		"trials of no sweep":  {second(l.Retry(ctx, l.submit(t, specOf(t, "single", failingRun)), by, 1)), "only a sweep has trials"},
		"passes for a sweep":  {second(l.Extend(ctx, sweep, 3, nil, by)), "want a run or a trial"},
		"a fork of a sweep":   {second(l.Fork(ctx, sweep, "1", nil, by)), "want a run or a trial"},
	}
	for name, test := range tests {
		var mistake runs.MistakeError
		if !errors.As(test.err, &mistake) || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("%s: %v, want a mistake that says %q", name, test.err, test.says)
		}
	}
	if log, tags, err := l.Log(ctx, sweep); err != nil || len(log) != 0 || len(tags) != 0 {
		t.Errorf("the log is %+v with tags %q, %v; want nothing", log, tags, err)
	}
	l.work(t, 1)
	if r, err := l.Sweep(ctx, sweep); err != nil || len(r.Trials) != 3 || r.Concurrency != 1 || r.Priority != 0 {
		t.Errorf("the sweep ended with %+v, %v; want 3 trials, one after the other", r, err)
	}
}
