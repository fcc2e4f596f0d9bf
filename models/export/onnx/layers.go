package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/models"
)

// layerOf is the layer that a weight's name says: "layer1.0.conv1" of
// "layer1.0.conv1.weight".
func layerOf(weight string) (string, bool) { return strings.CutSuffix(weight, ".weight") }

// weights is input i, floats of so many axes.
func (o *op) weights(i, axes int) (*constant, error) {
	c, err := o.constant(i)
	if err != nil {
		return nil, err
	}
	if c.floats == nil || len(c.shape) != axes {
		return nil, fmt.Errorf("input %.200q is a constant of shape %v, want floats of %d axes", o.proto.GetInput()[i], c.shape, axes)
	}
	return c, nil
}

func conv(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	w, err := o.weights(1, 4)
	if err != nil {
		return err
	}
	a := models.Attrs{Out: w.shape[0], NoBias: !o.has(2)}
	if g := o.int("group", 1); g != 1 {
		a.Groups = int(min(max(g, 0), math.MaxInt32))
	}
	in := x.shape
	if len(in) == 3 && in[0] != w.shape[1]*max(1, a.Groups) {
		return fmt.Errorf("weights of shape %v in %d groups read %d channels, the image has %d", w.shape, max(1, a.Groups), w.shape[1]*max(1, a.Groups), in[0])
	}
	if err := o.window(x, &a, [2]int{w.shape[2], w.shape[3]}); err != nil {
		return err
	}
	params := map[models.Role][]float32{models.RoleWeight: w.floats}
	if o.has(2) {
		b, err := o.weights(2, 1)
		if err != nil {
			return err
		}
		if b.size() != a.Out {
			return fmt.Errorf("%d biases for %d filters", b.size(), a.Out)
		}
		params[models.RoleBias] = b.floats
	}
	x, a.Pad = x.takePad(a.Pad)
	return o.node(x, models.OpConv2D, a, params)
}

// takePad adds the zeros that wait around an image to those of the node that
// reads it, where nothing else waits.
func (v *value) takePad(own [4]int) (*value, [4]int) {
	if v.pad == [4]int{} || v.scale != nil || v.shift != nil {
		return v, own
	}
	next := *v
	next.pad = [4]int{}
	for i := range own {
		own[i] += v.pad[i]
	}
	return &next, own
}

// gemm is Y = alpha A B + beta C, with B and C constant.
func gemm(o *op) error {
	if o.int("transA", 0) != 0 {
		return errors.New("transA 1 is not supported, only 0")
	}
	alpha, beta, transposed := o.float("alpha", 1), o.float("beta", 1), o.int("transB", 0) != 0
	w, err := o.weights(1, 2)
	if err != nil {
		return err
	}
	if !transposed {
		if w, err = o.transposed(w, nil); err != nil {
			return err
		}
	}
	var bias []float32
	if o.has(2) {
		c, err := o.constant(2)
		if err != nil {
			return err
		}
		if bias, err = c.byChannel(models.Shape{w.shape[0]}); err != nil {
			return err
		}
		bias = spread(bias, w.shape[0], 0)
	}
	return o.linear(w, alpha, bias, beta)
}

func matMul(o *op) error {
	w, err := o.weights(1, 2)
	if err != nil {
		return err
	}
	if w, err = o.transposed(w, nil); err != nil {
		return err
	}
	return o.linear(w, 1, nil, 1)
}

// linear reads input 0 by weights of out x in. A scale and shift that wait
// there go into the layer.
func (o *op) linear(w *constant, alpha float32, bias []float32, beta float32) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	if len(x.sizes()) != 1 || x.sizes()[0] != w.shape[1] {
		return fmt.Errorf("weights of shape %v (outputs, inputs) read a tensor of shape %v", w.shape, x.sizes())
	}
	out, in := w.shape[0], w.shape[1]
	weight, b := scaled(w.floats, alpha), scaled(spread(bias, out, 0), beta)
	if x.scale != nil || x.shift != nil {
		scale, shift := spread(x.scale, in, 1), spread(x.shift, in, 0)
		for k := range out {
			for c := range in {
				b[k] += weight[k*in+c] * shift[c]
				weight[k*in+c] *= scale[c]
			}
		}
		if x.shift != nil {
			bias = b
		}
		next := *x
		next.scale, next.shift = nil, nil
		x = &next
	}
	a, params := models.Attrs{Out: out, NoBias: bias == nil}, map[models.Role][]float32{models.RoleWeight: weight}
	if bias != nil {
		params[models.RoleBias] = b
	}
	if x.lost == 2 && o.unflattens(o.proto.GetOutput()[0]) {
		return o.pointConv(x, a, params)
	}
	return o.node(x, models.OpLinear, a, params)
}

