package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/models"
	"espalier/models/prune/channel"
)

// shrinking is a removal of channels in the making.
type shrinking struct {
	o       Options
	b       Basis
	net     *models.Network // with the selections of Options.Branch
	counter *channel.Counter
	groups  []*group
	before  channel.Cost // of net
	dense   channel.Cost // of the network before the first pass
}

// group is the channels that compete with each other in one layer.
type group struct {
	channel.Group
	free   []int  // the units that may go
	dense  int    // how many there were before the first pass
	why    string // not empty: why none may go now
	floor  int    // so many stay after the pass
	hard   int    // so many stay always
	scores []float64
	rank   []int // of free, the unit that goes first is first
	goes   int   // how many of rank go
	spared int   // how many more would have gone but for the floor
	picked []int // where a method chose the units itself
	// missed and refitted are Group.Error and Group.Refitted.
	missed, refitted float64
}

// shrink finds what may go. Nothing is scored yet.
func shrink(net *models.Network, o Options, b Basis) (*shrinking, error) {
	wide, err := opened(net, o)
	if err != nil {
		return nil, err
	}
	s := &shrinking{o: o, b: b, net: wide}
	if s.counter, err = channel.NewCounter(wide); err != nil {
		return nil, err
	}
	if s.before, err = s.counter.After(nil); err != nil {
		return nil, err
	}
	if err := s.measureDense(); err != nil {
		return nil, err
	}
	found, err := channel.Groups(wide, excluded(o, wide)...)
	if err != nil {
		return nil, err
	}
	widths, err := widths(b.dense(net), o)
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		s.groups = append(s.groups, s.newGroup(g, widths))
	}
	return s, nil
}

// opened is the network with a selection before each reader that can use one.
func opened(net *models.Network, o Options) (*models.Network, error) {
	if !o.Branch {
		return net, nil
	}
	readers, err := channel.Branches(net)
	if err != nil {
		return nil, err
	}
	return channel.Branch(net, readers...)
}

// excluded are the layers of Options.Exclude that the network still has:
// surgery may have taken one out since.
func excluded(o Options, net *models.Network) []string {
	return slices.DeleteFunc(slices.Clone(o.Exclude), func(name string) bool {
		_, ok := net.Node(name)
		return !ok
	})
}

// widths are the numbers of channels of the dense network's groups.
func widths(dense *models.Network, o Options) (map[string]int, error) {
	wide, err := opened(dense, o)
	if err != nil {
		return nil, err
	}
	found, err := channel.Groups(wide)
	if err != nil {
		return nil, err
	}
	widths := make(map[string]int, len(found))
	for _, g := range found {
		widths[g.Name] = len(g.Units)
	}
	return widths, nil
}

func (s *shrinking) measureDense() error {
	if s.dense = s.before; s.b.Dense == nil {
		return nil
	}
	counter, err := channel.NewCounter(s.b.Dense)
	if err != nil {
		return err
	}
	s.dense, err = counter.After(nil)
	return err
}

func (s *shrinking) newGroup(found channel.Group, widths map[string]int) *group {
	g := &group{Group: found, free: found.Free(), why: barred(found, s.o)}
	g.dense = max(widths[g.Name], len(g.Units))
	if g.why != "" {
		g.hard, g.floor = len(g.free), len(g.free)
		return g
	}
	g.hard = min(max(s.o.MinChannels, 1), len(g.free))
	if s.o.MinChannels < 0 {
		if _, err := s.counter.After(channel.Set{g.Name: g.free}); err == nil {
			g.hard = 0
		}
	}
	g.floor = g.hard
	if share := s.o.MaxPerPass; share > 0 {
		g.floor = max(g.floor, stay(len(g.free), share))
	}
	return g
}

// barred says why no channel of the group may go; empty if some may.
func barred(g channel.Group, o Options) string {
	free := g.Free()
	switch {
	case len(free) == 0:
		return g.Units[0].Fixed
	case len(g.Consumers) == 0:
		return "not read"
	case len(g.Producers) > 1 && !o.Coupled:
		return "coupled"
	}
	return ""
}

// channelLayers are the names that targets and exclusions of channels may use:
// the groups and the layers that make channels.
func channelLayers(net *models.Network, o Options) ([]string, error) {
	wide, err := opened(net, o)
	if err != nil {
		return nil, err
	}
	found, err := channel.Groups(wide)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range found {
		names = append(names, g.Producers...)
		if len(g.Producers) == 0 && len(g.Free()) > 0 {
			names = append(names, g.Name)
		}
	}
	return names, nil
}

