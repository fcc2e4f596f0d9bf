package ui

import (
	"context"
	"sync"
	"time"
)

// cache keeps answers that never change: those about runs that have ended, and
// about checkpoints, which are named by their bytes. It has two generations, of
// which the older one is forgotten when the younger is full.
type cache struct {
	mutex     sync.Mutex
	young     map[string]any
	old       map[string]any
	youngSize int
}

const mostCached = 32 << 20 // bytes of a generation, about

func (c *cache) get(key string) (any, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if v, ok := c.young[key]; ok {
		return v, true
	}
	v, ok := c.old[key]
	return v, ok
}

// put keeps a value of about so many bytes.
func (c *cache) put(key string, value any, size int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.young == nil || c.youngSize+size > mostCached {
		c.old, c.young, c.youngSize = c.young, map[string]any{}, 0
	}
	c.young[key] = value
	c.youngSize += size
}

// workWithin bounds what is done for several requests at once, which none of
// them ends alone.
const workWithin = time.Minute

// shared does something once for all who ask for it at the same time.
func (s *Server) shared(ctx context.Context, key string, do func(context.Context) (any, error)) (any, error) {
	done := s.once.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workWithin)
		defer cancel()
		return do(ctx)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		return r.Val, r.Err
	}
}
