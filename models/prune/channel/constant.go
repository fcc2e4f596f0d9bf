package channel

import (
	"math"

	"espalier/models"
)

// Constants finds the units that are the same for every input and pixel
// wherever a layer reads them, running statistics taken as they are: a scale of
// 0 makes batch normalization's shift of a channel, a filter of zeros its bias.
// What passes through activations and pools, and sums of constants, are
// constant too (Ye et al. 2018, section 4.1). Fixed units are left out, of the
// excluded layers too; units that no layer reads are in.
func Constants(net *models.Network, exclude ...string) (Set, error) {
	a, err := analyse(net, exclude)
	if err != nil {
		return nil, err
	}
	varies := make([]bool, len(a.units))
	values := a.constants()
	for _, node := range a.net.Nodes {
		if !a.makes(node) {
			continue
		}
		for i, v := range values[node.Inputs[0]] {
			if math.IsNaN(v) {
				varies[a.of[node.Inputs[0]][i]] = true
			}
		}
	}
	set := Set{}
	for _, g := range a.groups {
		for i, u := range a.member[g.Name] {
			if !varies[u] && a.units[u].Fixed == "" {
				set[g.Name] = append(set[g.Name], i)
			}
		}
	}
	return set, nil
}

// constants are the values of the constant channels of each node's output, NaN
// for what varies.
func (a *analysis) constants() map[string][]float64 {
	values := make(map[string][]float64, len(a.net.Nodes))
	for _, node := range a.net.Nodes {
		var in [][]float64
		for _, name := range node.Inputs {
			in = append(in, values[name])
		}
		out := make([]float64, len(a.of[node.Name]))
		for i := range out {
			out[i] = a.constant(node, in, i)
		}
		values[node.Name] = out
	}
	return values
}

// constant is channel i of what the node makes of its inputs' channels.
func (a *analysis) constant(node models.Node, in [][]float64, i int) float64 {
	switch node.Op {
	case models.OpInput:
		return math.NaN()
	case models.OpLinear, models.OpConv2D:
		return a.filtered(node, in[0], i)
	case models.OpBatchNorm:
		return a.normalized(node, in[0][i], i)
	case models.OpAdd:
		sum := 0.0
		for _, x := range in {
			sum += x[i]
		}
		return sum
	case models.OpMul:
		if in[0][i] == 0 || in[1][i] == 0 {
			return 0
		}
		return in[0][i] * in[1][i]
	case models.OpConcat:
		for _, x := range in {
			if i < len(x) {
				return x[i]
			}
			i -= len(x)
		}
		return math.NaN()
	case models.OpChannelSelect:
		if from := node.Attrs.Channels[i]; from >= 0 {
			return in[0][from]
		}
		return 0
	case models.OpFlatten:
		return in[0][i*len(in[0])/a.shapes[node.Name][0]]
	case models.OpAvgPool:
		if node.Attrs.CountPad && node.Attrs.Pad != [4]int{} && in[0][i] != 0 {
			return math.NaN() // the border is smaller
		}
		return in[0][i]
	case models.OpLRN:
		if in[0][i] != 0 {
			return math.NaN()
		}
		return 0
	default:
		return activated(node, in[0][i])
	}
}

// filtered is what a filter makes of constants, if no other weight of it counts.
func (a *analysis) filtered(node models.Node, x []float64, filter int) float64 {
	weight, sum := a.params[node.Name][0], 0.0
	if !node.Attrs.NoBias {
		sum = float64(a.params[node.Name][1].Data[filter])
	}
	row := weight.Data[filter*weight.Shape[1:].Size():][:weight.Shape[1:].Size()]
	taps := weight.Shape[2:].Size()
	first := filter / (weight.Shape[0] / node.Attrs.Defaults().Groups) * weight.Shape[1]
	for i, w := range row {
		v := x[first+i/taps]
		switch {
		case w == 0 || v == 0:
		case node.Attrs.Pad != [4]int{}: // the border is another
			return math.NaN()
		default:
			sum += float64(w) * v
		}
	}
	return sum
}

func (a *analysis) normalized(node models.Node, x float64, i int) float64 {
	scale, shift, mean, variance := 1.0, 0.0, 0.0, 1.0
	for _, p := range a.params[node.Name] {
		v := float64(p.Data[i])
		switch p.Role {
		case models.RoleGamma:
			scale = v
		case models.RoleBeta:
			shift = v
		case models.RoleMean:
			mean = v
		default:
			variance = v
		}
	}
	if scale == 0 {
		return shift
	}
	return (x-mean)/math.Sqrt(variance+node.Attrs.Defaults().Eps)*scale + shift
}

// activated is what an activation makes of a value; other operations hand it on.
func activated(node models.Node, v float64) float64 {
	sigmoid, hard := 1/(1+math.Exp(-v)), min(max(v/6+0.5, 0), 1)
	switch node.Op {
	case models.OpReLU:
		return max(v, 0)
	case models.OpReLU6:
		return min(max(v, 0), 6)
	case models.OpLeakyReLU:
		if v < 0 {
			return node.Attrs.Slope * v
		}
		return v
	case models.OpSigmoid:
		return sigmoid
	case models.OpTanh:
		return math.Tanh(v)
	case models.OpHardSigmoid:
		return hard
	case models.OpHardSwish:
		return v * hard
	case models.OpSiLU:
		return v * sigmoid
	default:
		return v
	}
}
