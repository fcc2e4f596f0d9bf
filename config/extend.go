package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"espalier/models/prune"
)

// At has the shares that are to be gone after a pass, 1 to Passes: those of
// Target, or on the way there.
func (s PruneSchedule) At(pass int) (PruneTarget, error) {
	from, to := s.span(pass)
	var out PruneTarget
	for _, share := range []struct {
		start, end float64
		at         *float64
	}{
		{from.Target.Sparsity, to.Target.Sparsity, &out.Sparsity}, {from.Target.Channels, to.Target.Channels, &out.Channels},
		{from.Target.Params, to.Target.Params, &out.Params}, {from.Target.MACs, to.Target.MACs, &out.MACs},
		{from.Target.Latency, to.Target.Latency, &out.Latency},
	} {
		if share.end == 0 {
			continue
		}
		var err error
		if *share.at, err = prune.At(s.Shape, pass-from.Pass, to.Pass-from.Pass, share.start, share.end); err != nil {
			return out, err
		}
	}
	return out, s.layersAt(pass, from, to, &out)
}

func (s PruneSchedule) layersAt(pass int, from, to PruneVia, out *PruneTarget) (err error) {
	for _, layer := range sortedKeys(to.Target.Layers) {
		if out.Layers == nil {
			out.Layers = make(map[string]float64)
		}
		if len(s.Order) > 0 {
			if s.Arrives(layer) <= pass {
				out.Layers[layer] = to.Target.Layers[layer]
			}
			continue
		}
		if out.Layers[layer], err = prune.At(s.Shape, pass-from.Pass, to.Pass-from.Pass, from.Target.Layers[layer], to.Target.Layers[layer]); err != nil {
			return err
		}
	}
	return nil
}

// span is the part of the course that a pass is in.
func (s PruneSchedule) span(pass int) (from, to PruneVia) {
	for _, via := range s.Via {
		if pass <= via.Pass {
			return from, via
		}
		from = via
	}
	return from, PruneVia{Pass: s.Passes, Target: s.Target}
}

// arrives says whether a pass is the last of a part of the course.
func (s PruneSchedule) arrives(pass int) bool {
	_, to := s.span(pass)
	return pass == to.Pass
}

// ErrNotMore says that a run has as many passes already.
var ErrNotMore = errors.New("the run has as many passes already")

var errNoPasses = errors.New("the run has no passes, its spec has no prune")

// Extended is the spec of a run with more passes. Those that there are stay what
// they are, so that their steps are shared; the others go on to a target by
// which each takes the same share of what is left, on average, as those before.
func (s *Spec) Extended(passes int) (*Spec, error) {
	out := *s
	if s.Exec != nil {
		var err error
		out.Exec, err = s.Exec.extended(passes)
		return &out, err
	}
	switch {
	case s.Prune == nil:
		return nil, errNoPasses
	case len(s.Prune.Schedule.Order) > 0:
		return nil, errors.New("the run prunes layer by layer, in schedule.order; more passes would be of no layer")
	case passes <= s.Prune.Schedule.Passes:
		return nil, fmt.Errorf("%w: %d, asked for were %d", ErrNotMore, s.Prune.Schedule.Passes, passes)
	}
	p := *s.Prune
	longer := float64(passes) / float64(p.Schedule.Passes)
	if !p.Schedule.Target.IsZero() {
		via := append([]PruneVia(nil), p.Schedule.Via...)
		p.Schedule.Via = append(via, PruneVia{Pass: p.Schedule.Passes, Target: p.Schedule.Target})
		p.Schedule.Target = p.Schedule.Target.each(func(share float64) float64 { return nine(1 - math.Pow(1-share, longer)) })
	}
	if p.Quality != nil {
		p.Quality = maps.Clone(p.Quality)
		for layer := range p.Quality {
			p.Quality[layer] *= longer
		}
	}
	p.Schedule.Passes = passes
	out.Prune = &p
	return &out, nil
}

// Forked is the spec of a run that begins with a checkpoint of this one: that of
// a pass, 0 the dense network, with the passes that are left and their targets,
// or any checkpoint, where pass is -1, with all of them. Where there is something
// to prune or to quantize, the network is not trained before.
func (s *Spec) Forked(from string, pass int) (*Spec, error) {
	out := *s
	if s.Exec != nil {
		var err error
		out.Exec, err = s.Exec.forked(from, pass)
		return &out, err
	}
	out.Network = Network{Checkpoint: from, Trained: s.Prune != nil || s.Quantize != nil}
	if s.Prune == nil {
		return &out, nil
	}
	p := *s.Prune
	p.Rewind = 0
	if pass > 0 {
		reached, err := p.Schedule.At(min(pass, p.Schedule.Passes))
		if err != nil {
			return nil, fmt.Errorf("fork from pass %d: %w", pass, err)
		}
		p.Schedule = p.Schedule.after(pass, reached, p.RemovesChannels())
	}
	out.Prune = &p
	return &out, nil
}

// after is what is left of a schedule. Channels that are gone are not there any
// more, so that shares are of those that are left.
func (s PruneSchedule) after(pass int, reached PruneTarget, removed bool) PruneSchedule {
	var via []PruneVia
	if !s.Target.IsZero() && !removed && len(s.Order) == 0 {
		via = []PruneVia{{Pass: 0, Target: reached}}
	}
	for _, v := range s.Via {
		if v.Pass > pass {
			via = append(via, PruneVia{Pass: v.Pass - pass, Target: v.Target.beyond(reached, removed)})
		}
	}
	s.Via, s.Target, s.Passes = via, s.Target.beyond(reached, removed), max(1, s.Passes-pass)
	s.Order = slices.DeleteFunc(slices.Clone(s.Order), func(layer string) bool { _, gone := reached.Layers[layer]; return gone })
	if len(s.Order) > 0 {
		maps.DeleteFunc(s.Target.Layers, func(layer string, _ float64) bool { return !slices.Contains(s.Order, layer) })
	}
	return s
}

// beyond is a target as it is seen from where something has been reached.
func (t PruneTarget) beyond(reached PruneTarget, removed bool) PruneTarget {
	if !removed {
		return t
	}
	left := func(share, gone float64) float64 {
		if share <= gone {
			return share
		}
		return nine(1 - (1-share)/(1-gone))
	}
	out := t
	out.Sparsity, out.Channels, out.Params = left(t.Sparsity, reached.Sparsity), left(t.Channels, reached.Channels), left(t.Params, reached.Params)
	out.MACs, out.Latency = left(t.MACs, reached.MACs), left(t.Latency, reached.Latency)
	out.Layers = maps.Clone(t.Layers)
	for layer, share := range t.Layers {
		out.Layers[layer] = left(share, reached.Layers[layer])
	}
	return out
}

// each is a target with every share that is set changed.
func (t PruneTarget) each(change func(float64) float64) PruneTarget {
	for _, share := range []*float64{&t.Sparsity, &t.Channels, &t.Params, &t.MACs, &t.Latency} {
		if *share > 0 {
			*share = change(*share)
		}
	}
	t.Layers = maps.Clone(t.Layers)
	for layer, share := range t.Layers {
		t.Layers[layer] = change(share)
	}
	return t
}

// nine rounds to nine decimals, as schedules do, so that every machine gets the
// same bits.
func nine(x float64) float64 { return math.Round(x*1e9) / 1e9 }
