package zoo

import (
	"cmp"
	"fmt"

	"espalier/models"
)

// denseNet40 has three dense blocks of 12 layers, without bottlenecks, and
// transitions that keep the number of channels (Huang et al. 2017, section 3).
// Dropout follows each convolution but the first.
func denseNet40(g chain, o Options) {
	const blocks, layers = 3, 12
	width, growth := o.channels(cmp.Or(o.Stem, 16)), o.channels(cmp.Or(o.Growth, 12))
	g.conv("conv1", width, 3, 1)
	for b := range blocks {
		if b > 0 {
			transition(g, fmt.Sprintf("trans%d.", b), width, o.Dropout)
		}
		for i := range layers {
			denseLayer(g, fmt.Sprintf("dense%d.%d.", b+1, i), growth, o.Dropout)
			width += growth
		}
	}
	g.norm("bn")
	g.relu("relu")
	g.classify("fc", o.Classes)
}

// denseLayer puts its growth channels behind those that it reads.
func denseLayer(g chain, name string, growth int, dropout float64) {
	input := g.net.Output()
	g.norm(name + "bn1")
	g.relu(name + "relu1")
	g.conv(name+"conv1", growth, 3, 1)
	g.drop(name+"drop1", dropout)
	g.add(name+"concat", models.OpConcat, models.Attrs{}, input, g.net.Output())
}

func transition(g chain, name string, width int, dropout float64) {
	g.norm(name + "bn1")
	g.relu(name + "relu1")
	g.conv(name+"conv1", width, 1, 1)
	g.drop(name+"drop1", dropout)
	g.add(name+"avgpool", models.OpAvgPool, models.Attrs{Kernel: square(2), Stride: square(2)})
}
