package prune_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models"
)

// forward computes the output for one sample in float64, the plain way.
func forward(t testing.TB, net *models.Network, x []float64) []float64 {
	t.Helper()
	shapes, err := net.Shapes()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	for _, node := range net.Nodes {
		var in [][]float64
		for _, input := range node.Inputs {
			in = append(in, values[input])
		}
		e := evaluation{net, node, in, shapes}
		switch node.Op {
		case models.OpInput:
			values[node.Name] = x
		case models.OpFlatten, models.OpDropout:
			values[node.Name] = in[0]
		case models.OpLinear, models.OpConv2D:
			values[node.Name] = e.conv()
		case models.OpBatchNorm:
			values[node.Name] = e.norm()
		case models.OpMaxPool, models.OpGlobalAvgPool:
			values[node.Name] = e.pool()
		case models.OpAdd, models.OpConcat, models.OpChannelSelect:
			values[node.Name] = e.join()
		case models.OpReLU:
			values[node.Name] = each(in[0], func(v float64) float64 { return max(v, 0) })
		case models.OpSigmoid:
			values[node.Name] = each(in[0], func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
		default:
			t.Fatalf("the reference does not know %s", node.Op)
		}
		if got, want := len(values[node.Name]), shapes[node.Name].Size(); got != want {
			t.Fatalf("%s puts out %d values, want %d", node.Name, got, want)
		}
	}
	return values[net.Output()]
}

func each(x []float64, f func(float64) float64) []float64 {
	y := slices.Clone(x)
	for i := range y {
		y[i] = f(y[i])
	}
	return y
}

// evaluation is one node with what it reads.
type evaluation struct {
	net    *models.Network
	node   models.Node
	in     [][]float64
	shapes map[string]models.Shape
}

// image is a shape with height and width, 1 for flat ones.
func (e evaluation) image(node string) (c, h, w int) {
	s := e.shapes[node]
	if len(s) == 1 {
		return s[0], 1, 1
	}
	return s[0], s[1], s[2]
}

func (e evaluation) param(role models.Role) []float32 {
	if p := e.net.Param(e.node.Name + "." + string(role)); p != nil {
		return p.Data
	}
	return nil
}

// conv is a convolution of any stride, padding and groups; linear is one of
// 1x1 images.
func (e evaluation) conv() []float64 {
	a := e.node.Attrs.Defaults()
	c, h, w := e.image(e.node.Inputs[0])
	k, oh, ow := e.image(e.node.Name)
	weight, bias := e.param(models.RoleWeight), e.param(models.RoleBias)
	read := c / a.Groups
	y := make([]float64, k*oh*ow)
	for at := range y {
		filter, row, column := at/(oh*ow), at/ow%oh, at%ow
		if bias != nil {
			y[at] = float64(bias[filter])
		}
		for i := range read * a.Kernel[0] * a.Kernel[1] {
			channel := filter/(k/a.Groups)*read + i/(a.Kernel[0]*a.Kernel[1])
			u := row*a.Stride[0] - a.Pad[0] + i/a.Kernel[1]%a.Kernel[0]*a.Dilation[0]
			v := column*a.Stride[1] - a.Pad[1] + i%a.Kernel[1]*a.Dilation[1]
			if u >= 0 && u < h && v >= 0 && v < w {
				y[at] += float64(weight[filter*read*a.Kernel[0]*a.Kernel[1]+i]) * e.in[0][(channel*h+u)*w+v]
			}
		}
	}
	return y
}

func (e evaluation) norm() []float64 {
	a := e.node.Attrs.Defaults()
	_, h, w := e.image(e.node.Name)
	mean, variance, gamma, beta := e.param(models.RoleMean), e.param(models.RoleVariance), e.param(models.RoleGamma), e.param(models.RoleBeta)
	y := slices.Clone(e.in[0])
	for i := range y {
		c := i / (h * w)
		y[i] = (y[i] - float64(mean[c])) / math.Sqrt(float64(variance[c])+a.Eps)
		if gamma != nil {
			y[i] *= float64(gamma[c])
		}
		if beta != nil {
			y[i] += float64(beta[c])
		}
	}
	return y
}

// pool is the maximum of windows, or the mean of the whole image.
func (e evaluation) pool() []float64 {
	a := e.node.Attrs.Defaults()
	c, h, w := e.image(e.node.Inputs[0])
	_, oh, ow := e.image(e.node.Name)
	y := make([]float64, c*oh*ow)
	for at := range y {
		channel := e.in[0][at/(oh*ow)*h*w:][:h*w]
		if e.node.Op == models.OpGlobalAvgPool {
			for _, v := range channel {
				y[at] += v / float64(h*w)
			}
			continue
		}
		y[at] = math.Inf(-1)
		for i := range a.Kernel[0] * a.Kernel[1] {
			u, v := at/ow%oh*a.Stride[0]-a.Pad[0]+i/a.Kernel[1], at%ow*a.Stride[1]-a.Pad[1]+i%a.Kernel[1]
			if u >= 0 && u < h && v >= 0 && v < w {
				y[at] = max(y[at], channel[u*w+v])
			}
		}
	}
	return y
}

// join is the operations that move or add whole channels.
func (e evaluation) join() []float64 {
	_, h, w := e.image(e.node.Name)
	var y []float64
	switch e.node.Op {
	case models.OpAdd:
		y = slices.Clone(e.in[0])
		for _, x := range e.in[1:] {
			for i := range y {
				y[i] += x[i]
			}
		}
	case models.OpConcat:
		y = slices.Concat(e.in...)
	default:
		for _, c := range e.node.Attrs.Channels {
			if c < 0 {
				y = append(y, make([]float64, h*w)...)
				continue
			}
			y = append(y, e.in[0][c*h*w:(c+1)*h*w]...)
		}
	}
	return y
}
