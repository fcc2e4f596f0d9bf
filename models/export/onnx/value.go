package onnx

import (
	"errors"
	"fmt"
	"slices"

	"espalier/models"
)

// value is what is known of a tensor of the graph: a constant, or what a node
// of the network computes, with steps that wait for a node to take them up.
type value struct {
	constant *constant

	node  string
	shape models.Shape // without the batch axis

	// The waiting steps, in this order: times scale plus shift by channel (one
	// entry stands for all; nil for none), zeros around the image, height and
	// width of 1 left out, one or both of them.
	scale, shift []float32
	pad          [4]int
	lost         int

	// groups is set between the two reshapes of a channel shuffle: the channels
	// seen as groups x members, in the order of channels.
	groups   [2]int
	channels []int

	// alone says that nothing else of the graph reads the node or a waiting
	// step before this one, so that the node may take the steps up.
	alone   bool
	softmax bool // a softmax was left out here
}

// sizes is the shape that the graph sees, without the batch axis.
func (v *value) sizes() models.Shape {
	if v.channels != nil {
		return models.Shape{v.groups[0], v.groups[1], v.shape[1], v.shape[2]}
	}
	if len(v.shape) != 3 {
		return v.shape
	}
	s := models.Shape{v.shape[0], v.shape[1] + v.pad[0] + v.pad[2], v.shape[2] + v.pad[1] + v.pad[3]}
	return s[:3-v.lost]
}

// isImage says whether the graph sees channels, height and width.
func (v *value) isImage() bool { return len(v.shape) == 3 && v.lost == 0 && v.channels == nil }

// materialize returns a node that computes v with all its waiting steps.
func (r *reader) materialize(v *value) (string, error) {
	node, err := r.image(v)
	if err != nil || v.lost == 0 {
		return node, err
	}
	if v.lost == 1 {
		return "", fmt.Errorf("a tensor of shape %v is neither flat nor an image", v.sizes())
	}
	flat, err := r.add(models.Node{Name: node + ".flatten", Op: models.OpFlatten, Inputs: []string{node}}, nil, nil)
	if err != nil {
		return "", err
	}
	v.node, v.shape, v.lost, v.alone = flat.node, flat.shape, 0, true
	return v.node, nil
}

// image is materialize without the flattening: the node has height and width
// where the graph has lost them.
func (r *reader) image(v *value) (string, error) {
	if v.constant != nil {
		return "", errors.New("a constant stands where an activation is expected")
	}
	if v.softmax {
		return "", errors.New("it reads a softmax, which is supported at the end of the network only")
	}
	if v.channels != nil {
		return "", errors.New("it reads an image of 5 axes, which is supported between the reshapes of a channel shuffle only")
	}
	if err := r.affine(v); err != nil {
		return "", err
	}
	if v.pad == [4]int{} {
		return v.node, nil
	}
	// A convolution that copies is the padding that no reader could take up.
	ones := slices.Repeat([]float32{1}, r.shapes[v.node][0])
	padded, err := r.depthwise(v.node+".pad", v.node, ones, nil, v.pad)
	if err != nil {
		return "", err
	}
	v.node, v.shape, v.pad, v.alone = padded.node, padded.shape, [4]int{}, true
	return v.node, nil
}

// affine has the waiting scale and shift taken up: by the node itself where it
// is a layer that nothing else reads, by a convolution of one weight a channel
// otherwise.
func (r *reader) affine(v *value) error {
	if v.scale == nil && v.shift == nil {
		return nil
	}
	n := r.shapes[v.node][0]
	scale, shift := spread(v.scale, n, 1), spread(v.shift, n, 0)
	if !(v.alone && r.absorb(v.node, scale, shift)) {
		if len(r.shapes[v.node]) != 3 {
			return errors.New("it reads a flat tensor times or plus a constant, which only a linear layer can take up")
		}
		out, err := r.depthwise(v.node+".scale", v.node, scale, shift, [4]int{})
		if err != nil {
			return err
		}
		v.node, v.alone = out.node, true
	}
	v.scale, v.shift = nil, nil
	return nil
}

// spread is values with one entry a channel; nil stands for def.
func spread(values []float32, n int, def float32) []float32 {
	switch {
	case values == nil:
		return slices.Repeat([]float32{def}, n)
	case len(values) == 1:
		return slices.Repeat(values, n)
	}
	return values
}

// depthwise adds a 1x1 convolution of each channel by itself.
func (r *reader) depthwise(name, node string, scale, shift []float32, pad [4]int) (*value, error) {
	if len(r.shapes[node]) != 3 {
		return nil, fmt.Errorf("a tensor of shape %v is no image", r.shapes[node])
	}
	a := models.Attrs{Out: len(scale), Groups: len(scale), Kernel: [2]int{1, 1}, Pad: pad, NoBias: shift == nil}
	params := map[models.Role][]float32{models.RoleWeight: scale}
	if shift != nil {
		params[models.RoleBias] = shift
	}
	return r.add(models.Node{Name: name, Op: models.OpConv2D, Attrs: a, Inputs: []string{node}}, nil, params)
}

// absorb multiplies the outputs of a layer by scale and adds shift, in its
// parameters. It says whether the node is such a layer.
func (r *reader) absorb(node string, scale, shift []float32) bool {
	i := slices.IndexFunc(r.net.Nodes, func(n models.Node) bool { return n.Name == node })
	n := &r.net.Nodes[i]
	param := func(role models.Role) []float32 { return r.data[node+"."+string(role)] }
	factor, offset := models.RoleWeight, models.RoleBias
	switch n.Op {
	case models.OpConv2D, models.OpLinear:
		if n.Attrs.NoBias {
			n.Attrs.NoBias = false
			r.data[node+"."+string(models.RoleBias)] = make([]float32, n.Attrs.Out)
		}
	case models.OpBatchNorm:
		factor, offset = models.RoleGamma, models.RoleBeta
	default:
		return false
	}
	weights, biases := param(factor), param(offset)
	each := len(weights) / len(scale)
	for c := range scale {
		for k := range each {
			weights[c*each+k] *= scale[c]
		}
		biases[c] = biases[c]*scale[c] + shift[c]
	}
	return true
}

// then is v with another scale and shift behind its own.
func (v *value) then(scale, shift []float32, alone bool) *value {
	next := *v
	next.alone = v.alone && alone
	// (x s + t) scale + shift
	next.scale = combine(v.scale, scale, nil, 1)
	next.shift = combine(v.shift, scale, shift, 0)
	return &next
}

// combine is a*b + c by channel; nil a is all def, nil b all ones, nil c all
// zeros, and nil again where that leaves def.
func combine(a, b, c []float32, def float32) []float32 {
	n := max(len(a), len(b), len(c), 1)
	a, b, c = spread(a, n, def), spread(b, n, 1), spread(c, n, 0)
	out, all := make([]float32, n), true
	for i := range out {
		out[i] = a[i]*b[i] + c[i]
		all = all && out[i] == def
	}
	if all {
		return nil
	}
	return out
}
