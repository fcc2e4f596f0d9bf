package workers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier/activities"
	"espalier/models/checkpoint"
)

// Served is a queue of steps that a worker serves.
type Served struct {
	Queue string `json:"queue"`
	Slots int    `json:"slots"` // steps at a time
}

// Record is how a worker stands in the store, under workers/, for as long as it
// lives.
type Record struct {
	Identity   string                `json:"identity"`
	Queues     []Served              `json:"queues"`
	Has        activities.Capability `json:"has"`
	Version    string                `json:"version"`              // of espalier
	Deployment string                `json:"deployment,omitempty"` // NAME.BUILD of a versioned worker
	Started    time.Time             `json:"started"`
	Seen       time.Time             `json:"seen"` // by the worker's clock
}

const (
	// announceEvery is the beat at which a worker says that it lives.
	announceEvery = 5 * time.Second
	// lostAfter is the silence after which a worker counts as lost. It leaves
	// room for clocks that differ by some seconds.
	lostAfter = 4 * announceEvery
	// forgottenAfter is when another worker removes the record of a lost one.
	forgottenAfter = time.Hour
	// partWithin bounds the last word of a worker that leaves.
	partWithin = 2 * time.Second
)

const recordPrefix = "workers/"

// key is where the record stands: keys have fewer characters than identities.
func (r Record) key() string {
	return recordPrefix + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '_'
	}, r.Identity) + ".json"
}

// Announce keeps a worker's record in the store until ctx ends, and then
// removes it. A store that does not answer costs the news and no more.
func Announce(ctx context.Context, repo *checkpoint.Repo, r Record, told func(error)) {
	forget(ctx, repo)
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		r.Seen = time.Now().UTC()
		if err := repo.PutJSON(ctx, r.key(), r); err != nil && ctx.Err() == nil {
			told(err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), partWithin)
	defer cancel()
	if err := repo.Store.Delete(last, r.key()); err != nil && !errors.Is(err, checkpoint.ErrNotFound) {
		told(err)
	}
}

// forget removes the records of workers that were lost long ago.
func forget(ctx context.Context, repo *checkpoint.Repo) {
	for info, err := range repo.Store.List(ctx, recordPrefix) {
		if err != nil {
			return
		}
		if time.Since(info.Modified) > forgottenAfter {
			// The next worker tries again.
			_ = repo.Store.Delete(ctx, info.Key)
		}
	}
}

// Live are the workers that have said so of late, by identity. Those of this
// machine whose process is gone are left out at once; dead knows them.
func Live(ctx context.Context, repo *checkpoint.Repo, dead func(identity string) bool) ([]Record, error) {
	var live []Record
	for info, err := range repo.Store.List(ctx, recordPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list workers: %w", err)
		}
		var r Record
		if err := repo.GetJSON(ctx, info.Key, &r); err != nil {
			continue // removed just now, or of another version
		}
		if time.Since(r.Seen) <= lostAfter && !dead(r.Identity) {
			live = append(live, r)
		}
	}
	slices.SortFunc(live, func(a, b Record) int { return strings.Compare(a.Identity, b.Identity) })
	return live, nil
}

// Placement is what becomes of steps in a queue: who would take them.
type Placement struct {
	Queue   string     `json:"queue"`
	Workers []Suitable `json:"workers"`           // live ones that serve the queue, those that would take the steps first
	Missing string     `json:"missing,omitempty"` // why none of them would, and how to start one
}

// Suitable is a worker of the queue.
type Suitable struct {
	Identity string `json:"identity"`
	Slots    int    `json:"slots"`           // steps at a time
	Lacks    string `json:"lacks,omitempty"` // of what the steps need
}

// mostLacking is of how many workers it is said what each lacks.
const mostLacking = 5

// Place finds the workers for steps with these needs in a queue, be they busy
// or not.
func Place(live []Record, queue string, needs *activities.Needs) Placement {
	p := Placement{Queue: queue, Workers: []Suitable{}}
	for _, r := range live {
		i := slices.IndexFunc(r.Queues, func(s Served) bool { return s.Queue == queue })
		if i >= 0 {
			p.Workers = append(p.Workers, Suitable{Identity: r.Identity, Slots: r.Queues[i].Slots, Lacks: r.Has.Lacks(needs)})
		}
	}
	slices.SortStableFunc(p.Workers, func(a, b Suitable) int {
		return cmp.Compare(min(len(a.Lacks), 1), min(len(b.Lacks), 1))
	})
	start := "start one with: " + startWith(queue, needs)
	switch {
	case len(p.Workers) == 0:
		p.Missing = fmt.Sprintf("no live worker serves queue %s; %s", queue, start)
	case p.Workers[0].Lacks != "":
		var lacks []string
		for _, w := range p.Workers[:min(len(p.Workers), mostLacking)] {
			lacks = append(lacks, fmt.Sprintf("of %s: %s", w.Identity, w.Lacks))
		}
		if more := len(p.Workers) - mostLacking; more > 0 {
			lacks = append(lacks, fmt.Sprintf("nor have %d more", more))
		}
		p.Missing = fmt.Sprintf("no live worker of queue %s has what the steps need; %s; %s", queue, strings.Join(lacks, "; "), start)
	}
	return p
}

// startWith is the command that starts a worker for steps with these needs, and
// where.
func startWith(queue string, needs *activities.Needs) string {
	command := "espalier worker --queue " + queue
	if needs == nil {
		return command
	}
	if needs.Trainer != "" {
		command += fmt.Sprintf(" --trainer %s=COMMAND", needs.Trainer)
	}
	if on := needs.Machine(); on != "" {
		command += ", on a machine with " + on
	}
	return command
}

// Placed says why no live worker takes steps with these needs from a queue;
// nothing if one does, be it busy or not.
func Placed(live []Record, queue string, needs *activities.Needs) string {
	return Place(live, queue, needs).Missing
}
