package prune

import (
	"errors"
	"fmt"

	"espalier/models"
)

// Apply returns a copy of net with the plan carried out: channels removed, or
// masks set, masked weights exactly 0, biases and dropout rates changed. It
// fails if the plan was not made for this network: layers, sizes, the weights
// left before the pass and the dropout rates must agree, and nothing masked may
// come back.
func Apply(net *models.Network, plan *Plan) (*models.Network, error) {
	if plan.Channels != nil {
		small, err := plan.Channels.shrunk(net)
		if err != nil {
			return nil, fmt.Errorf("plan does not fit network %s: %w", net.Name, err)
		}
		return small, nil
	}
	return applyMasks(net, plan)
}

// Masked is Apply that removes nothing: the network keeps its size, and the
// channels that go count for nothing. It computes what Apply's network does.
func Masked(net *models.Network, plan *Plan) (*models.Network, error) {
	if plan.Channels != nil {
		masked, err := plan.Channels.masked(net)
		if err != nil {
			return nil, fmt.Errorf("plan does not fit network %s: %w", net.Name, err)
		}
		return masked, nil
	}
	return applyMasks(net, plan)
}

func applyMasks(net *models.Network, plan *Plan) (*models.Network, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	pruned := net.Clone()
	for i := range plan.Layers {
		if err := plan.Layers[i].apply(pruned); err != nil {
			return nil, fmt.Errorf("plan does not fit network %s: layer %s: %w", net.Name, plan.Layers[i].Name, err)
		}
	}
	for _, d := range plan.Dropout {
		if err := d.apply(pruned); err != nil {
			return nil, fmt.Errorf("plan does not fit network %s: dropout %s: %w", net.Name, d.Node, err)
		}
	}
	return pruned, nil
}

func (l *Layer) apply(net *models.Network) error {
	p := net.Param(l.Param)
	if p == nil || p.Node != l.Name || p.Role != models.RoleWeight {
		return fmt.Errorf("the network has no weight %q there", l.Param)
	}
	if l.Weights != len(p.Data) {
		return fmt.Errorf("the plan is for %d weights, the network has %d", l.Weights, len(p.Data))
	}
	if l.Mask != nil && len(l.Mask) != maskBytes(l.Weights) {
		return fmt.Errorf("the plan's mask has %d bytes, %d weights need %d", len(l.Mask), l.Weights, maskBytes(l.Weights))
	}
	before, after := present(p), l.stays()
	if n := kept(before); n != l.Before {
		return fmt.Errorf("the plan starts from %d weights, the network has %d left", l.Before, n)
	}
	if n := kept(after); n != l.After || n == 0 {
		return fmt.Errorf("the plan's mask leaves %d weights, the plan says %d and at least 1 must stay", n, l.After)
	}
	for i := range after {
		if after[i] && !before[i] {
			return fmt.Errorf("the plan keeps weight %d, which is pruned already", i)
		}
	}
	if l.After < l.Weights {
		p.Mask = after
		p.ApplyMask()
	}
	return l.applyBias(net)
}

func (l *Layer) applyBias(net *models.Network) error {
	if len(l.Bias) == 0 {
		return nil
	}
	bias := biasOf(net, l.Name)
	if bias == nil {
		return errors.New("the plan changes its biases, it has none")
	}
	for _, b := range l.Bias {
		if b.Neuron < 0 || b.Neuron >= len(bias.Data) || !finite(b.Value) {
			return fmt.Errorf("the plan sets bias %d of %d to %g", b.Neuron, len(bias.Data), b.Value)
		}
		bias.Data[b.Neuron] = b.Value
	}
	bias.ApplyMask()
	return nil
}

func (d Dropout) apply(net *models.Network) error {
	for i := range net.Nodes {
		node := &net.Nodes[i]
		if node.Name != d.Node || node.Op != models.OpDropout {
			continue
		}
		if node.Attrs.Rate != d.From {
			return fmt.Errorf("the plan starts from rate %g, the network has %g", d.From, node.Attrs.Rate)
		}
		if !(d.To >= 0 && d.To <= d.From) {
			return fmt.Errorf("the plan sets rate %g, allowed is 0 to %g", d.To, d.From)
		}
		node.Attrs.Rate = d.To
		return nil
	}
	return errors.New("the network has no such node")
}

// biasOf is the bias of a node, or nil.
func biasOf(net *models.Network, node string) *models.Param {
	for _, p := range net.Params {
		if p.Node == node && p.Role == models.RoleBias {
			return p
		}
	}
	return nil
}
