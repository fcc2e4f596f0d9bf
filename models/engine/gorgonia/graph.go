package gorgonia

import (
	"fmt"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine/blas"
)

// gorgoniaLock guards the building of graphs: Gorgonia writes to constants
// that all graphs of the process share.
var gorgoniaLock sync.Mutex

// graph is a network as a Gorgonia expression.
type graph struct {
	g      *G.ExprGraph
	input  *G.Node
	logits *G.Node
	params map[string]*G.Node

	// Of training graphs only.
	labels  *G.Node
	cost    *G.Node
	correct []bool             // filled in with the losses
	grads   map[string]*G.Node // by parameter; those that do not move the cost are absent
}

// builder turns nodes of a network into nodes of an expression.
type builder struct {
	graph
	net      *models.Network
	shapes   map[string]models.Shape
	batch    int
	lib      blas.Library
	draw     *draw // nil in inference mode
	skip     map[string]bool
	produced map[string]*G.Node
}

// buildInference expresses the logits of a batch. Dropout is the identity.
func buildInference(net *models.Network, batch int, lib blas.Library) (*graph, error) {
	gorgoniaLock.Lock()
	defer gorgoniaLock.Unlock()
	return forward(net, batch, lib, nil)
}

// buildTraining expresses the mean loss of a batch and, by Gorgonia's symbolic
// differentiation, its gradients.
func buildTraining(net *models.Network, batch int, lib blas.Library, d *draw) (*graph, error) {
	gorgoniaLock.Lock()
	defer gorgoniaLock.Unlock()
	g, err := forward(net, batch, lib, d)
	if err != nil {
		return nil, err
	}
	g.labels = G.NewVector(g.g, tensor.Int32, G.WithShape(batch), G.WithName("labels"))
	loss := newCrossEntropy(batch, g.logits.Shape()[1], 0)
	g.correct = loss.correct
	losses, err := G.ApplyOp(loss, g.logits, g.labels)
	if err != nil {
		return nil, err
	}
	if g.cost, err = G.ApplyOp(newMean(), losses); err != nil {
		return nil, err
	}
	return g, g.differentiate(net)
}

func (g *graph) differentiate(net *models.Network) error {
	var names []string
	var wrt G.Nodes
	for _, p := range net.Params {
		if n := g.params[p.Name]; n != nil {
			names, wrt = append(names, p.Name), append(wrt, n)
		}
	}
	g.grads = make(map[string]*G.Node, len(wrt))
	if len(wrt) == 0 {
		return nil
	}
	grads, err := G.Grad(g.cost, wrt...)
	if err != nil {
		return fmt.Errorf("differentiate: %w", err)
	}
	for i, name := range names {
		g.grads[name] = grads[i]
	}
	return nil
}

func forward(net *models.Network, batch int, lib blas.Library, d *draw) (*graph, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	b := &builder{
		graph:  graph{g: G.NewGraph(G.WithGraphName(net.Name)), params: make(map[string]*G.Node)},
		net:    net,
		shapes: shapes, batch: batch, lib: lib, draw: d,
		skip: make(map[string]bool), produced: make(map[string]*G.Node),
	}
	live := reaching(net)
	for _, node := range net.Nodes {
		if !live[node.Name] || b.skip[node.Name] {
			continue
		}
		if b.produced[node.Name], err = b.node(node); err != nil {
			return nil, fmt.Errorf("network %s: node %s: %w", net.Name, node.Name, err)
		}
	}
	b.input, b.logits = b.produced[net.Nodes[0].Name], b.produced[b.output()]
	return &b.graph, nil
}

// output is the name under which the logits were produced: a relu that was
// fused into the linear node before it produces nothing of its own.
func (b *builder) output() string {
	last := b.net.Nodes[len(b.net.Nodes)-1]
	if b.skip[last.Name] {
		return last.Inputs[0]
	}
	return last.Name
}

// reaching are the nodes that the output depends on, and the input.
func reaching(net *models.Network) map[string]bool {
	live := map[string]bool{net.Output(): true, net.Nodes[0].Name: true}
	for i := len(net.Nodes) - 1; i >= 0; i-- {
		if node := net.Nodes[i]; live[node.Name] {
			for _, in := range node.Inputs {
				live[in] = true
			}
		}
	}
	return live
}

func (b *builder) node(node models.Node) (*G.Node, error) {
	size := append(tensor.Shape{b.batch}, b.shapes[node.Name]...)
	if node.Op == models.OpInput {
		return G.NewTensor(b.g, tensor.Float32, len(size), G.WithShape(size...), G.WithName(node.Name)), nil
	}
	x := b.operand(node.Inputs[0])
	switch node.Op {
	case models.OpLinear:
		return b.linear(node, x)
	case models.OpReLU:
		return G.ApplyOp(newReLU(node.Name, size), x)
	case models.OpFlatten:
		return G.ApplyOp(newFlatten(node.Name, x.Shape(), size), x)
	case models.OpDropout:
		if b.draw == nil || node.Attrs.Rate == 0 {
			return x, nil
		}
		return G.ApplyOp(newDropout(node.Name, "dropout "+node.Name, size, node.Attrs.Rate, b.draw), x)
	default:
		return nil, fmt.Errorf("op %q: this engine runs %v", node.Op, []models.Op{models.OpLinear, models.OpReLU, models.OpFlatten, models.OpDropout})
	}
}

// operand finds the value of an earlier node, through a relu that was fused
// into its own operand.
func (b *builder) operand(name string) *G.Node {
	if b.skip[name] {
		node, _ := b.net.Node(name)
		name = node.Inputs[0]
	}
	return b.produced[name]
}

func (b *builder) linear(node models.Node, x *G.Node) (*G.Node, error) {
	relu, fuse := b.onlyReLU(node.Name)
	if fuse {
		b.skip[relu] = true
	}
	in, out := b.shapes[node.Inputs[0]][0], node.Attrs.Out
	w := G.NewMatrix(b.g, tensor.Float32, G.WithShape(out, in), G.WithName(node.Name+".weight"))
	bias := G.NewVector(b.g, tensor.Float32, G.WithShape(out), G.WithName(node.Name+".bias"))
	b.params[node.Name+".weight"], b.params[node.Name+".bias"] = w, bias
	return G.ApplyOp(newLinear(b.lib, node.Name, b.batch, in, out, fuse), x, w, bias)
}

// onlyReLU finds the relu that is the only consumer of a node.
func (b *builder) onlyReLU(name string) (relu string, ok bool) {
	for _, node := range b.net.Nodes {
		for _, in := range node.Inputs {
			if in != name {
				continue
			}
			if relu != "" || node.Op != models.OpReLU {
				return "", false
			}
			relu = node.Name
		}
	}
	return relu, relu != ""
}
