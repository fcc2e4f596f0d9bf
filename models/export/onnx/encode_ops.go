package onnx

import (
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// The constants of a batch normalization without a scale or a shift, which ONNX
// always has. By these names they are known again as no parameters.
const (
	noScale = ".ones"
	noShift = ".zeros"
)

// write adds the operators of a node.
func (w *writer) write(n models.Node) error {
	switch n.Op {
	case models.OpLinear:
		w.linear(n)
	case models.OpConv2D:
		w.conv(n)
	case models.OpBatchNorm:
		w.batchNorm(n)
	case models.OpMaxPool, models.OpAvgPool:
		w.pool(n)
	case models.OpChannelSelect:
		w.channelSelect(n)
	case models.OpFlatten:
		w.plain(n, "Flatten", intAttr("axis", 1))
	case models.OpGlobalAvgPool:
		w.plain(n, "GlobalAveragePool")
	case models.OpConcat:
		w.plain(n, "Concat", intAttr("axis", 1))
	case models.OpAdd:
		w.sum(n)
	case models.OpMul:
		w.plain(n, "Mul")
	case models.OpDropout:
		ratio := w.scalar(n.Name+".ratio", n.Attrs.Rate)
		w.node(n, "Dropout", w.out(n), append(w.inputs(n), ratio))
	case models.OpLRN:
		return w.lrn(n)
	default:
		return w.activation(n)
	}
	return nil
}

// plain adds one operator that reads what the node reads.
func (w *writer) plain(n models.Node, operator string, attributes ...*onnxpb.AttributeProto) {
	w.node(n, operator, w.out(n), w.inputs(n), attributes...)
}

func (w *writer) activation(n models.Node) error {
	in := w.inputs(n)
	switch n.Op {
	case models.OpReLU:
		w.plain(n, "Relu")
	case models.OpSigmoid:
		w.plain(n, "Sigmoid")
	case models.OpTanh:
		w.plain(n, "Tanh")
	case models.OpLeakyReLU:
		w.plain(n, "LeakyRelu", floatAttr("alpha", n.Attrs.Slope))
	case models.OpReLU6:
		w.node(n, "Clip", w.out(n), append(in, w.scalar(n.Name+".min", 0), w.scalar(n.Name+".max", 6)))
	case models.OpHardSigmoid:
		w.plain(n, "HardSigmoid", hardSigmoidAttrs()...)
	case models.OpSiLU:
		w.gate(n, "Sigmoid")
	case models.OpHardSwish:
		if w.opset < 14 {
			w.gate(n, "HardSigmoid", hardSigmoidAttrs()...)
			return nil
		}
		w.plain(n, "HardSwish")
	default:
		return fmt.Errorf("op %q has no form in ONNX", n.Op)
	}
	return nil
}

func hardSigmoidAttrs() []*onnxpb.AttributeProto {
	return []*onnxpb.AttributeProto{floatAttr("alpha", 1.0/6), floatAttr("beta", 0.5)}
}

// gate is x times an operator of x.
func (w *writer) gate(n models.Node, operator string, attributes ...*onnxpb.AttributeProto) {
	in, gate := w.inputs(n)[0], w.unique(n.Name+".gate")
	inner := n
	inner.Name += ".gate"
	w.node(inner, operator, gate, []string{in}, attributes...)
	w.node(n, "Mul", w.out(n), []string{in, gate})
}

func (w *writer) linear(n models.Node) {
	names := w.weights(n, models.RoleWeight, models.RoleBias)
	w.node(n, "Gemm", w.out(n), present(slices.Concat(w.inputs(n), names)), intAttr("transB", 1))
}

func (w *writer) conv(n models.Node) {
	a := n.Attrs.Defaults()
	names := w.weights(n, models.RoleWeight, models.RoleBias)
	w.node(n, "Conv", w.out(n), present(slices.Concat(w.inputs(n), names)),
		intsAttr("kernel_shape", a.Kernel[:]...), intsAttr("strides", a.Stride[:]...), intsAttr("pads", a.Pad[:]...),
		intsAttr("dilations", a.Dilation[:]...), intAttr("group", a.Groups))
}

// present leaves out a last input that there is none of.
func present(inputs []string) []string {
	if last := len(inputs) - 1; inputs[last] == "" {
		return inputs[:last]
	}
	return inputs
}

func (w *writer) batchNorm(n models.Node) {
	a := n.Attrs.Defaults()
	channels := w.shapes[n.Name][0]
	names := w.weights(n, models.RoleGamma, models.RoleBeta, models.RoleMean, models.RoleVariance)
	if a.NoScale {
		names[0] = w.unique(n.Name + noScale)
		w.floats(names[0], []int{channels}, slices.Repeat([]float32{1}, channels))
	}
	if a.NoShift {
		names[1] = w.unique(n.Name + noShift)
		w.floats(names[1], []int{channels}, make([]float32, channels))
	}
	// ONNX counts what stays of the old statistics.
	w.node(n, "BatchNormalization", w.out(n), slices.Concat(w.inputs(n), names), floatAttr("epsilon", a.Eps), floatAttr("momentum", 1-a.Momentum))
}

// sum is Add of two, which more programs know, and Sum of more.
func (w *writer) sum(n models.Node) {
	if len(n.Inputs) == 2 {
		w.plain(n, "Add")
		return
	}
	w.plain(n, "Sum")
}

func (w *writer) lrn(n models.Node) error {
	a := n.Attrs
	if a.Size%2 == 0 {
		return fmt.Errorf("lrn over %d channels: ONNX has it for odd numbers only", a.Size)
	}
	w.plain(n, "LRN", intAttr("size", a.Size), floatAttr("alpha", a.Alpha), floatAttr("beta", a.Beta), floatAttr("bias", a.Bias))
	return nil
}
