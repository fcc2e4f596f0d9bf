package gorgonia_test

import (
	"math"

	"espalier/models"
)

// image computes the operations on images, in the layout of the outside (NCHW)
// and by their definitions.
func (r *reference) image(node models.Node, in [][]float64, shapes map[string]models.Shape, n int) []float64 {
	x, from, to := in[0], shapes[node.Inputs[0]], shapes[node.Name]
	out := make([]float64, n*to.Size())
	switch node.Op {
	case models.OpConv2D:
		r.conv2d(node, out, x, from, to, n)
	case models.OpBatchNorm:
		r.batchNorm(node, out, x, from, n)
	case models.OpAdd:
		for _, v := range in {
			for i := range out {
				out[i] += v[i]
			}
		}
	case models.OpMul:
		for i := range out {
			out[i] = x[i] * in[1][i*len(in[1])/len(x)]
		}
	case models.OpConcat:
		concatenate(out, in, n)
	case models.OpChannelSelect:
		plane := from.Size() / from[0]
		for s := range n {
			for c, channel := range node.Attrs.Channels {
				if channel >= 0 {
					copy(out[(s*to[0]+c)*plane:][:plane], x[(s*from[0]+channel)*plane:])
				}
			}
		}
	case models.OpMaxPool, models.OpAvgPool:
		pool(node, out, x, from, to, n)
	case models.OpGlobalAvgPool:
		plane := from[1] * from[2]
		for i := range out {
			for _, v := range x[i*plane : (i+1)*plane] {
				out[i] += v / float64(plane)
			}
		}
	case models.OpLRN:
		lrn(node.Attrs, out, x, from, n)
	default:
		for i, v := range x {
			out[i] = activation(node, v)
		}
	}
	return out
}

func (r *reference) conv2d(node models.Node, out, x []float64, from, to models.Shape, n int) {
	a, w := node.Attrs.Defaults(), r.params[node.Name+".weight"]
	in, filters := from[0]/a.Groups, to[0]/a.Groups
	at := 0
	for s := range n {
		for o := range to[0] {
			for p := range to[1] * to[2] {
				sum := 0.0
				if !a.NoBias {
					sum = r.params[node.Name+".bias"][o]
				}
				for c := range in {
					for k := range a.Kernel[0] * a.Kernel[1] {
						i := p/to[2]*a.Stride[0] - a.Pad[0] + k/a.Kernel[1]*a.Dilation[0]
						j := p%to[2]*a.Stride[1] - a.Pad[1] + k%a.Kernel[1]*a.Dilation[1]
						if i >= 0 && i < from[1] && j >= 0 && j < from[2] {
							channel := o/filters*in + c
							sum += w[(o*in+c)*a.Kernel[0]*a.Kernel[1]+k] * x[((s*from[0]+channel)*from[1]+i)*from[2]+j]
						}
					}
				}
				out[at] = sum
				at++
			}
		}
	}
}

func (r *reference) batchNorm(node models.Node, out, x []float64, from models.Shape, n int) {
	a, plane := node.Attrs.Defaults(), from.Size()/from[0]
	for c := range from[0] {
		mean, variance := r.params[node.Name+".mean"][c], r.params[node.Name+".variance"][c]
		if r.train {
			mean, variance = moments(x, c, from[0], plane, n)
		}
		gamma, beta := 1.0, 0.0
		if !a.NoScale {
			gamma = r.params[node.Name+".gamma"][c]
		}
		if !a.NoShift {
			beta = r.params[node.Name+".beta"][c]
		}
		for s := range n {
			at := (s*from[0] + c) * plane
			for i := at; i < at+plane; i++ {
				out[i] = (x[i]-mean)/math.Sqrt(variance+a.Eps)*gamma + beta
			}
		}
	}
}

// moments are the mean and the biased variance of channel c.
func moments(x []float64, c, channels, plane, n int) (mean, variance float64) {
	m := float64(n * plane)
	for s := range n {
		for _, v := range x[(s*channels+c)*plane:][:plane] {
			mean += v / m
		}
	}
	for s := range n {
		for _, v := range x[(s*channels+c)*plane:][:plane] {
			variance += (v - mean) * (v - mean) / m
		}
	}
	return mean, variance
}

func concatenate(out []float64, in [][]float64, n int) {
	for s := range n {
		for _, v := range in {
			width := len(v) / n
			out = out[copy(out, v[s*width:(s+1)*width]):]
		}
	}
}

func pool(node models.Node, out, x []float64, from, to models.Shape, n int) {
	a := node.Attrs.Defaults()
	for at := range out {
		plane, p := x[at/(to[1]*to[2])*from[1]*from[2]:], at%(to[1]*to[2])
		top, sum, count := math.Inf(-1), 0.0, 0.0
		for k := range a.Kernel[0] * a.Kernel[1] {
			i := p/to[2]*a.Stride[0] - a.Pad[0] + k/a.Kernel[1]
			j := p%to[2]*a.Stride[1] - a.Pad[1] + k%a.Kernel[1]
			inside := i >= 0 && i < from[1] && j >= 0 && j < from[2]
			padding := i < from[1]+a.Pad[2] && j < from[2]+a.Pad[3]
			if inside {
				v := plane[i*from[2]+j]
				top, sum = math.Max(top, v), sum+v
			}
			if inside || a.CountPad && padding {
				count++
			}
		}
		if out[at] = top; node.Op == models.OpAvgPool {
			out[at] = sum / count
		}
	}
	_ = n
}

func lrn(a models.Attrs, out, x []float64, from models.Shape, n int) {
	plane := from[1] * from[2]
	for at := range out {
		c, sum := at/plane%from[0], 0.0
		for k := max(0, c-a.Size/2); k <= min(from[0]-1, c+(a.Size-1)/2); k++ {
			v := x[at+(k-c)*plane]
			sum += v * v
		}
		out[at] = x[at] / math.Pow(a.Bias+a.Alpha/float64(a.Size)*sum, a.Beta)
	}
	_ = n
}

func activation(node models.Node, v float64) float64 {
	hard := math.Min(math.Max(v/6+0.5, 0), 1)
	switch node.Op {
	case models.OpReLU6:
		return math.Min(math.Max(v, 0), 6)
	case models.OpLeakyReLU:
		if v < 0 {
			return v * node.Attrs.Slope
		}
		return v
	case models.OpSigmoid:
		return 1 / (1 + math.Exp(-v))
	case models.OpTanh:
		return math.Tanh(v)
	case models.OpHardSigmoid:
		return hard
	case models.OpHardSwish:
		return v * hard
	case models.OpSiLU:
		return v / (1 + math.Exp(-v))
	default:
		panic("reference: op " + node.Op)
	}
}