// checkChannels is the check of methods that remove channels.
func checkChannels(net *models.Network, o Options) error {
	if len(o.Quality) > 0 {
		return errors.New("quality is for methods that mask weights")
	}
	about, err := Describe(o.Method)
	if err != nil {
		return err
	}
	if goal, _ := o.goal(); goal == goalNone && len(o.Layers) == 0 && !about.Open {
		return fmt.Errorf("method %s wants a target: channels, sparsity, params, macs, latency or layers", o.Method)
	}
	s, err := shrink(net, o, Basis{})
	if err != nil {
		return err
	}
	if len(s.open()) == 0 {
		return fmt.Errorf("network %s has no channels to remove: %s", net.Name, s.reasons())
	}
	for _, layer := range sortedKeys(o.Layers) {
		g := s.of(layer)
		if g == nil {
			return fmt.Errorf("layers: %s makes no channels of its own to remove", layer)
		}
		if g.why != "" {
			return fmt.Errorf("layers: no channel of %s may go (%s)%s", layer, g.why, hint(g.why))
		}
	}
	return nil
}

func hint(why string) string {
	if why == "coupled" {
		return "; coupled: true takes them from all layers that make them together"
	}
	return ""
}

// open are the groups of which channels may go.
func (s *shrinking) open() []*group {
	return slices.DeleteFunc(slices.Clone(s.groups), func(g *group) bool { return g.why != "" })
}

// of is the group that a name of Options.Layers means, or nil.
func (s *shrinking) of(layer string) *group {
	for _, g := range s.groups {
		if g.Name == layer {
			return g
		}
	}
	for _, g := range s.groups {
		if slices.Contains(g.Producers, layer) {
			return g
		}
	}
	return nil
}

// reasons says why each group is closed.
func (s *shrinking) reasons() string {
	var all []string
	for _, g := range s.groups {
		all = append(all, fmt.Sprintf("%s (%s)", g.Name, g.why))
	}
	return strings.Join(all, ", ")
}

// close bars a group from the rest of the plan.
func (g *group) close(why string) { g.why, g.floor, g.hard = why, len(g.free), len(g.free) }

// stay is how many of n channels stay when a share goes: floor(n (1 - share)),
// as Li et al. 2017 count. What rounding leaves of 0.9 * 10 is not lost.
func stay(n int, share float64) int {
	return int(math.Floor(float64(n)*(1-share) + 1e-9))
}

// ranked orders each open group by its scores; of equal ones the last goes
// first, so that the first stays.
func (s *shrinking) ranked() error {
	for _, g := range s.open() {
		for _, i := range g.free {
			if math.IsNaN(g.scores[i]) || math.IsInf(g.scores[i], 0) {
				return fmt.Errorf("group %s: the score of channel %d is %g", g.Name, i, g.scores[i])
			}
		}
		g.rank = slices.Clone(g.free)
		slices.Reverse(g.rank)
		slices.SortStableFunc(g.rank, func(a, b int) int { return s.sooner(g.scores[a], g.scores[b]) })
	}
	return nil
}

// sooner compares two scores by which channel goes first.
func (s *shrinking) sooner(a, b float64) int {
	if s.o.First == FirstLargest {
		a, b = b, a
	}
	return cmp.Compare(a, b)
}

// normalize makes the scores of different groups comparable.
func (s *shrinking) normalize(how string) {
	if how == "" || how == "none" {
		return
	}
	for _, g := range s.open() {
		sum, top := 0.0, 0.0
		for _, i := range g.free {
			sum += g.scores[i]
			top = max(top, math.Abs(g.scores[i]))
		}
		by := top
		if how == "mean" {
			by = math.Abs(sum) / float64(len(g.free))
		}
		if by == 0 {
			continue
		}
		for i := range g.scores {
			g.scores[i] /= by
		}
	}
}

// byScore is the plan of a method that scores every channel once.
func byScore(ctx context.Context, net *models.Network, o Options, b Basis, score func(context.Context, *shrinking) error) (*Plan, error) {
	s, err := shrink(net, o, b)
	if err != nil {
		return nil, err
	}
	if err := score(ctx, s); err != nil {
		return nil, err
	}
	if len(s.open()) == 0 {
		return nil, fmt.Errorf("method %s finds no channels to score in network %s: %s", o.Method, net.Name, s.reasons())
	}
	s.normalize(o.Normalize)
	if err := s.ranked(); err != nil {
		return nil, err
	}
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	return s.plan()
}
