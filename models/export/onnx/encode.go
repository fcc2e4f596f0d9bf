package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"espalier/models"
	"espalier/models/export/internal/torch"
	"espalier/models/export/onnx/internal/onnxpb"
)

// The versions of ONNX's operators that are written. Earlier ones keep as
// attributes what are inputs here; later ones change nothing that is used.
const (
	MinWrittenOpset = 13
	MaxWrittenOpset = 21
	DefaultOpset    = 17
)

// maxFile is what a protocol buffer may take.
const maxFile = math.MaxInt32

// EncodeOptions say how a network is written.
type EncodeOptions struct {
	Opset   int    // 0 is DefaultOpset
	Version string // of the program that writes
	Digest  string // what names the network, for the file's metadata; "" for nothing
	// Int8 writes layers whose weights are multiples of a scale an output, from
	// -127 to 127, as bytes, with a DequantizeLinear that makes of them the same
	// float32 values to the bit.
	Int8 bool
}

// Encoded is a network as an ONNX file.
type Encoded struct {
	Data          []byte
	Opset         int
	Operators     int    // nodes of the graph
	Int8          int    // layers whose weights are bytes
	Input, Output string // the names of the graph's only ones
}

// Encode writes a network as an ONNX file, of which [Decode] makes an equal
// network. Its input is a batch of any size, its output the logits. Weights are
// called as in PyTorch and have all their values, zeros too. Equal networks
// have equal bytes.
//
// Where ONNX has no operator for a node, several stand for it: a shortcut's
// subsampling is a Slice, channels of zeros are a Pad, SiLU is x times its
// Sigmoid. It fails on a network that is not valid or too large for one file,
// and on local response normalization over an even number of channels, whose
// middle ONNX puts elsewhere.
func Encode(net *models.Network, o EncodeOptions) (*Encoded, error) {
	if o.Opset == 0 {
		o.Opset = DefaultOpset
	}
	if o.Opset < MinWrittenOpset || o.Opset > MaxWrittenOpset {
		return nil, fmt.Errorf("opset %d: %d to %d are written", o.Opset, MinWrittenOpset, MaxWrittenOpset)
	}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	w, err := newWriter(net, o)
	if err != nil {
		return nil, err
	}
	for _, n := range net.Nodes[1:] {
		if err := w.write(n); err != nil {
			return nil, fmt.Errorf("network %s: node %s: %w", net.Name, n.Name, err)
		}
	}
	model := &onnxpb.ModelProto{
		IrVersion: irVersion(o.Opset), ProducerName: "espalier", ProducerVersion: o.Version,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: int64(o.Opset)}}, Graph: w.graph,
	}
	if o.Digest != "" {
		model.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: "espalier.network", Value: o.Digest}}
	}
	if size := proto.Size(model); size > maxFile {
		return nil, fmt.Errorf("network %s would take %d bytes; an ONNX file holds at most %d", net.Name, size, maxFile)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", net.Name, err)
	}
	return &Encoded{
		Data: data, Opset: o.Opset, Operators: len(w.graph.GetNode()), Int8: w.int8s,
		Input: w.graph.GetInput()[0].GetName(), Output: w.graph.GetOutput()[0].GetName(),
	}, nil
}

// irVersion is the version of the file's layout that an opset came with.
func irVersion(opset int) int64 {
	switch {
	case opset < 15:
		return 7
	case opset < 19:
		return 8
	case opset < 21:
		return 9
	}
	return 10
}

// writer builds the graph of a file.
type writer struct {
	net    *models.Network
	opset  int
	bytes  bool // weights may be bytes
	int8s  int  // layers whose weights are
	shapes map[string]models.Shape
	graph  *onnxpb.GraphProto
	params map[string][]*models.Param // by node
	taken  map[string]bool            // names of tensors
	tensor map[string]string          // what a node of the network computes
}

