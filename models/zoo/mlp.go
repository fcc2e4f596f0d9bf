package zoo

import (
	"errors"
	"fmt"
	"strings"

	"espalier/models"
)

// mlp is [flatten], then linear, ReLU and [dropout] for each hidden width, then
// linear to the classes.
func mlp(name string, hidden []int, o Options) (*models.Network, error) {
	if err := checkMLP(hidden, o); err != nil {
		return nil, err
	}
	net := &models.Network{Name: name, Input: append(models.Shape(nil), o.Input...)}
	chain := chain{net: net}
	chain.add("input", models.OpInput, models.Attrs{})
	if len(o.Input) > 1 {
		chain.add("flatten", models.OpFlatten, models.Attrs{})
	}
	for i, width := range hidden {
		chain.add(fmt.Sprintf("fc%d", i+1), models.OpLinear, models.Attrs{Out: width})
		chain.add(fmt.Sprintf("relu%d", i+1), models.OpReLU, models.Attrs{})
		if o.Dropout > 0 {
			chain.add(fmt.Sprintf("drop%d", i+1), models.OpDropout, models.Attrs{Rate: o.Dropout})
		}
	}
	chain.add(fmt.Sprintf("fc%d", len(hidden)+1), models.OpLinear, models.Attrs{Out: o.Classes})
	return net, allocate(net)
}

func checkMLP(hidden []int, o Options) error {
	if len(hidden) == 0 {
		return errors.New("hidden is empty; give the width of at least one hidden layer")
	}
	for i, width := range hidden {
		if width < 1 || width > maxWidth {
			return fmt.Errorf("hidden width %d is %d; allowed is 1 to %d", i+1, width, maxWidth)
		}
	}
	if !(o.Dropout >= 0 && o.Dropout < 1) { // written so that NaN fails too
		return fmt.Errorf("dropout %g is not in [0, 1)", o.Dropout)
	}
	if o.Classes < 2 || o.Classes > maxWidth {
		return fmt.Errorf("%d classes; allowed is 2 to %d", o.Classes, maxWidth)
	}
	features := 1
	for _, extent := range o.Input {
		if extent < 1 || extent > maxParams/features {
			return fmt.Errorf("input shape %v: every extent is at least 1 and their product at most %d", o.Input, maxParams)
		}
		features *= extent
	}
	if len(o.Input) == 0 {
		return errors.New("input shape is empty; give the extents of one sample")
	}
	return nil
}

// mlpName says the widths: "mlp-500-300".
func mlpName(hidden []int) string {
	var b strings.Builder
	b.WriteString("mlp")
	for _, width := range hidden {
		fmt.Fprintf(&b, "-%d", width)
	}
	return b.String()
}

// chain appends nodes that each read the one before.
type chain struct{ net *models.Network }

func (c chain) add(name string, op models.Op, attrs models.Attrs) {
	node := models.Node{Name: name, Op: op, Attrs: attrs}
	if n := len(c.net.Nodes); n > 0 {
		node.Inputs = []string{c.net.Nodes[n-1].Name}
	}
	c.net.Nodes = append(c.net.Nodes, node)
}
