package gorgonia

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/conv"
	"espalier/models/engine/sparse"
)

// checkForms refuses forms of what has no weights, and those of a session whose
// weights change.
func checkForms(net *models.Network, o engine.Options) error {
	if len(o.Forms) > 0 && !o.Inference {
		return fmt.Errorf("forms of %d layers: only inference sessions keep weights in another form than dense", len(o.Forms))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Forms)) {
		node, there := net.Node(name)
		if !there || node.Op != models.OpConv2D && node.Op != models.OpLinear {
			return fmt.Errorf("form of %s: network %s has no convolution or linear layer of that name", name, net.Name)
		}
		switch o.Forms[name] {
		case engine.Dense, engine.Sparse, engine.Shared:
		default:
			return fmt.Errorf("form of %s is %q: %s, %s and %s are allowed", name, o.Forms[name], engine.Dense, engine.Sparse, engine.Shared)
		}
	}
	return nil
}

// kept says whether the weights of a layer are in another form than dense.
func (b *builder) kept(node models.Node) bool {
	form := b.forms[node.Name]
	return b.fixed && form != "" && form != engine.Dense
}

// matrix is the weights of a layer in the form that is asked for.
func (b *builder) matrix(node models.Node, rows int) (*sparse.Matrix, error) {
	w := b.net.Param(node.Name + "." + string(models.RoleWeight)).Data
	if b.forms[node.Name] == engine.Shared {
		return sparse.NewShared(w, rows, len(w)/rows)
	}
	return sparse.New(w, rows, len(w)/rows)
}

// lines are what the bias of the group's layer and the batch normalization
// behind it make of the sums of each output.
func (b *builder) lines(g group) sparse.Epilogue {
	e := sparse.Epilogue{ReLU: g.relu}
	value := func(node models.Node, role models.Role) *buffer {
		if p := b.net.Param(node.Name + "." + string(role)); p != nil {
			return &buffer{data: p.Data}
		}
		return nil
	}
	bias := value(g.core, models.RoleBias)
	if g.norm == nil {
		if bias != nil {
			e.Bias = slices.Clone(bias.data)
		}
		return e
	}
	n := b.shapes[g.norm.Name][0]
	attrs, gamma, beta := g.norm.Attrs.Defaults(), value(*g.norm, models.RoleGamma), value(*g.norm, models.RoleBeta)
	a := normAttrs{node: g.norm.Name, channels: n, eps: attrs.Eps, scale: gamma != nil, shift: beta != nil}
	mean, variance := value(*g.norm, models.RoleMean), value(*g.norm, models.RoleVariance)
	e.Scale, e.Bias = make([]float32, n), make([]float32, n)
	for i := range n {
		e.Scale[i], e.Bias[i] = a.line(gamma, beta, mean.data[i], variance.data[i], i)
		if bias != nil {
			e.Bias[i] += float32(bias.data[i] * e.Scale[i])
		}
	}
	return e
}

func (b *builder) sparseLinear(g group, x *G.Node) (*G.Node, error) {
	out := g.core.Attrs.Out
	m, err := b.matrix(g.core, out)
	if err != nil {
		return nil, err
	}
	op := &sparseLinear{
		signature: signature{name: "sparse linear " + g.core.Name, in: []hm.Type{matrix()}, out: matrix(), size: tensor.Shape{b.batch, out}},
		layer:     sparse.NewLinear(m), epilogue: b.lines(g), batch: b.batch,
	}
	return G.ApplyOp(op, x)
}

func (b *builder) sparseConv(g group, x *G.Node, s conv.Shape) (*G.Node, error) {
	m, err := b.matrix(g.core, s.K)
	if err != nil {
		return nil, err
	}
	layer, err := sparse.NewConv(m, s)
	if err != nil {
		return nil, err
	}
	operands := []*G.Node{x}
	if g.residual != "" {
		r, err := b.operand(g.residual)
		if err != nil {
			return nil, err
		}
		operands = append(operands, r)
	}
	h, w := s.Out()
	op := &sparseConv{
		signature: signature{name: "sparse conv2d " + g.core.Name, in: types(operands...), out: tensorOf(4), size: tensor.Shape{b.batch, h, w, s.K}},
		layer:     layer, epilogue: b.lines(g), x: s.H * s.W * s.C, y: h * w * s.K,
	}
	return G.ApplyOp(op, operands...)
}

// sparseLinear is a linear node for inference whose weights are sparse or
// shared: with the batch normalization and the relu behind it. Operand: x.
type sparseLinear struct {
	signature
	layer    *sparse.Linear
	epilogue sparse.Epilogue
	batch    int
}

func (o *sparseLinear) Do(v ...G.Value) (G.Value, error)         { return do(o, o.size, v) }
func (o *sparseLinear) packed() int                              { return 0 }
func (o *sparseLinear) scratch() int                             { return 0 }
func (o *sparseLinear) workspace() int                           { return o.layer.Workspace(o.batch) }
func (o *sparseLinear) weights() int                             { return o.layer.Bytes() / 4 }
func (o *sparseLinear) pack([]*buffer, *buffer, *buffer) []share { return nil }

func (o *sparseLinear) bind(in []*buffer, out, _, workspace *buffer) task {
	x, from, to := in[0], o.layer.Columns, o.layer.Rows
	rows := func(lo, hi, first, last int) {
		o.layer.Forward(out.data[lo*to:hi*to], x.data[lo*from:hi*from], hi-lo, first, last, o.epilogue, workspace.data)
	}
	return task{
		axis: overSamples,
		run:  func(_, lo, hi int) { rows(lo, hi, 0, to) },
		columns: func(lo, hi, part, parts int) {
			first, last := o.layer.Share(part, parts)
			rows(lo, hi, first, last)
		},
		work: perWeight * o.layer.Entries(),
	}
}

// sparseConv is the same of a convolution, with the addition behind it.
// Operands: x, residual.
type sparseConv struct {
	signature
	layer    *sparse.Conv
	epilogue sparse.Epilogue
	x, y     int // elements of a sample
}

func (o *sparseConv) Do(v ...G.Value) (G.Value, error)         { return do(o, o.size, v) }
func (o *sparseConv) packed() int                              { return 0 }
func (o *sparseConv) scratch() int                             { return 0 }
func (o *sparseConv) workspace() int                           { return o.layer.Workspace() }
func (o *sparseConv) weights() int                             { return o.layer.Bytes() / 4 }
func (o *sparseConv) pack([]*buffer, *buffer, *buffer) []share { return nil }

func (o *sparseConv) bind(in []*buffer, out, _, workspace *buffer) task {
	x := in[0]
	filters := func(lo, hi, first, last int) {
		var residual []float32
		if len(in) > 1 {
			residual = in[1].data[lo*o.y : hi*o.y]
		}
		o.layer.Forward(out.data[lo*o.y:hi*o.y], x.data[lo*o.x:hi*o.x], hi-lo, first, last, o.epilogue, residual, workspace.data)
	}
	return task{
		axis: overSamples,
		run:  func(_, lo, hi int) { filters(lo, hi, 0, o.layer.Rows) },
		columns: func(lo, hi, part, parts int) {
			first, last := o.layer.Share(part, parts)
			filters(lo, hi, first, last)
		},
		work: o.layer.Entries() * (o.y / o.layer.Rows),
	}
}
