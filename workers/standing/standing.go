// Package standing keeps in the store how sweeps stand. Who looks at a sweep
// asks its worker by way of the server; while thousands of trials have the
// server busy, or no worker is there, the newest standing answers instead.
package standing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"espalier/models/checkpoint"
	"espalier/workflows"
)

// Every is how often a sweep's standing is written at most. At the prices of
// public clouds that is some 20 cents for a day in which it changes all the time.
const Every = 2 * time.Second

// partWithin bounds the last words of a worker that leaves.
const partWithin = 2 * time.Second

// Keeper writes down how sweeps stand, the newest of each.
type Keeper struct {
	repo *checkpoint.Repo
	wake chan struct{}

	mutex sync.Mutex
	news  map[string]*workflows.Standing // by sweep; nil of one that has ended
}

// NewKeeper makes a keeper that writes nothing before it runs.
func NewKeeper(repo *checkpoint.Repo) *Keeper {
	return &Keeper{repo: repo, wake: make(chan struct{}, 1), news: map[string]*workflows.Standing{}}
}

// Tell is a [workflows.Tell].
func (k *Keeper) Tell(sweep string, s *workflows.Standing) {
	k.mutex.Lock()
	k.news[sweep] = s
	k.mutex.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then what is left. What cannot be written waits
// for the next news: that the store fails is told by the steps.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-k.wake:
			k.write(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(Every):
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), partWithin)
	defer cancel()
	k.write(last)
}

func (k *Keeper) write(ctx context.Context) {
	k.mutex.Lock()
	news := k.news
	k.news = map[string]*workflows.Standing{}
	k.mutex.Unlock()
	for sweep, s := range news {
		var err error
		if s == nil {
			err = Drop(ctx, k.repo.Store, sweep)
		} else {
			err = k.put(ctx, sweep, s)
		}
		if err != nil {
			k.mutex.Lock()
			if _, newer := k.news[sweep]; !newer {
				k.news[sweep] = s
			}
			k.mutex.Unlock()
		}
	}
}

// put writes a standing unless there is a newer one: the sweep may have gone to
// another worker while this one was stopped.
func (k *Keeper) put(ctx context.Context, sweep string, s *workflows.Standing) error {
	if there, err := Read(ctx, k.repo, sweep); err == nil && there.Life == s.Life && there.At.After(s.At) {
		return nil
	}
	return k.repo.PutJSON(ctx, key(sweep), s)
}

// Read is how a sweep stood when its worker last wrote that down:
// [checkpoint.ErrNotFound] if none did, or the sweep has ended.
func Read(ctx context.Context, repo *checkpoint.Repo, sweep string) (*workflows.Standing, error) {
	var s workflows.Standing
	if err := repo.GetJSON(ctx, key(sweep), &s); err != nil {
		return nil, fmt.Errorf("standing of %s: %w", sweep, err)
	}
	return &s, nil
}

// Drop removes what is written of a sweep; that there is nothing is no error.
func Drop(ctx context.Context, store checkpoint.Store, sweep string) error {
	return store.Delete(ctx, key(sweep))
}

func key(sweep string) string { return checkpoint.PrefixStandings + sweep + ".json" }
