package zoo

import (
	"fmt"

	"espalier/models"
)

// vggStages are the filters of the 3x3 convolutions, by architecture and stage.
// A 2x2 max pool ends each stage but the last.
func vggStages() map[string][][]int {
	return map[string][][]int{
		"vgg-11-bn": {{64}, {128}, {256, 256}, {512, 512}, {512, 512}},
		"vgg-13-bn": {{64, 64}, {128, 128}, {256, 256}, {512, 512}, {512, 512}},
		"vgg-16-bn": {{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}},
		"vgg-19-bn": {{64, 64}, {128, 128}, {256, 256, 256, 256}, {512, 512, 512, 512}, {512, 512, 512, 512}},
	}
}

// vgg is the CIFAR form. Behind the last stage an image of 32x32 is 2x2, which
// the papers' code averages; larger images are averaged whole too.
func vgg(g chain, stages [][]int, o Options) {
	for s, filters := range stages {
		for i, n := range filters {
			layer := fmt.Sprintf("%d_%d", s+1, i+1)
			g.conv("conv"+layer, o.channels(n), 3, 1)
			g.norm("bn" + layer)
			g.relu("relu" + layer)
		}
		if s < len(stages)-1 {
			g.maxPool2(fmt.Sprintf("pool%d", s+1))
		}
	}
	g.add("avgpool", models.OpGlobalAvgPool, models.Attrs{})
	g.flatten("flatten")
	if o.Head != HeadLi {
		g.drop("drop1", o.Dropout)
		g.linear("fc1", o.Classes)
		return
	}
	o.BatchNorm = true
	g.hidden(1, o.channels(512), o)
	g.linear("fc2", o.Classes)
}
