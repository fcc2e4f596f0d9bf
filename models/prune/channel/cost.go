package channel

import "espalier/models"

// Cost is the size of a network, by the usual rules.
type Cost struct {
	Params  int64 `json:"params"`  // weights, biases, scales and shifts; no running statistics
	Weights int64 `json:"weights"` // of convolutions and linear layers
	MACs    int64 `json:"macs"`    // multiply-adds of convolutions and linear layers for one sample
}

// Counter counts what removing units would leave, for one network. It is safe
// for concurrent use.
type Counter struct{ a *analysis }

// NewCounter fails on a network that is not valid.
func NewCounter(net *models.Network) (*Counter, error) {
	a, err := analyse(net, nil)
	if err != nil {
		return nil, err
	}
	return &Counter{a}, nil
}

// After is the cost of what [Remove] would make of the network, and its errors.
// It takes time in proportion to the channels of all nodes, not to parameters.
func (c *Counter) After(set Set) (Cost, error) {
	cut, err := c.a.cut(set)
	if err != nil {
		return Cost{}, err
	}
	var cost Cost
	for _, node := range c.a.net.Nodes {
		if !cut.alive[node.Name] {
			continue
		}
		pixels := int64(c.a.shapes[node.Name][1:].Size())
		for _, p := range c.a.params[node.Name] {
			rows, columns := cut.sides(node, p)
			size := int64(p.Shape.Size() / p.Shape[0] * len(rows))
			if columns != nil {
				size = size / int64(p.Shape[1]) * int64(len(columns))
			}
			if p.Role.Trained() {
				cost.Params += size
			}
			if p.Role == models.RoleWeight {
				cost.Weights += size
				cost.MACs += size * pixels
			}
		}
	}
	return cost, nil
}

// Saving is by how much removing the units makes the network cheaper.
func (c *Counter) Saving(set Set) (Cost, error) {
	before, err := c.After(nil)
	if err != nil {
		return Cost{}, err
	}
	after, err := c.After(set)
	if err != nil {
		return Cost{}, err
	}
	return Cost{Params: before.Params - after.Params, Weights: before.Weights - after.Weights, MACs: before.MACs - after.MACs}, nil
}
