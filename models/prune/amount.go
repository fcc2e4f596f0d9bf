package prune

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"espalier/models/prune/channel"
)

// choose decides how many channels go of each group, for groups that are
// ranked. Layers with a share of their own are decided first.
func (s *shrinking) choose(ctx context.Context) error {
	if err := s.chooseLayers(); err != nil {
		return err
	}
	goal, share := s.o.goal()
	switch goal {
	case goalNone:
		return s.settle()
	case goalChannels:
		if s.o.Scope == ScopeLayer {
			for _, g := range s.common() {
				if err := s.leave(g, share); err != nil {
					return err
				}
			}
			return s.settle()
		}
		return s.chooseCount(share)
	case goalLatency:
		return s.chooseLatency(ctx, share)
	default:
		return s.chooseBudget(goal, share)
	}
}

// chooseLayers gives the layers of Options.Layers their shares.
func (s *shrinking) chooseLayers() error {
	for _, layer := range sortedKeys(s.o.Layers) {
		g := s.of(layer)
		if g == nil || g.why != "" {
			continue // the layer is gone, or a criterion cannot score it
		}
		if err := s.leave(g, s.o.Layers[layer]); err != nil {
			return err
		}
	}
	return nil
}

// common are the open groups without a share of their own.
func (s *shrinking) common() []*group {
	own := map[*group]bool{}
	for layer := range s.o.Layers {
		own[s.of(layer)] = true
	}
	return slices.DeleteFunc(s.open(), func(g *group) bool { return own[g] })
}

// leave takes a share of the group's dense width, and no more than its floor
// allows: a cap of the pass is no fault, a share that empties the group is.
func (s *shrinking) leave(g *group, share float64) error {
	left := stay(g.dense, share)
	if fixed := len(g.Units) - len(g.free); left-fixed < g.hard {
		return fmt.Errorf("layer %s: share %g would leave %d of %d channels, at least %d stay; at most a share of %g can go",
			g.Name, share, max(left, 0), g.dense, g.hard+fixed, most(g.dense-g.hard-fixed, g.dense))
	}
	g.take(len(g.Units)-left, s.o.Multiple)
	return nil
}

// most is a share that is surely reached, rounded down for people.
func most(n, of int) float64 { return math.Floor(1e4*float64(n)/float64(of)) / 1e4 }

// take marks so many of the group to go, within its floor; the number that
// stays is rounded up to a multiple.
func (g *group) take(n, multiple int) {
	n = max(n, 0)
	allowed := min(n, len(g.free)-g.floor)
	g.spared = n - allowed
	left := len(g.Units) - allowed
	if multiple > 1 && allowed > 0 {
		left = min((left+multiple-1)/multiple*multiple, len(g.Units))
	}
	g.goes = len(g.Units) - left
}

// place is a channel in the order in which all go.
type place struct {
	group *group
	score float64
}

// queue is the order in which the channels of the groups go in scope global,
// with the floors kept: the channels of a group at its floor are not in it.
func (s *shrinking) queue(groups []*group) []place {
	var all []place
	for _, g := range groups {
		for _, u := range g.rank[:len(g.free)-g.floor] {
			all = append(all, place{g, g.scores[u]})
		}
	}
	// Each group's own order is kept, since its ranks rise.
	slices.SortStableFunc(all, func(a, b place) int { return s.sooner(a.score, b.score) })
	return all
}

// takeFirst takes the first n of the queue.
func (s *shrinking) takeFirst(groups []*group, queue []place, n int) {
	counts := map[*group]int{}
	for _, p := range queue[:n] {
		counts[p.group]++
	}
	for _, g := range groups {
		g.take(counts[g], s.o.Multiple)
	}
}

// chooseCount takes a share of all channels of the network, scope global.
func (s *shrinking) chooseCount(share float64) error {
	groups := s.common()
	total, have := 0, 0
	for _, g := range groups {
		total += g.dense
		have += len(g.Units)
	}
	queue := s.queue(groups)
	n := max(have-stay(total, share), 0)
	if n > len(queue) {
		hard := 0
		for _, g := range groups {
			hard += len(g.free) - g.hard
		}
		if n > hard {
			return fmt.Errorf("channels %g: %d of %d channels would go, at most %d can, a share of %g", share, total-have+n, total, total-have+hard, most(total-have+hard, total))
		}
		n = len(queue) // the cap of the pass
	}
	s.takeFirst(groups, queue, n)
	return s.settle()
}

