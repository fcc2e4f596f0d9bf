package channel

import (
	"fmt"
	"math"

	"espalier/models"
)

// Rescale multiplies the scales and shifts of batch normalization by alpha and
// divides the weights that read them by it, so that the network computes what
// it did: with a small alpha, steps of the same size move the scales further in
// proportion (Ye et al. 2018, section 4). [Penalties] stay what they are, and
// Rescale by 1/alpha undoes it, up to rounding. Exact zeros stay. net is not
// changed.
//
// That works where what is between the scale and the layers that read it takes
// a factor out: relu and leaky relu, pools, dropout, flattening, selections,
// concatenations, sums of what is all scaled, and products of which one factor
// is. A batch normalization that reaches anything else, another one or the
// output is left as it is, and so is one without a scale.
func Rescale(net *models.Network, alpha float64) (*models.Network, error) {
	if !(alpha > 0 && alpha <= math.MaxFloat32 && 1/alpha <= math.MaxFloat32) {
		return nil, fmt.Errorf("rescale: alpha %g is not a positive number", alpha)
	}
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	s := &scaling{analysis: a, chosen: map[string]bool{}}
	for _, node := range net.Nodes {
		s.chosen[node.Name] = node.Op == models.OpBatchNorm && !node.Attrs.NoScale
	}
	for settled := false; !settled; {
		settled = s.follow()
	}
	other := net.Clone()
	params := make(map[string]*models.Param, len(other.Params))
	for _, p := range other.Params {
		params[p.Name] = p
	}
	for _, node := range net.Nodes {
		for _, p := range a.params[node.Name] {
			if err := multiply(params[p.Name], s.factors(node, p, alpha)); err != nil {
				return nil, err
			}
		}
	}
	return other, nil
}

// scaling finds the batch normalizations that can be scaled: it begins with all
// of them and gives up those whose factor would get lost.
type scaling struct {
	*analysis
	chosen map[string]bool // batch normalizations that are scaled
	factor map[string][]factor
}

// factor is what a channel is multiplied by.
type factor int

const (
	once   factor = iota // 1
	scaled               // alpha
	either               // whatever, for the channel is 0
)

// follow follows the factors through the graph once. Where they do not come
// through it gives up what they come from, and answers false.
func (s *scaling) follow() bool {
	settled, seen := true, map[port]bool{}
	s.factor = make(map[string][]factor, len(s.net.Nodes))
	for _, node := range s.net.Nodes {
		out := make([]factor, len(s.of[node.Name]))
		for i := range out {
			f, fits := s.through(node, i)
			if f == scaled && node.Name == s.net.Output() {
				fits = false
			}
			if !fits {
				settled = false
				s.giveUp(node, i, seen)
				f = once
			}
			out[i] = f
		}
		s.factor[node.Name] = out
	}
	return settled
}

// through is the factor of the node's channel i, and whether there is one.
func (s *scaling) through(node models.Node, i int) (factor, bool) {
	var seen [3]int
	sources := s.sources(node, i)
	for _, p := range sources {
		seen[s.factor[p.node][p.channel]]++
	}
	switch node.Op {
	case models.OpBatchNorm:
		if s.chosen[node.Name] {
			return scaled, seen[scaled] == 0
		}
		return once, seen[scaled] == 0
	case models.OpInput, models.OpLinear, models.OpConv2D: // their weights undo the factor
		return once, true
	case models.OpMul:
		if seen[either] > 0 {
			return either, true
		}
		return factor(min(seen[scaled], 1)), seen[scaled] < 2
	case models.OpAdd, models.OpReLU, models.OpLeakyReLU, models.OpMaxPool, models.OpAvgPool, models.OpGlobalAvgPool,
		models.OpDropout, models.OpFlatten, models.OpChannelSelect, models.OpConcat:
		switch {
		case seen[either] == len(sources):
			return either, true
		case seen[scaled] > 0:
			return scaled, seen[once] == 0
		}
		return once, true
	default:
		return once, seen[scaled] == 0
	}
}

// giveUp leaves the batch normalizations as they are whose channels reach the
// node's channel i: the node itself is one only if it ends the network.
func (s *scaling) giveUp(node models.Node, i int, seen map[port]bool) {
	if node.Name == s.net.Output() {
		s.chosen[node.Name] = false
	}
	for _, p := range s.sources(node, i) {
		if seen[p] || s.factor[p.node][p.channel] != scaled {
			continue
		}
		seen[p] = true
		if s.chosen[p.node] {
			s.chosen[p.node] = false
			continue
		}
		from, _ := s.net.Node(p.node)
		s.giveUp(from, p.channel, seen)
	}
}

// factors yields what each element of a parameter is multiplied by.
func (s *scaling) factors(node models.Node, p *models.Param, alpha float64) func(at int) float64 {
	switch {
	case p.Role == models.RoleWeight:
		in := s.factor[node.Inputs[0]]
		row, taps := p.Shape[1:].Size(), p.Shape[2:].Size()
		filters := p.Shape[0] / node.Attrs.Defaults().Groups
		return func(at int) float64 {
			if in[at/row/filters*p.Shape[1]+at%row/taps] == scaled {
				return 1 / alpha
			}
			return 1
		}
	case s.chosen[node.Name] && (p.Role == models.RoleGamma || p.Role == models.RoleBeta):
		return func(int) float64 { return alpha }
	default:
		return func(int) float64 { return 1 }
	}
}

func multiply(p *models.Param, by func(at int) float64) error {
	for i, v := range p.Data {
		f := by(i)
		if f == 1 {
			continue
		}
		p.Data[i] = float32(float64(v) * f)
		if w := float64(p.Data[i]); math.IsInf(w, 0) {
			return fmt.Errorf("rescale: %s[%d] times %g is too large: %g", p.Name, i, f, v)
		}
	}
	return nil
}