// pointConv is a linear layer on an image of 1 x 1 that stays one.
func (o *op) pointConv(x *value, a models.Attrs, params map[models.Role][]float32) error {
	in, err := o.image(x)
	if err != nil {
		return err
	}
	a.Kernel = [2]int{1, 1}
	v, err := o.add(models.Node{Name: o.name(models.OpConv2D), Op: models.OpConv2D, Attrs: a, Inputs: []string{in}}, nil, params)
	if err != nil {
		return err
	}
	v.lost = 2
	return o.set(v)
}

// unflattens says whether a flat tensor becomes an image again before anything
// else than linear layers and activations reads it, as in squeeze-and-excitation
// (Hu et al. 2018).
func (r *reader) unflattens(tensor string) bool {
	for _, n := range r.graph.GetNode() { // in topological order
		if !slices.Contains(n.GetInput(), tensor) {
			continue
		}
		switch n.GetOpType() {
		case "Reshape", "Unsqueeze":
			return true
		case "Gemm", "MatMul", "Add", "Relu", "Sigmoid", "HardSigmoid", "HardSwish", "Clip", "LeakyRelu", "Tanh", "Identity", "Dropout":
			if r.readers[tensor] != 1 || len(n.GetOutput()) == 0 {
				return false
			}
			tensor = n.GetOutput()[0]
		default:
			return false
		}
	}
	return false
}

func scaled(values []float32, by float32) []float32 {
	out := slices.Clone(values)
	if by != 1 {
		for i := range out {
			out[i] *= by
		}
	}
	return out
}

func batchNorm(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	if o.int("training_mode", 0) != 0 {
		return errors.New("training_mode 1 is not supported, only 0: export the model in evaluation mode")
	}
	if o.int("spatial", 1) != 1 {
		return errors.New("spatial 0 is not supported, only 1")
	}
	a := models.Attrs{Eps: decimal(o.float("epsilon", 1e-5))}
	if a.Eps == 0 {
		a.Eps = 1e-30 // 0 stands for the default
	}
	// ONNX counts what stays of the old statistics.
	if m := decimal(o.float("momentum", 0.9)); m != 0.9 {
		a.Momentum = math.Round((1-m)*1e7) / 1e7
	}
	params := map[models.Role][]float32{}
	for i, role := range []models.Role{models.RoleGamma, models.RoleBeta, models.RoleMean, models.RoleVariance} {
		c, err := o.weights(i+1, 1)
		if err != nil {
			return err
		}
		if n := x.sizes()[0]; c.size() != n {
			return fmt.Errorf("input %.200q has %d values for %d channels", o.proto.GetInput()[i+1], c.size(), n)
		}
		params[role] = c.floats
	}
	if o.constantly(1, noScale, 1) {
		a.NoScale = true
		delete(params, models.RoleGamma)
	}
	if o.constantly(2, noShift, 0) {
		a.NoShift = true
		delete(params, models.RoleBeta)
	}
	return o.onRaw(x, models.OpBatchNorm, a, params)
}

// constantly says whether input i is what [Encode] writes for a parameter that
// there is none of: it has that name's end, and the value everywhere.
func (o *op) constantly(i int, suffix string, value float32) bool {
	other := func(x float32) bool { return x != value }
	return strings.HasSuffix(o.proto.GetInput()[i], suffix) && !slices.ContainsFunc(o.in[i].constant.floats, other)
}

func lrn(o *op) error {
	x, err := o.activation(0)
	if err != nil {
		return err
	}
	a := models.Attrs{
		Size: int(min(max(o.int("size", 0), 0), math.MaxInt32)), Alpha: decimal(o.float("alpha", 1e-4)),
		Beta: decimal(o.float("beta", 0.75)), Bias: decimal(o.float("bias", 1)),
	}
	return o.node(x, models.OpLRN, a, nil)
}
