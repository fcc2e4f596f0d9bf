package workflows

import "slices"

// dense is how a trial began: the links up to its dense network, and that
// network's row. Other trials of the sweep that share the steps begin with them
// and do not look each up in the store by a step of theirs.
type dense struct {
	Links      []Link `json:"links,omitempty"`
	DataDigest string `json:"data_digest,omitempty"`
	Row        *Row   `json:"row,omitempty"`
}

// dense is what the run has of its beginning.
func (r *run) dense() *dense {
	d := &dense{DataDigest: r.state.DataDigest}
	for i, link := range r.state.Links {
		if r.chain[i].pass == 0 {
			d.Links = append(d.Links, link)
		}
	}
	if len(r.state.Rows) > 0 {
		d.Row = &r.state.Rows[0]
	}
	return d
}

// knownStep is a step of the beginning of some trial, and what it left.
type knownStep struct {
	Key        string `json:"k"` // the symbolic one
	DataDigest string `json:"d"`
	Link       *Link  `json:"l,omitempty"`
	Row        *Row   `json:"r,omitempty"`
}

// mostKnown bounds the steps that a sweep remembers; those used last stay.
const mostKnown = 64

// learn remembers what a trial began with.
func (s *sweeping) learn(live *liveTrial, d *dense) {
	for _, step := range live.Steps {
		switch {
		case step.Links > 0 && step.Links <= len(d.Links):
			s.remember(knownStep{Key: step.Key, DataDigest: d.DataDigest, Link: &d.Links[step.Links-1]})
		case step.Rows == 1 && d.Row != nil:
			s.remember(knownStep{Key: step.Key, DataDigest: d.DataDigest, Row: d.Row})
		}
	}
}

// remember puts a step behind all others.
func (s *sweeping) remember(known knownStep) {
	s.Known = slices.DeleteFunc(s.Known, func(k knownStep) bool { return k.Key == known.Key })
	s.Known = append(s.Known, known)
	s.Known = s.Known[max(0, len(s.Known)-mostKnown):]
}

// known is the step with a key.
func (s *sweeping) known(key string) (knownStep, bool) {
	i := slices.IndexFunc(s.Known, func(k knownStep) bool { return k.Key == key })
	if i < 0 {
		return knownStep{}, false
	}
	found := s.Known[i]
	s.remember(found)
	return found, true
}

// beginning is the state that a trial starts with: what is known of its steps
// up to the row of the dense network.
func (s *sweeping) beginning(steps []trialsStep, stages int) State {
	var state State
	for i := range stages {
		at := slices.IndexFunc(steps, func(t trialsStep) bool { return t.Links == i+1 })
		if at < 0 {
			return state
		}
		found, ok := s.known(steps[at].Key)
		if !ok || found.Link == nil {
			return state
		}
		state.Links, state.DataDigest = append(state.Links, *found.Link), found.DataDigest
	}
	if at := slices.IndexFunc(steps, func(t trialsStep) bool { return t.Rows == 1 }); at >= 0 {
		if found, ok := s.known(steps[at].Key); ok && found.Row != nil {
			state.Rows = []Row{*found.Row}
		}
	}
	return state
}

// denseStages is how many stages a chain has up to its dense network.
func denseStages(chain []stage) int {
	n := 0
	for _, s := range chain {
		if s.pass == 0 {
			n++
		}
	}
	return n
}
