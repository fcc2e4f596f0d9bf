package zoo

import (
	"math"

	"espalier/models"
)

// chain appends nodes to a network.
type chain struct{ net *models.Network }

// add appends a node that reads those inputs, or the node before it where none
// is named, and returns its name.
func (c chain) add(name string, op models.Op, attrs models.Attrs, inputs ...string) string {
	if len(inputs) == 0 && len(c.net.Nodes) > 0 {
		inputs = []string{c.net.Output()}
	}
	c.net.Nodes = append(c.net.Nodes, models.Node{Name: name, Op: op, Attrs: attrs, Inputs: inputs})
	return name
}

// conv appends a convolution without bias: kernel x kernel, padded so that
// stride 1 keeps the size.
func (c chain) conv(name string, out, kernel, stride int) string {
	p := kernel / 2
	return c.add(name, models.OpConv2D, models.Attrs{Out: out, Kernel: square(kernel), Stride: strides(stride), Pad: [4]int{p, p, p, p}, NoBias: true})
}

func (c chain) norm(name string) string    { return c.add(name, models.OpBatchNorm, models.Attrs{}) }
func (c chain) relu(name string) string    { return c.add(name, models.OpReLU, models.Attrs{}) }
func (c chain) flatten(name string) string { return c.add(name, models.OpFlatten, models.Attrs{}) }

func (c chain) maxPool2(name string) string {
	return c.add(name, models.OpMaxPool, models.Attrs{Kernel: square(2), Stride: square(2)})
}

func (c chain) linear(name string, out int) string {
	return c.add(name, models.OpLinear, models.Attrs{Out: out})
}

// drop appends dropout, or nothing at rate 0.
func (c chain) drop(name string, rate float64) {
	if rate > 0 {
		c.add(name, models.OpDropout, models.Attrs{Rate: rate})
	}
}

// classify appends global average pooling and a linear layer of that name.
func (c chain) classify(name string, classes int) {
	c.add("avgpool", models.OpGlobalAvgPool, models.Attrs{})
	c.flatten("flatten")
	c.linear(name, classes)
}

func square(n int) [2]int { return [2]int{n, n} }

// strides is the pair of a stride, zero for 1 as the graph's defaults have it.
func strides(n int) [2]int {
	if n == 1 {
		return [2]int{}
	}
	return square(n)
}

// channels is a channel count under Options.Width.
func (o Options) channels(n int) int {
	if o.Width == 0 {
		return n
	}
	return max(1, int(math.Round(float64(n)*o.Width)))
}
