package gorgonia

import G "gorgonia.org/gorgonia"

// cheap is an operation over samples that takes less time to compute again,
// in the cache, than its result takes to be kept and read back, and whose
// operands are kept anyway. A training program computes batch normalization
// in the forward stage that convolves its result, and once more in the
// backward stage that needs it for the weights' gradient.
type cheap interface{ cheap() bool }

// mayBeLate says whether a node can be computed anew at each stage that reads
// it: all its readers go sample by sample.
func (c *compiler) mayBeLate(n *G.Node) bool {
	op, ok := n.Op().(cheap)
	if !ok || !op.cheap() {
		return false
	}
	for _, r := range c.results {
		if origin(r) == n {
			return false
		}
	}
	for _, reader := range c.readers[n] {
		if f, ok := reader.Op().(fused); ok && whenOf(f) != chunks {
			return false
		}
	}
	return true
}

// lateValue is the node's value at a stage.
func (c *compiler) lateValue(n *G.Node, stage int) *value {
	key := lateCopy{n, stage}
	if c.copies[key] == nil {
		c.copies[key] = c.mapped(n, n.Op().(fused), operands(n), stage)
	}
	return c.copies[key]
}
