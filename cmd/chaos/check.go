package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
)

// swept is what is compared of a sweep.
type swept struct {
	State  string `json:"state"`
	Total  int    `json:"total"`
	Trials []struct {
		Trial  int             `json:"trial"`
		State  string          `json:"state"`
		Values json.RawMessage `json:"values"`
		Pass   int             `json:"pass"`
		Last   json.RawMessage `json:"last"`
		Why    string          `json:"why"`
	} `json:"trials"`
}

func parseSwept(out []byte) (*swept, error) {
	s := &swept{}
	if err := json.Unmarshal(out, s); err != nil {
		return nil, fmt.Errorf("the sweep's result: %w in %.200q", err, out)
	}
	return s, nil
}

// finding is one promise and whether it was kept.
type finding struct {
	what, found string
	kept        bool
}

// compare holds the sweep under faults against the calm one: every trial's last
// row has the checkpoint's digest and every number of it.
func compare(calm, got *swept) []finding {
	done, equal := 0, 0
	var first string
	for i, want := range calm.Trials {
		if i >= len(got.Trials) {
			break
		}
		trial := got.Trials[i]
		if trial.State == want.State && trial.Why == want.Why {
			done++
		}
		if bytes.Equal(trial.Values, want.Values) && trial.Pass == want.Pass && len(want.Last) > 0 && bytes.Equal(trial.Last, want.Last) {
			equal++
		} else if first == "" {
			first = fmt.Sprintf("; trial %d has %s, want %s", want.Trial, trial.Last, want.Last)
		}
	}
	all := len(calm.Trials)
	return []finding{
		{"every trial finished", fmt.Sprintf("%d of %d", done, all), done == all && len(got.Trials) == all && all > 0},
		{"every final digest and number is the fault-free sweep's", fmt.Sprintf("%d of %d%s", equal, all, first), equal == all},
	}
}

// journals looks at every step's record in the store at rest.
func (s *storm) journals(ctx context.Context) ([]finding, error) {
	store, err := dirstore.New(s.bucket())
	if err != nil {
		return nil, err
	}
	repo := &checkpoint.Repo{Store: store}
	folders, err := os.ReadDir(filepath.Join(s.bucket(), "manifests"))
	if err != nil {
		return nil, err
	}
	steps, orphaned, doubled, gaps := 0, []string{}, []string{}, []string{}
	for _, folder := range folders {
		key := folder.Name()
		if !checkpoint.Digest(key).Valid() {
			continue
		}
		steps++
		hurt := s.wasHit(key)
		if _, err := repo.Result(ctx, key); err != nil && !hurt {
			orphaned = append(orphaned, key[:12])
		}
		results, last := map[checkpoint.Digest]int{}, 0
		for e, err := range repo.History(ctx, key) {
			var corrupt *checkpoint.CorruptError
			if err != nil && !errors.As(err, &corrupt) {
				return nil, err
			}
			if e.Number != last+1 {
				gaps = append(gaps, key[:12])
			}
			if last = e.Number; err == nil && e.Kind == checkpoint.EntryResult {
				results[e.Digest]++
			}
		}
		for _, n := range results {
			if len(results) > 1 || (n > 1 && !hurt && len(s.hit) == 0) {
				doubled = append(doubled, key[:12])
			}
		}
	}
	say := func(bad []string) string {
		return fmt.Sprintf("%d of %d steps %s", len(bad), steps, strings.Join(bad, " "))
	}
	return []finding{
		{"no step is left without its result", say(orphaned), len(orphaned) == 0 && steps > 0},
		{"no step has two results", say(doubled), len(doubled) == 0},
		{"no journal has a gap", say(gaps), len(gaps) == 0},
	}, nil
}

// wasHit says whether a fault damaged a record of the step.
func (s *storm) wasHit(step string) bool {
	return slices.ContainsFunc(s.hit, func(key string) bool { return strings.Contains(key, step) })
}