// steps are the removals that a budget chooses among, from none to all that
// may go: in scope global channel by channel, in scope layer by a share that
// is the same for all groups.
type steps struct {
	n  int
	at func(i int) error
}

// shareSteps divide the shares of scope layer.
const shareSteps = 2000

func (s *shrinking) steps() steps {
	groups := s.common()
	if s.o.Scope == ScopeGlobal {
		queue := s.queue(groups)
		return steps{len(queue), func(i int) error { s.takeFirst(groups, queue, i); return s.settle() }}
	}
	return steps{shareSteps, func(i int) error {
		for _, g := range groups {
			g.take(len(g.Units)-stay(g.dense, float64(i)/shareSteps), s.o.Multiple)
		}
		return s.settle()
	}}
}

// first is the first step, by bisection, that is enough; n+1 if none is.
func (s steps) first(enough func() (bool, error)) (int, error) {
	low, high := 0, s.n+1
	for low < high {
		mid := (low + high) / 2
		if mid > s.n {
			break
		}
		if err := s.at(mid); err != nil {
			return 0, err
		}
		ok, err := enough()
		if err != nil {
			return 0, err
		}
		if ok {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}

// chooseBudget removes until a share of parameters, weights or multiply-adds
// is gone.
func (s *shrinking) chooseBudget(goal string, share float64) error {
	whole := amount(goal, s.dense)
	allowed := int64(math.Floor(float64(whole)*(1-share) + 1e-6))
	left := func() (int64, error) {
		c, err := s.counter.After(s.set())
		return amount(goal, c), err
	}
	steps := s.steps()
	at, err := steps.first(func() (bool, error) {
		n, err := left()
		return n <= allowed, err
	})
	if err != nil {
		return err
	}
	if at <= steps.n {
		return steps.at(at)
	}
	if err := steps.at(steps.n); err != nil {
		return err
	}
	if s.capped() {
		return nil
	}
	n, err := left()
	if err != nil {
		return err
	}
	return fmt.Errorf("%s %g: at most a share of %g can go, %d of %d", goal, share, math.Floor(1e4*(1-float64(n)/float64(whole)))/1e4, whole-n, whole)
}

// capped says whether the cap of the pass, and nothing harder, held channels.
func (s *shrinking) capped() bool {
	return slices.ContainsFunc(s.open(), func(g *group) bool { return g.floor > g.hard })
}

// chooseLatency removes until the measured time has fallen by a share.
func (s *shrinking) chooseLatency(ctx context.Context, share float64) error {
	if s.b.Latency == nil {
		return fmt.Errorf("latency %g: nothing here measures the latency of networks", share)
	}
	whole, err := s.b.Latency(ctx, s.b.dense(s.net))
	if err != nil {
		return err
	}
	fastest := whole
	steps := s.steps()
	at, err := steps.first(func() (bool, error) {
		small, err := channel.Remove(s.net, s.set())
		if err != nil {
			return false, err
		}
		took, err := s.b.Latency(ctx, small)
		fastest = min(fastest, took)
		return took <= time.Duration(float64(whole)*(1-share)), err
	})
	if err != nil {
		return err
	}
	if at <= steps.n {
		return steps.at(at)
	}
	if err := steps.at(steps.n); err != nil || s.capped() {
		return err
	}
	return fmt.Errorf("latency %g: of %s at most a share of %g can go", share, whole, math.Floor(1e3*(1-float64(fastest)/float64(whole)))/1e3)
}

// set is what is chosen.
func (s *shrinking) set() channel.Set {
	set := channel.Set{}
	for _, g := range s.groups {
		if gone := g.gone(); len(gone) > 0 {
			set[g.Name] = gone
		}
	}
	return set
}

// gone are the units that go.
func (g *group) gone() []int {
	gone := g.picked
	if gone == nil {
		gone = g.rank[:g.goes]
	}
	if len(gone) == 0 {
		return nil
	}
	return slices.Sorted(slices.Values(gone))
}

// settle keeps a channel of each group where letting whole groups go would cut
// the network: branches that may vanish one by one may not all.
func (s *shrinking) settle() error {
	if _, err := s.counter.After(s.set()); err == nil {
		return nil
	}
	for _, g := range s.open() {
		if g.hard == 0 && g.goes == len(g.free) {
			g.goes--
			g.spared++
		}
	}
	_, err := s.counter.After(s.set())
	return err
}
