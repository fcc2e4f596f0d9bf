package zoo

import (
	"fmt"
	"strings"

	"espalier/models"
)

// mlp is [flatten], then linear, [batch normalization], ReLU and [dropout] for
// each hidden width, then linear to the classes.
func mlp(g chain, hidden []int, o Options) {
	if len(o.Input) > 1 {
		g.flatten("flatten")
	}
	for i, width := range hidden {
		g.hidden(i+1, width, o)
	}
	g.linear(fmt.Sprintf("fc%d", len(hidden)+1), o.Classes)
}

// hidden appends the i-th hidden linear layer and what follows it.
func (c chain) hidden(i, width int, o Options) {
	c.linear(fmt.Sprintf("fc%d", i), width)
	if o.BatchNorm {
		c.norm(fmt.Sprintf("bn%d", i))
	}
	c.relu(fmt.Sprintf("relu%d", i))
	c.drop(fmt.Sprintf("drop%d", i), o.Dropout)
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

// lenet5 is Caffe's LeNet. Its convolutions have biases and, but for
// Options.ReLU, no ReLU: the max pools are then all that is not linear before
// the hidden layer.
func lenet5(g chain, o Options) {
	for i, filters := range []int{20, 50} {
		g.add(fmt.Sprintf("conv%d", i+1), models.OpConv2D, models.Attrs{Out: o.channels(filters), Kernel: square(5)})
		if o.BatchNorm {
			g.norm(fmt.Sprintf("conv%d.bn", i+1))
		}
		if o.ReLU {
			g.relu(fmt.Sprintf("conv%d.relu", i+1))
		}
		g.maxPool2(fmt.Sprintf("pool%d", i+1))
	}
	g.flatten("flatten")
	g.hidden(1, o.channels(500), o)
	g.linear("fc2", o.Classes)
}
