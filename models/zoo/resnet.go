package zoo

import (
	"fmt"
	"slices"

	"espalier/models"
)

// resNet is the CIFAR form of He et al. 2016, section 4.2: a 3x3 stem of 16
// filters and three stages of 16, 32 and 64, each of so many basic blocks; the
// second and third begin with stride 2.
func resNet(g chain, blocks int, o Options) {
	g.conv("conv1", o.channels(16), 3, 1)
	g.norm("bn1")
	g.relu("relu1")
	width := o.channels(16)
	for s, filters := range []int{16, 32, 64} {
		for i := range blocks {
			stride := 1
			if s > 0 && i == 0 {
				stride = 2
			}
			basicBlock(g, fmt.Sprintf("layer%d.%d.", s+1, i), width, o.channels(filters), stride, o.Shortcut)
			width = o.channels(filters)
		}
	}
	g.classify("linear", o.Classes)
}

// basicBlock is conv, norm, ReLU, conv, norm, plus the shortcut, ReLU.
func basicBlock(g chain, name string, in, out, stride int, shortcut string) {
	block := g.net.Output()
	g.conv(name+"conv1", out, 3, stride)
	g.norm(name + "bn1")
	g.relu(name + "relu1")
	g.conv(name+"conv2", out, 3, 1)
	main := g.norm(name + "bn2")
	side := block
	switch {
	case stride == 1:
	case shortcut == ShortcutProjection:
		g.add(name+"shortcut.0", models.OpConv2D, models.Attrs{Out: out, Stride: strides(stride), NoBias: true}, block)
		side = g.norm(name + "shortcut.1")
	default:
		g.add(name+"shortcut.subsample", models.OpMaxPool, models.Attrs{Stride: strides(stride)}, block)
		side = g.add(name+"shortcut.pad", models.OpChannelSelect, models.Attrs{Channels: padded(in, out)})
	}
	g.add(name+"add", models.OpAdd, models.Attrs{}, main, side)
	g.relu(name + "relu2")
}

// padded selects all channels, with channels of zeros before and behind so
// that there are out of them. It is half of them on either side, as in the code
// that the published weights come from; He et al. do not say where.
func padded(in, out int) []int {
	before := max(0, out-in) / 2
	channels := slices.Repeat([]int{-1}, out)
	for c := range min(in, out) {
		channels[before+c] = c
	}
	return channels
}

// preResNet164 has 18 bottleneck blocks a stage, each with its normalizations
// before its convolutions (He et al. 2016, "Identity mappings in deep residual
// networks"). The first block of a stage has a bare 1x1 convolution on its
// shortcut, which reads the block's input before the first normalization.
func preResNet164(g chain, o Options) {
	const blocks, expansion = 18, 4
	g.conv("conv1", o.channels(16), 3, 1)
	for s, filters := range []int{16, 32, 64} {
		for i := range blocks {
			stride := 1
			if s > 0 && i == 0 {
				stride = 2
			}
			bottleneck(g, fmt.Sprintf("layer%d.%d.", s+1, i), o.channels(filters), expansion*o.channels(filters), stride, i == 0)
		}
	}
	g.norm("bn")
	g.relu("relu")
	g.classify("fc", o.Classes)
}

func bottleneck(g chain, name string, filters, out, stride int, project bool) {
	block := g.net.Output()
	for i, conv := range []struct{ out, kernel, stride int }{{filters, 1, 1}, {filters, 3, stride}, {out, 1, 1}} {
		g.norm(fmt.Sprintf("%sbn%d", name, i+1))
		g.relu(fmt.Sprintf("%srelu%d", name, i+1))
		g.conv(fmt.Sprintf("%sconv%d", name, i+1), conv.out, conv.kernel, conv.stride)
	}
	main, side := g.net.Output(), block
	if project {
		side = g.add(name+"downsample.0", models.OpConv2D, models.Attrs{Out: out, Stride: strides(stride), NoBias: true}, block)
	}
	g.add(name+"add", models.OpAdd, models.Attrs{}, main, side)
}