// collect runs espalier gc on the store at rest, and counts for itself what is
// left: every checkpoint that stays is named by some record, every result's
// is still there, and a second collection finds nothing.
func (s *storm) collect(ctx context.Context) (finding, error) {
	f := finding{what: "espalier gc leaves exactly what is referred to"}
	before, named, err := s.stored()
	if err != nil {
		return f, err
	}
	var first, second struct {
		Found   []string
		Deleted int
	}
	for _, c := range []any{&first, &second} {
		out, err := s.command(ctx, s.o.binary, base(), "gc", "--grace", "0s", "--delete", "--json", "--home", s.home("gateway"))
		if err == nil {
			err = json.Unmarshal(out, c)
		}
		if err != nil {
			return f, err
		}
	}
	after, _, err := s.stored()
	if err != nil {
		return f, err
	}
	strangers, lost := 0, 0
	for d := range after {
		if named[d] == "" {
			strangers++
		}
	}
	for d, by := range named {
		if by == "result" && before[d] && !after[d] {
			lost++
		}
	}
	f.kept = strangers == 0 && lost == 0 && len(second.Found) == 0 && first.Deleted == len(first.Found)
	f.found = fmt.Sprintf("%d objects removed, %d checkpoints stay, %d of them without a reference, %d results lost, a second run finds %d",
		first.Deleted, len(after), strangers, lost, len(second.Found))
	return f, nil
}

// digests are the words that may be one.
var digests = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// stored are the checkpoints that are there, and those that records name.
func (s *storm) stored() (there map[string]bool, named map[string]string, err error) {
	there, named = make(map[string]bool), make(map[string]string)
	store, err := dirstore.New(s.bucket())
	if err != nil {
		return nil, nil, err
	}
	for info, err := range store.List(context.Background(), "") {
		if err != nil {
			return nil, nil, err
		}
		if name, ok := strings.CutPrefix(info.Key, damagedCheckpoint); ok {
			there[strings.TrimSuffix(name, ".safetensors")] = true
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.bucket(), filepath.FromSlash(info.Key)))
		if err != nil {
			return nil, nil, err
		}
		by := "record"
		if strings.HasPrefix(info.Key, "steps/") {
			by = "result"
		}
		for _, word := range digests.FindAll(data, -1) {
			if named[string(word)] != "result" {
				named[string(word)] = by
			}
		}
	}
	return there, named, nil
}

// line is what a worker's log tells of a step.
type line struct {
	Time    time.Time `json:"time"`
	Message string    `json:"msg"`
	Key     string    `json:"key"`
	Step    int64     `json:"step"`
}

// repetition is the training that attempts did again.
type repetition struct {
	resumed int           // attempts that went on from another's checkpoint or began anew
	most    time.Duration // that one attempt repeated
	total   time.Duration
	over    int // attempts that repeated more than the interval
}

// frozen is the gap between two lines of progress, which come four times a
// second, from which on a worker was not training but stopped or waiting.
const frozen = time.Second

// repeated reads from the workers' logs how much training each attempt did that
// another had done already: the progress between where it begins and where the
// attempt before it ended, without the time in which that one stood still.
func (l *lab) repeated() (repetition, error) {
	var r repetition
	var lines []line
	for _, w := range l.workers {
		text, err := os.ReadFile(filepath.Join(l.home(w.name), "worker.log"))
		if err != nil {
			return r, err
		}
		for raw := range bytes.Lines(text) {
			var one line
			if json.Unmarshal(raw, &one) == nil && one.Key != "" { // a kill cuts lines short
				lines = append(lines, one)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.Time.Compare(b.Time) })
	progress := make(map[string][]line)
	for _, one := range lines {
		switch one.Message {
		case "training", "snapshot":
			progress[one.Key] = append(progress[one.Key], one)
		case "training begins":
			if done := progress[one.Key]; len(done) > 0 {
				again := lost(done, one.Step)
				r.resumed++
				r.total += again
				r.most = max(r.most, again)
				if again > interval+slack {
					r.over++
				}
			}
			progress[one.Key] = append(progress[one.Key], one)
		}
	}
	return r, nil
}

// slack is how much later than planned a checkpoint may come on a busy machine.
const slack = 750 * time.Millisecond

// lost is the time that was spent beyond an optimizer step.
func lost(done []line, from int64) (d time.Duration) {
	for i := len(done) - 1; i > 0 && done[i].Step > from; i-- {
		d += min(done[i].Time.Sub(done[i-1].Time), frozen)
	}
	return d
}
