package workers

import (
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

// Placed says why no live worker takes steps with these needs from a queue;
// nothing if one does, be it busy or not.
func Placed(live []Record, queue string, needs *activities.Needs) string {
	var lacks []string
	for _, r := range live {
		if !slices.ContainsFunc(r.Queues, func(s Served) bool { return s.Queue == queue }) {
			continue
		}
		why := r.Has.Lacks(needs)
		if why == "" {
			return ""
		}
		lacks = append(lacks, fmt.Sprintf("of %s: %s", r.Identity, why))
	}
	if len(lacks) == 0 {
		return fmt.Sprintf("no live worker serves queue %s; start one with: espalier worker --queue %s", queue, queue)
	}
	return fmt.Sprintf("no live worker of queue %s has what the steps need; %s", queue, strings.Join(lacks, "; "))
}
