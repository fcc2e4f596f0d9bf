package onnx

import (
	"espalier/models"
	"espalier/models/compress"
	"espalier/models/export/internal/torch"
	"espalier/models/export/onnx/internal/onnxpb"
)

// quantized adds weights as bytes and a scale for each output, and the operator
// that computes the weights, under their own name. It says whether they are
// multiples of scales.
func (w *writer) quantized(n models.Node, p *models.Param) bool {
	rows := p.Shape[0]
	ints, scales := make([]int8, len(p.Data)), make([]float32, rows)
	each := len(p.Data) / rows
	for r := range rows {
		scale, ok := compress.Multiples(ints[r*each:(r+1)*each], p.Data[r*each:(r+1)*each])
		if !ok {
			return false
		}
		scales[r] = scale
	}
	raw := make([]byte, len(ints))
	for i, x := range ints {
		raw[i] = byte(x)
	}
	name := torch.Name(p)
	codes, by := w.unique(name+".int8"), w.unique(name+".scale")
	w.graph.Initializer = append(w.graph.Initializer, &onnxpb.TensorProto{
		Name: codes, Dims: wide(p.Shape), DataType: int32(onnxpb.TensorProto_INT8), RawData: raw,
	})
	w.floats(by, []int{rows}, scales)
	inner := n
	inner.Name += ".dequantize"
	w.node(inner, "DequantizeLinear", name, []string{codes, by}, intAttr("axis", 0))
	w.int8s++
	return true
}