// newWriter begins with the input, the output and the names of all weights.
func newWriter(net *models.Network, o EncodeOptions) (*writer, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	w := &writer{
		net: net, opset: o.Opset, bytes: o.Int8, shapes: shapes, graph: &onnxpb.GraphProto{Name: net.Name},
		params: map[string][]*models.Param{}, taken: map[string]bool{}, tensor: map[string]string{},
	}
	if net.Name == "" {
		w.graph.Name = "network"
	}
	for _, p := range net.Params {
		w.params[p.Node] = append(w.params[p.Node], p)
		w.taken[torch.Name(p)] = true
	}
	in, out := net.Nodes[0].Name, net.Output()
	w.tensor[in] = w.unique(in)
	if out != in {
		w.tensor[out] = w.unique("logits")
	}
	w.graph.Input = []*onnxpb.ValueInfoProto{info(w.tensor[in], shapes[in])}
	w.graph.Output = []*onnxpb.ValueInfoProto{info(w.tensor[out], shapes[out])}
	return w, nil
}

// unique is a name that no tensor has yet, and takes it.
func (w *writer) unique(want string) string {
	name := want
	for i := 1; w.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", want, i)
	}
	w.taken[name] = true
	return name
}

// info describes a tensor with a batch axis of any size.
func info(name string, shape models.Shape) *onnxpb.ValueInfoProto {
	dims := []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}}
	for _, d := range shape {
		dims = append(dims, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: int32(onnxpb.TensorProto_FLOAT), Shape: &onnxpb.TensorShapeProto{Dim: dims},
	}}}}
}

// node adds an operator whose output is out and whose name is that of the
// network's node.
func (w *writer) node(n models.Node, operator, out string, inputs []string, attributes ...*onnxpb.AttributeProto) {
	w.graph.Node = append(w.graph.Node, &onnxpb.NodeProto{
		Name: n.Name, OpType: operator, Input: inputs, Output: []string{out}, Attribute: attributes,
	})
}

// out is the tensor that a node of the network computes.
func (w *writer) out(n models.Node) string {
	if w.tensor[n.Name] == "" {
		w.tensor[n.Name] = w.unique(n.Name)
	}
	return w.tensor[n.Name]
}

// inputs are the tensors that a node reads.
func (w *writer) inputs(n models.Node) []string {
	in := make([]string, len(n.Inputs))
	for i, name := range n.Inputs {
		in[i] = w.tensor[name]
	}
	return in
}

// weights adds a node's parameters and returns the names of those of the roles.
// A role that the node has none of is "".
func (w *writer) weights(n models.Node, roles ...models.Role) []string {
	names := make([]string, len(roles))
	for _, p := range w.params[n.Name] {
		for i, role := range roles {
			if p.Role == role {
				names[i] = torch.Name(p)
				if role != models.RoleWeight || !w.bytes || !w.quantized(n, p) {
					w.floats(names[i], p.Shape, p.Data)
				}
			}
		}
	}
	return names
}

// floats adds a tensor under a name that is taken already.
func (w *writer) floats(name string, shape []int, data []float32) {
	raw := make([]byte, 0, 4*len(data))
	for _, x := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	w.graph.Initializer = append(w.graph.Initializer, &onnxpb.TensorProto{
		Name: name, Dims: wide(shape), DataType: int32(onnxpb.TensorProto_FLOAT), RawData: raw,
	})
}

// scalar adds a constant of one float and returns its name.
func (w *writer) scalar(want string, x float64) string {
	name := w.unique(want)
	w.floats(name, nil, []float32{float32(x)})
	return name
}

// integers adds a list of integers and returns its name.
func (w *writer) integers(want string, list []int) string {
	name := w.unique(want)
	raw := make([]byte, 0, 8*len(list))
	for _, x := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	w.graph.Initializer = append(w.graph.Initializer, &onnxpb.TensorProto{
		Name: name, Dims: []int64{int64(len(list))}, DataType: int32(onnxpb.TensorProto_INT64), RawData: raw,
	})
	return name
}

func wide(list []int) []int64 {
	out := make([]int64, len(list))
	for i, x := range list {
		out[i] = int64(x)
	}
	return out
}

func intAttr(name string, x int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INT, I: int64(x)}
}

func intsAttr(name string, list ...int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INTS, Ints: wide(list)}
}

func floatAttr(name string, x float64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOAT, F: float32(x)}
}
