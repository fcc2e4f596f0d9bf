package onnx

import (
	"slices"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// pool adds a pool. Whether a last window hangs over the edge is said by
// ceil_mode where ONNX counts the windows as package models does, and by more
// padding where not: neither pool sees the padding then.
func (w *writer) pool(n models.Node) {
	a, x := n.Attrs.Defaults(), w.shapes[n.Inputs[0]]
	in, out := w.inputs(n), w.shapes[n.Name]
	if n.Op == models.OpMaxPool && a.Kernel == [2]int{1, 1} && a.Pad == [4]int{} && a.Stride != [2]int{1, 1} {
		w.subsample(n, a.Stride)
		return
	}
	var over [2]int // rows and columns beyond the edge
	ceil := a.Ceil
	for d := range 2 {
		room := x[1+d] + a.Pad[d] + a.Pad[d+2] - a.Kernel[d]
		over[d] = max(0, (out[1+d]-1)*a.Stride[d]-room)
		ceil = ceil && (room+a.Stride[d]-1)/a.Stride[d]+1 == out[1+d]
	}
	hangs := over != [2]int{}
	if n.Op == models.OpAvgPool && a.CountPad && hangs {
		// Zeros of its own count, what is beyond them does not.
		in = []string{w.padded(n, in[0], []int{0, 0, a.Pad[0], a.Pad[1], 0, 0, a.Pad[2], a.Pad[3]})}
		a.Pad, a.CountPad = [4]int{}, false
	}
	if hangs && !ceil {
		a.Pad[2] += over[0]
		a.Pad[3] += over[1]
	}
	operator := "MaxPool"
	attributes := []*onnxpb.AttributeProto{
		intsAttr("kernel_shape", a.Kernel[:]...), intsAttr("strides", a.Stride[:]...), intsAttr("pads", a.Pad[:]...),
	}
	if ceil {
		attributes = append(attributes, intAttr("ceil_mode", 1))
	}
	if n.Op == models.OpAvgPool {
		operator = "AveragePool"
		if a.CountPad {
			attributes = append(attributes, intAttr("count_include_pad", 1))
		}
	}
	w.node(n, operator, w.out(n), in, attributes...)
}

// padded adds zeros around a tensor, before and behind each axis, and returns
// what has them.
func (w *writer) padded(n models.Node, in string, pads []int) string {
	inner := n
	inner.Name += ".pad"
	out := w.unique(inner.Name)
	w.node(inner, "Pad", out, []string{in, w.integers(inner.Name+".pads", pads)})
	return out
}

// subsample keeps every so many rows and columns.
func (w *writer) subsample(n models.Node, stride [2]int) {
	const end = 1 << 30
	w.node(n, "Slice", w.out(n), []string{
		w.inputs(n)[0], w.integers(n.Name+".starts", []int{0, 0}), w.integers(n.Name+".ends", []int{end, end}),
		w.integers(n.Name+".axes", []int{2, 3}), w.integers(n.Name+".steps", stride[:]),
	})
}

// channelSelect is a Gather; channels of zeros come from a Pad, which is enough
// by itself where all the others stay in their order.
func (w *writer) channelSelect(n models.Node) {
	in, channels := w.inputs(n)[0], w.shapes[n.Inputs[0]][0]
	rank := 1 + len(w.shapes[n.Name])
	pads := make([]int, 2*rank)
	if before, after, ok := around(n.Attrs.Channels, channels); ok {
		pads[1], pads[rank+1] = before, after
		w.node(n, "Pad", w.out(n), []string{in, w.integers(n.Name+".pads", pads)})
		return
	}
	positions := slices.Clone(n.Attrs.Channels)
	if slices.Contains(positions, -1) {
		pads[rank+1] = 1
		in = w.padded(n, in, pads)
		for i, c := range positions {
			if c == -1 {
				positions[i] = channels
			}
		}
	}
	w.node(n, "Gather", w.out(n), []string{in, w.integers(n.Name+".channels", positions)}, intAttr("axis", 1))
}

// around says whether the list is all channels in their order with zeros (-1)
// before or behind them, and how many.
func around(list []int, channels int) (before, after int, ok bool) {
	for before < len(list) && list[before] == -1 {
		before++
	}
	after = len(list) - before - channels
	if after < 0 || before+after == 0 {
		return 0, 0, false
	}
	for i, c := range list[before:] {
		if i < channels && c != i || i >= channels && c != -1 {
			return 0, 0, false
		}
	}
	return before, after, true
}
