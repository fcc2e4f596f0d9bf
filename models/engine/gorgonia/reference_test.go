package gorgonia_test

import (
	"math"

	"espalier/models"
	"espalier/models/engine/kernel"
)

// reference runs a network in float64 with the plainest loops there are.
type reference struct {
	net    *models.Network
	shapes map[string]models.Shape
	params map[string][]float64
	seed   uint64
	step   int64
	train  bool
}

func newReference(net *models.Network) *reference {
	shapes, err := net.Shapes()
	if err != nil {
		panic(err)
	}
	r := &reference{net: net, shapes: shapes, params: make(map[string][]float64)}
	for _, p := range net.Params {
		for _, v := range p.Data {
			r.params[p.Name] = append(r.params[p.Name], float64(v))
		}
	}
	return r
}

func (r *reference) logits(x []float32, n int) []float64 {
	values := make(map[string][]float64)
	for _, node := range r.net.Nodes {
		var in [][]float64
		for _, name := range node.Inputs {
			in = append(in, values[name])
		}
		values[node.Name] = r.node(node, in, x, n)
	}
	return values[r.net.Output()]
}

func (r *reference) node(node models.Node, inputs [][]float64, x []float32, n int) []float64 {
	if node.Op == models.OpInput {
		out := make([]float64, len(x))
		for i, v := range x {
			out[i] = float64(v)
		}
		return out
	}
	in := inputs[0]
	out := append([]float64(nil), in...)
	switch node.Op {
	case models.OpFlatten:
	case models.OpReLU:
		for i, v := range out {
			out[i] = math.Max(v, 0)
		}
	case models.OpDropout:
		if !r.train {
			return out
		}
		kept := make([]float32, len(out)) // 0 or 1/(1-rate)
		for i := range kept {
			kept[i] = 1
		}
		kernel.Dropout(kept, kept, kernel.NewDropoutKey(r.seed, node.Name, r.step), 0, node.Attrs.Rate)
		for i := range out {
			out[i] *= float64(kept[i])
		}
	case models.OpLinear:
		w, b := r.params[node.Name+".weight"], r.params[node.Name+".bias"]
		width := len(in) / n
		out = make([]float64, 0, n*node.Attrs.Out)
		for s := range n {
			for o := range node.Attrs.Out {
				sum := 0.0
				if b != nil {
					sum = b[o]
				}
				for i := range width {
					sum += w[o*width+i] * in[s*width+i]
				}
				out = append(out, sum)
			}
		}
	default:
		return r.image(node, inputs, r.shapes, n)
	}
	return out
}

// loss is the mean cross-entropy.
func (r *reference) loss(x []float32, labels []int32) float64 {
	logits := r.logits(x, len(labels))
	classes, total := len(logits)/len(labels), 0.0
	for i, l := range labels {
		row, sum := logits[i*classes:(i+1)*classes], 0.0
		for _, v := range row {
			sum += math.Exp(v - row[l])
		}
		total += math.Log(sum)
	}
	return total / float64(len(labels))
}

// grad is the numeric derivative of the loss by one parameter element, by
// central differences.
func (r *reference) grad(name string, i int, x []float32, labels []int32) float64 {
	const h = 1e-6
	p := r.params[name]
	was := p[i]
	p[i] = was + h
	up := r.loss(x, labels)
	p[i] = was - h
	down := r.loss(x, labels)
	p[i] = was
	return (up - down) / (2 * h)
}

// networks are small graphs that between them use every operation in every
// place: alone, fused, first, last and next to each other.
func networks() map[string]*models.Network {
	chain := func(input models.Shape, nodes ...models.Node) *models.Network {
		net := &models.Network{Name: "n", Input: input, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
		for _, node := range nodes {
			node.Inputs = []string{net.Output()}
			net.Nodes = append(net.Nodes, node)
		}
		return withParams(net, 3)
	}
	linear := func(name string, out int) models.Node {
		return models.Node{Name: name, Op: models.OpLinear, Attrs: models.Attrs{Out: out}}
	}
	relu := func(name string) models.Node { return models.Node{Name: name, Op: models.OpReLU} }
	flat := models.Node{Name: "flat", Op: models.OpFlatten}
	drop := func(name string, rate float64) models.Node {
		return models.Node{Name: name, Op: models.OpDropout, Attrs: models.Attrs{Rate: rate}}
	}
	shared := chain(models.Shape{6}, linear("a", 8), relu("r"), linear("b", 3))
	shared.Nodes = append(shared.Nodes[:2:2],
		models.Node{Name: "dead", Op: models.OpLinear, Inputs: []string{"a"}, Attrs: models.Attrs{Out: 2}},
		shared.Nodes[2], shared.Nodes[3])
	return map[string]*models.Network{
		"linear alone":           chain(models.Shape{5}, linear("a", 3)),
		"linear relu linear":     chain(models.Shape{17}, linear("a", 13), relu("r"), linear("b", 3)),
		"three layers":           chain(models.Shape{20}, linear("a", 30), relu("r"), linear("b", 19), relu("s"), linear("c", 10)),
		"flatten first":          chain(models.Shape{2, 3, 3}, flat, linear("a", 4)),
		"relu and flatten":       chain(models.Shape{2, 3, 3}, relu("r"), flat, linear("a", 4), relu("s"), linear("b", 3)),
		"dropout of the input":   chain(models.Shape{12}, drop("d", 0.3), linear("a", 6), relu("r"), linear("b", 3)),
		"dropout after relu":     chain(models.Shape{12}, linear("a", 16), relu("r"), drop("d", 0.5), linear("b", 3)),
		"dropout before relu":    chain(models.Shape{12}, linear("a", 16), drop("d", 0.5), relu("r"), linear("b", 3)),
		"dropout of rate 0":      chain(models.Shape{12}, linear("a", 16), drop("d", 0), linear("b", 3)),
		"dropouts in a row":      chain(models.Shape{12}, linear("a", 16), drop("d", 0.5), drop("e", 0.2), linear("b", 3)),
		"relu as output":         chain(models.Shape{7}, linear("a", 4), relu("r")),
		"a branch to nowhere":    withParams(shared, 4),
		"one class":              chain(models.Shape{4}, linear("a", 1)),
		"relu after relu, first": chain(models.Shape{9}, relu("r"), relu("s"), linear("a", 3)),
	}
}
