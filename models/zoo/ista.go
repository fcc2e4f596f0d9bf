package zoo

import (
	"fmt"

	"espalier/models"
)

// The networks of Ye et al. 2018, "Rethinking the smaller-norm-less-informative
// assumption in channel pruning of convolution layers", as in the authors'
// TensorFlow code: padding is SAME, and epsilon is 1e-3.
const istaEps = 1e-3

// istaConvNet is the paper's ConvNet. The fourth convolution covers the 4x4
// image that is left and the fifth is the classifier; every one of them has
// batch normalization, and all but the last ReLU.
func istaConvNet(g chain, o Options) {
	size := o.Input[1:]
	for i, c := range []struct{ filters, kernel int }{{96, 5}, {192, 5}, {192, 3}} {
		n := fmt.Sprint(i + 1)
		g.conv("conv"+n, o.channels(c.filters), c.kernel, 1)
		g.istaNorm("bn"+n, models.Attrs{})
		g.relu("relu" + n)
		pad := samePadding(size, 3, 2)
		g.add("pool"+n, models.OpMaxPool, models.Attrs{Kernel: square(3), Stride: square(2), Pad: pad})
		size = halved(size)
	}
	g.add("conv4", models.OpConv2D, models.Attrs{Out: o.channels(384), Kernel: square(4), NoBias: true})
	g.istaNorm("bn4", models.Attrs{})
	g.relu("relu4")
	g.conv("conv5", o.Classes, 1, 1)
	g.istaNorm("bn5", models.Attrs{})
	g.flatten("flatten")
}

// istaResNet20 is resnet-20 with 2x2 convolutions of stride 2 on the shortcuts
// and a 1x1 convolution as the classifier. Only the first normalization of a
// block, the one whose channels may go, and the classifier's have a scale.
func istaResNet20(g chain, o Options) {
	size := o.Input[1:]
	g.conv("conv1", o.channels(16), 3, 1)
	g.istaNorm("bn1", models.Attrs{NoScale: true})
	g.relu("relu1")
	for s, filters := range []int{16, 32, 64} {
		for i := range 3 {
			stride := 1
			if s > 0 && i == 0 {
				stride = 2
			}
			istaBlock(g, fmt.Sprintf("layer%d.%d.", s+1, i), o.channels(filters), stride, size)
			if stride == 2 {
				size = halved(size)
			}
		}
	}
	g.add("avgpool", models.OpGlobalAvgPool, models.Attrs{})
	g.conv("linear", o.Classes, 1, 1)
	g.istaNorm("bn2", models.Attrs{})
	g.flatten("flatten")
}

func istaBlock(g chain, name string, out, stride int, size []int) {
	unscaled, block := models.Attrs{NoScale: true}, g.net.Output()
	conv := func(node string, kernel, stride int, input string) {
		g.add(name+node, models.OpConv2D, models.Attrs{Out: out, Kernel: square(kernel), Stride: strides(stride), Pad: samePadding(size, kernel, stride), NoBias: true}, input)
	}
	side := block
	if stride > 1 {
		conv("shortcut.0", 2, stride, block)
		side = g.istaNorm(name+"shortcut.1", unscaled)
	}
	conv("conv1", 3, stride, block)
	g.istaNorm(name+"bn1", models.Attrs{})
	g.relu(name + "relu1")
	g.conv(name+"conv2", out, 3, 1)
	main := g.istaNorm(name+"bn2", unscaled)
	g.add(name+"add", models.OpAdd, models.Attrs{}, main, side)
	g.relu(name + "relu2")
}

func (c chain) istaNorm(name string, a models.Attrs) string {
	a.Eps = istaEps
	return c.add(name, models.OpBatchNorm, a)
}

// samePadding is TensorFlow's SAME: as many windows as the stride divides the
// image into, rounded up, and the odd row and column of zeros below and right.
func samePadding(size []int, kernel, stride int) (pad [4]int) {
	for d, n := range size {
		windows := (n + stride - 1) / stride
		total := max(0, (windows-1)*stride+kernel-n)
		pad[d], pad[d+2] = total/2, total-total/2
	}
	return pad
}

// halved is the size behind a stride of 2 with SAME padding.
func halved(size []int) []int { return []int{(size[0] + 1) / 2, (size[1] + 1) / 2} }
