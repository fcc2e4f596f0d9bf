package prune

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/prune/channel"
)

// Channels is what a plan removes, with what it repairs.
type Channels struct {
	Branch    bool    `json:"branch,omitempty"`    // selections are opened first
	Constants string  `json:"constants,omitempty"` // ConstantsAbsorb, or nothing
	Groups    []Group `json:"groups"`              // in the network's order
	// Values are parameters with new values, of the full size, by name: the
	// weights that a reconstruction has fitted.
	Values map[string]Values `json:"values,omitempty"`

	Dense  channel.Cost `json:"dense"`  // of the network before the first pass
	Before channel.Cost `json:"before"` // of the network that the plan is for
	After  channel.Cost `json:"after"`
}

// Group is what happens to the channels of one group.
type Group struct {
	Name      string   `json:"name"`
	Producers []string `json:"producers,omitempty"`
	Consumers []string `json:"consumers,omitempty"`
	Dense     int      `json:"dense"` // channels before the first pass
	Before    int      `json:"before"`
	After     int      `json:"after"`
	Removed   []int    `json:"removed,omitempty"` // ascending
	// Threshold is the smallest score that stays, where channels are scored.
	Threshold float64 `json:"threshold,omitempty"`
	Spared    int     `json:"spared,omitempty"` // channels that stay only because the layer would be too narrow
	// Closed says why no channel may go; empty if some may.
	Closed string `json:"closed,omitempty"`
	// Error and Refitted are the relative squared error of what the readers put
	// out, before and after their weights were fitted anew.
	Error    float64 `json:"error,omitempty"`
	Refitted float64 `json:"refitted,omitempty"`
}

// Values are float32 values, base64 of their little-endian bytes in JSON.
type Values []float32

// MarshalText implements [encoding.TextMarshaler].
func (v Values) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Values) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw)%4 != 0 {
		return fmt.Errorf("%d characters are no base64 of 32-bit numbers", len(text))
	}
	*v = make(Values, len(raw)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// Outline is the plan as JSON without the fitted values, which the pruned
// network has: what is kept for people.
func (p *Plan) Outline() (json.RawMessage, error) {
	outline := *p
	if p.Channels != nil {
		c := *p.Channels
		c.Values = nil
		outline.Channels = &c
	}
	return json.Marshal(outline)
}

// plan is what was chosen, as a value.
func (s *shrinking) plan() (*Plan, error) {
	set := s.set()
	after, err := s.counter.After(set)
	if err != nil {
		return nil, err
	}
	c := &Channels{Branch: s.o.Branch, Dense: s.dense, Before: s.before, After: after}
	if s.o.Constants == ConstantsAbsorb {
		c.Constants = ConstantsAbsorb
	}
	for _, g := range s.groups {
		c.Groups = append(c.Groups, g.report())
	}
	return &Plan{Method: s.o.Method, Scope: s.o.Scope, Channels: c}, c.count(s.net)
}

// count makes After that of the network that is left, with the biases that
// absorbing has given to layers without one.
func (c *Channels) count(wide *models.Network) error {
	if c.Constants != ConstantsAbsorb {
		return nil
	}
	flat := wide.Clone()
	if err := c.flatten(flat); err != nil {
		return err
	}
	absorbed, err := channel.Absorb(flat, c.set())
	if err != nil {
		return err
	}
	counter, err := channel.NewCounter(absorbed)
	if err != nil {
		return err
	}
	c.After, err = counter.After(c.set())
	return err
}

func (g *group) report() Group {
	gone := g.gone()
	r := Group{
		Name: g.Name, Producers: slices.Clip(g.Producers), Consumers: slices.Clip(g.Consumers), Dense: g.dense, Before: len(g.Units),
		After: len(g.Units) - len(gone), Removed: gone, Spared: g.spared, Closed: g.why, Error: g.missed, Refitted: g.refitted,
	}
	if len(gone) > 0 && g.picked == nil && len(gone) < len(g.rank) {
		r.Threshold = g.scores[g.rank[len(gone)]]
	}
	return r
}

// set is what the plan removes.
func (c *Channels) set() channel.Set {
	set := channel.Set{}
	for _, g := range c.Groups {
		if len(g.Removed) > 0 {
			set[g.Name] = g.Removed
		}
	}
	return set
}

// wide is the network at full size with the plan's new values, before anything
// is removed.
func (c *Channels) wide(net *models.Network) (*models.Network, error) {
	wide, err := opened(net, Options{ChannelOptions: ChannelOptions{Branch: c.Branch}})
	if err != nil {
		return nil, err
	}
	if len(c.Values) == 0 && c.Constants == "" {
		return wide, nil
	}
	wide = wide.Clone()
	for _, name := range slices.Sorted(maps.Keys(c.Values)) {
		p := wide.Param(name)
		if p == nil || len(p.Data) != len(c.Values[name]) {
			return nil, fmt.Errorf("the plan has %d new values of %s, which the network does not have so", len(c.Values[name]), name)
		}
		for i, v := range c.Values[name] {
			if !finite(v) {
				return nil, fmt.Errorf("the plan sets element %d of %s to %g", i, name, v)
			}
		}
		copy(p.Data, c.Values[name])
		p.ApplyMask()
	}
	if c.Constants == ConstantsAbsorb {
		return wide, c.flatten(wide)
	}
	return wide, nil
}

// flatten sets the scales of removed channels to 0, which makes them constant.
func (c *Channels) flatten(wide *models.Network) error {
	found, err := channel.Groups(wide)
	if err != nil {
		return err
	}
	set := c.set()
	for _, g := range found {
		for _, i := range set[g.Name] {
			if i < 0 || i >= len(g.Units) {
				return fmt.Errorf("group %s has no channel %d", g.Name, i)
			}
			for _, s := range g.Units[i].Gammas {
				for _, at := range s.Indices {
					wide.Param(s.Param).Data[at] = 0
				}
			}
		}
	}
	return nil
}

// masked is the network at full size, the removed channels counting for nothing.
func (c *Channels) masked(net *models.Network) (*models.Network, error) {
	wide, err := c.fit(net)
	if err != nil {
		return nil, err
	}
	if c.Constants == ConstantsAbsorb {
		return channel.Absorb(wide, c.set())
	}
	return channel.Zero(wide, c.set())
}

// fit is wide for a network that the plan was made for; others are an error.
func (c *Channels) fit(net *models.Network) (*models.Network, error) {
	counter, err := channel.NewCounter(net)
	if err != nil {
		return nil, err
	}
	have, err := counter.After(nil)
	if err != nil {
		return nil, err
	}
	if have.Params != c.Before.Params || have.MACs != c.Before.MACs {
		return nil, fmt.Errorf("the plan is for a network of %d parameters and %d MACs, this one has %d and %d", c.Before.Params, c.Before.MACs, have.Params, have.MACs)
	}
	return c.wide(net)
}

// shrunk is the smaller network.
func (c *Channels) shrunk(net *models.Network) (*models.Network, error) {
	full, err := c.fit(net)
	if err != nil {
		return nil, err
	}
	if c.Constants == ConstantsAbsorb {
		if full, err = channel.Absorb(full, c.set()); err != nil {
			return nil, err
		}
	}
	small, err := channel.Remove(full, c.set())
	if err != nil {
		return nil, err
	}
	return small, nil
}
