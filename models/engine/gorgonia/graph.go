package gorgonia

import (
	"fmt"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine"
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
	teacher *G.Node // its logits; nil without distillation
	cost    *G.Node
	correct []bool             // filled in with the losses
	grads   map[string]*G.Node // by parameter; those that do not move the cost are absent
	norms   []normNode
}

// normNode is a batch normalization of a training graph, whose moments move
// the running statistics.
type normNode struct {
	node    models.Node
	moments *G.Node
	pixels  int // of a sample
}

// mode is what a graph is for.
type mode struct {
	batch     int
	lib       blas.Library
	draw      *draw   // of dropout; nil in inference
	smoothing float64 // of labels
	distill   engine.Distillation
	fold      bool // in inference: batch normalization into the layers before it
	fixed     bool // in inference: parameters do not change between calls
	forms     map[string]engine.Form
}

// buildInference expresses the logits of a batch. Dropout is the identity.
func buildInference(net *models.Network, m mode) (*graph, error) {
	gorgoniaLock.Lock()
	defer gorgoniaLock.Unlock()
	m.draw = nil
	return forward(net, m)
}

// buildTraining expresses the mean loss of a batch and, by Gorgonia's symbolic
// differentiation, its gradients.
func buildTraining(net *models.Network, m mode) (*graph, error) {
	gorgoniaLock.Lock()
	defer gorgoniaLock.Unlock()
	m.fold, m.fixed = false, false
	g, err := forward(net, m)
	if err != nil {
		return nil, err
	}
	g.labels = G.NewVector(g.g, tensor.Int32, G.WithShape(m.batch), G.WithName("labels"))
	losses, err := g.losses(m)
	if err != nil {
		return nil, err
	}
	if g.cost, err = G.ApplyOp(newMean(), losses); err != nil {
		return nil, err
	}
	return g, g.differentiate(net)
}

// losses are those of each sample.
func (g *graph) losses(m mode) (*G.Node, error) {
	classes := g.logits.Shape()[1]
	if !m.distill.On() {
		op := newCrossEntropy(m.batch, classes, m.smoothing)
		g.correct = op.correct
		return G.ApplyOp(op, g.logits, g.labels)
	}
	op := newDistill(m.batch, classes, m.smoothing, m.distill)
	g.correct = op.correct
	g.teacher = G.NewMatrix(g.g, tensor.Float32, G.WithShape(m.batch, classes), G.WithName("teacher"))
	return G.ApplyOp(op, g.logits, g.labels, g.teacher)
}

func (g *graph) differentiate(net *models.Network) error {
	var names []string
	var wrt G.Nodes
	for _, p := range net.Params {
		if n := g.params[p.Name]; n != nil && p.Role.Trained() {
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

func forward(net *models.Network, m mode) (*graph, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	b := &builder{
		graph: graph{g: G.NewGraph(G.WithGraphName(net.Name)), params: make(map[string]*G.Node)},
		mode:  m, net: net, shapes: shapes, produced: make(map[string]*G.Node),
	}
	for _, group := range groups(net, m.draw == nil && m.fold) {
		if b.produced[group.last], err = b.group(group); err != nil {
			return nil, fmt.Errorf("network %s: node %s: %w", net.Name, group.core.Name, err)
		}
	}
	b.logits = b.produced[net.Output()]
	return &b.graph, nil
}
