package prune

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"espalier/models"
)

// Plan is what one pass of pruning does to one network. It belongs to the
// network that it was made for: [Apply] refuses another. It survives JSON unchanged.
type Plan struct {
	Method  string    `json:"method"`
	Scope   string    `json:"scope"`
	Layers  []Layer   `json:"layers"`            // every prunable layer, in the network's order
	Dropout []Dropout `json:"dropout,omitempty"` // rates that change
	// Channels is what is removed; nil where weights are masked.
	Channels *Channels `json:"channels,omitempty"`
}

// Layer is what happens to one layer.
type Layer struct {
	Name    string `json:"name"`  // of the node
	Param   string `json:"param"` // its weight tensor
	Weights int    `json:"weights"`
	Before  int    `json:"before"` // weights that are not masked, before the pass
	After   int    `json:"after"`  // and after
	// Excluded layers stay as they are.
	Excluded bool `json:"excluded,omitempty"`
	// Threshold is the score below which weights go. Where a number of weights
	// was asked for, it is the smallest score that stays.
	Threshold float64 `json:"threshold,omitempty"`
	// Mask says which weights stay; it is nil if all do.
	Mask Mask `json:"mask,omitempty"`
	// Dead are the neurons of this layer, rows of its weights, that are
	// removed because nothing reaches or nothing leaves them.
	Dead []int `json:"dead,omitempty"`
	// Bias are the biases of this layer that change so that removing dead
	// neurons does not change the network's outputs.
	Bias []Bias `json:"bias,omitempty"`
}

// Bias is the new value of a neuron's bias.
type Bias struct {
	Neuron int     `json:"neuron"`
	Value  float32 `json:"value"`
}

// Dropout is the new rate of a dropout node.
type Dropout struct {
	Node string  `json:"node"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Sparsity is the share of the layer's weights that is masked afterwards.
func (l Layer) Sparsity() float64 { return share(l.Weights-l.After, l.Weights) }

// Sparsity is the share of all prunable weights, those of excluded layers too,
// that is masked afterwards.
func (p *Plan) Sparsity() float64 {
	if c := p.Channels; c != nil {
		return share(int(c.Dense.Weights-c.After.Weights), int(c.Dense.Weights))
	}
	return p.total().Sparsity()
}

func (p *Plan) total() Layer {
	total := Layer{Name: "total"}
	for _, l := range p.Layers {
		total.Weights += l.Weights
		total.Before += l.Before
		total.After += l.After
		total.Dead = append(total.Dead, l.Dead...)
	}
	return total
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// String is a table for people, a line for each layer and one for the total.
func (p *Plan) String() string {
	if p.Channels != nil {
		return p.Channels.String()
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\tweights\tbefore\tafter\tsparsity\tthreshold\tdead\t")
	for _, l := range append(p.Layers[:len(p.Layers):len(p.Layers)], p.total()) {
		threshold := "-"
		switch {
		case l.Excluded:
			threshold = "excluded"
		case l.Param != "":
			threshold = fmt.Sprintf("%.4g", l.Threshold)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.2f %%\t%s\t%d\t\n", l.Name, l.Weights, l.Before, l.After, 100*l.Sparsity(), threshold, len(l.Dead))
	}
	t.Flush() // into memory, cannot fail
	for _, d := range p.Dropout {
		fmt.Fprintf(&b, "dropout %s: %.4g -> %.4g\n", d.Node, d.From, d.To)
	}
	return b.String()
}

// String is a table for people, a line for each group and the costs.
func (c *Channels) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "channels of\tdense\tbefore\tafter\tthreshold\tnote\t")
	for _, g := range c.Groups {
		threshold, note := "-", g.Closed
		if g.Threshold != 0 {
			threshold = fmt.Sprintf("%.4g", g.Threshold)
		}
		if g.Spared > 0 {
			note = fmt.Sprintf("%d spared", g.Spared)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t\n", g.Name, g.Dense, g.Before, g.After, threshold, note)
	}
	t.Flush() // into memory, cannot fail
	fmt.Fprintf(&b, "parameters %d -> %d, MACs %d -> %d\n", c.Before.Params, c.After.Params, c.Before.MACs, c.After.MACs)
	return b.String()
}

// newPlan has what was chosen, by parameter; layers without a choice stay as
// they are.
func newPlan(net *models.Network, o Options, chosen map[string]*candidate) *Plan {
	plan := &Plan{Method: o.Method, Scope: o.Scope}
	for _, p := range prunable(net) {
		c, ok := chosen[p.Name]
		if !ok {
			c = &candidate{param: p, stays: present(p)}
		}
		plan.Layers = append(plan.Layers, newLayer(c, !ok))
	}
	return plan
}

func newLayer(c *candidate, excluded bool) Layer {
	l := Layer{
		Name: c.param.Node, Param: c.param.Name, Weights: len(c.stays),
		Before: kept(present(c.param)), Excluded: excluded, Threshold: c.threshold,
	}
	l.set(c.stays)
	return l
}

// set makes stays the layer's mask.
func (l *Layer) set(stays []bool) {
	l.After, l.Mask = kept(stays), nil
	if l.After < len(stays) {
		l.Mask = NewMask(stays)
	}
}

// stays is the mask, written out.
func (l *Layer) stays() []bool {
	stays := make([]bool, l.Weights)
	for i := range stays {
		stays[i] = l.Mask == nil || l.Mask.Stays(i)
	}
	return stays
}
