// Package standing keeps in the store how runs and sweeps stand. Who looks at one
// asks its worker by way of the server; while no worker is there, or thousands of
// trials have the server busy, the newest standing answers instead.
package standing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"espalier/models/checkpoint"
	"espalier/workflows"
)

// Every is how often a standing is written at most. At the prices of
// public clouds that is some 20 cents for a day in which it changes all the time.
const Every = 2 * time.Second

// partWithin bounds the last words of a worker that leaves.
const partWithin = 2 * time.Second

// Keeper writes down how runs and sweeps stand, the newest of each.
type Keeper struct {
	repo  *checkpoint.Repo
	wake  chan struct{} // there is news
	ended chan struct{} // there is news of an end

	mutex sync.Mutex
	news  map[string]*workflows.Standing // by id; nil of one that has ended
}

// NewKeeper makes a keeper that writes nothing before it runs.
func NewKeeper(repo *checkpoint.Repo) *Keeper {
	return &Keeper{repo: repo, wake: make(chan struct{}, 1), ended: make(chan struct{}, 1), news: map[string]*workflows.Standing{}}
}

// Tell is a [workflows.Tell].
func (k *Keeper) Tell(id string, s *workflows.Standing) {
	k.mutex.Lock()
	k.news[id] = s
	k.mutex.Unlock()
	of := k.wake
	if s == nil {
		of = k.ended
	}
	select {
	case of <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then what is left; ends at once. What cannot be
// written waits for the next news: that the store fails is told by the steps.
func (k *Keeper) Run(ctx context.Context) {
	wake, next := k.wake, (<-chan time.Time)(nil)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-k.ended:
			k.write(ctx, true)
		case <-wake:
			k.write(ctx, false)
			wake, next = nil, time.After(Every)
		case <-next:
			wake = k.wake
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), partWithin)
	defer cancel()
	k.write(last, false)
}

// write writes all news, or those of ends only.
func (k *Keeper) write(ctx context.Context, ends bool) {
	news := map[string]*workflows.Standing{}
	k.mutex.Lock()
	for id, s := range k.news {
		if s == nil || !ends {
			news[id] = s
			delete(k.news, id)
		}
	}
	k.mutex.Unlock()
	for id, s := range news {
		var err error
		if s == nil {
			err = Drop(ctx, k.repo.Store, id)
		} else {
			err = k.put(ctx, id, s)
		}
		if err != nil {
			k.mutex.Lock()
			if _, newer := k.news[id]; !newer {
				k.news[id] = s
			}
			k.mutex.Unlock()
		}
	}
}

// put writes a standing unless there is a newer one: another worker may have
// taken over while this one was stopped.
func (k *Keeper) put(ctx context.Context, id string, s *workflows.Standing) error {
	if there, err := Read(ctx, k.repo, id); err == nil && there.Life == s.Life && there.At.After(s.At) {
		return nil
	}
	return k.repo.PutJSON(ctx, key(id), s)
}

// Read is how a run or a sweep stood when its worker last wrote that down:
// [checkpoint.ErrNotFound] if none did, or it has ended.
func Read(ctx context.Context, repo *checkpoint.Repo, id string) (*workflows.Standing, error) {
	var s workflows.Standing
	if err := repo.GetJSON(ctx, key(id), &s); err != nil {
		return nil, fmt.Errorf("standing of %s: %w", id, err)
	}
	return &s, nil
}

// Drop removes what is written down; that there is nothing is no error.
func Drop(ctx context.Context, store checkpoint.Store, id string) error {
	return store.Delete(ctx, key(id))
}

func key(id string) string { return checkpoint.PrefixStandings + id + ".json" }
