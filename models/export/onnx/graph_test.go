package onnx_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"espalier/models"
	"espalier/models/data/shareddata"
	"espalier/models/export/onnx"
	"espalier/models/export/onnx/internal/onnxpb"
)

// file is an ONNX file that a test builds: an input "x", nodes in order, the
// last node's output as the output.
type file struct {
	opset   int64
	input   []int64 // with the batch axis; 0 is any size
	nodes   []*onnxpb.NodeProto
	weights []*onnxpb.TensorProto
}

func (f file) model() *onnxpb.ModelProto {
	dims := make([]*onnxpb.TensorShapeProto_Dimension, len(f.input))
	for i, n := range f.input {
		dims[i] = &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}}
		if n == 0 {
			dims[i].Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
		}
	}
	x := &onnxpb.ValueInfoProto{Name: "x", Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: 1, Shape: &onnxpb.TensorShapeProto{Dim: dims}}}}}
	out := f.nodes[len(f.nodes)-1].GetOutput()[0]
	return &onnxpb.ModelProto{
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: f.opset}},
		Graph: &onnxpb.GraphProto{Name: "net", Node: f.nodes, Initializer: f.weights,
			Input: []*onnxpb.ValueInfoProto{x}, Output: []*onnxpb.ValueInfoProto{{Name: out}}},
	}
}

func (f file) bytes(t testing.TB) []byte {
	t.Helper()
	data, err := proto.Marshal(f.model())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// n is a node; its name is its output's. Attributes follow the inputs.
func n(out, op string, inputs string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{Name: out, OpType: op, Output: strings.Fields(out), Input: strings.Split(inputs, " "), Attribute: attributes}
}

func ints(name string, values ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INTS, Ints: values}
}

func integer(name string, value int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INT, I: value}
}

func float(name string, value float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOAT, F: value}
}

func text(name, value string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_STRING, S: []byte(value)}
}

// w is a tensor of floats 1, 2, 3, ... times scale.
func w(name string, scale float32, dims ...int64) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: name, Dims: dims, DataType: int32(onnxpb.TensorProto_FLOAT)}
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	for i := range size {
		t.FloatData = append(t.FloatData, scale*float32(i+1))
	}
	return t
}

// of is a tensor of one axis of integers.
func of(name string, values ...int64) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: name, Dims: []int64{int64(len(values))}, DataType: int32(onnxpb.TensorProto_INT64), Int64Data: values}
}

// lines are the nodes of a network, one a line, with the attributes that are
// not zero.
func lines(t *testing.T, net *models.Network) []string {
	t.Helper()
	var out []string
	for _, n := range net.Nodes[1:] {
		attrs, err := json.Marshal(n.Attrs)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s(%s) %s", n.Op, strings.Join(n.Inputs, ", "), strings.NewReplacer(`"`, "", "{}", "").Replace(string(attrs))))
	}
	return out
}

// What PyTorch does not write but others do, node by node.
func TestGraphs(t *testing.T) {
	t.Parallel()
	image := []int64{0, 2, 5, 6}
	conv := func(attributes ...*onnxpb.AttributeProto) []*onnxpb.NodeProto {
		return []*onnxpb.NodeProto{n("y", "Conv", "x w", attributes...)}
	}
	k3, k1 := w("w", 1, 2, 2, 3, 3), w("w", 1, 2, 2, 1, 1)
	tests := map[string]struct {
		file
		want []string
	}{
		"same upper":          {file{8, image, conv(text("auto_pad", "SAME_UPPER"), ints("strides", 2, 2)), []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],stride:[2,2],pad:[1,0,1,1],no_bias:true}", "flatten(y) "}},
		"same lower":          {file{8, image, conv(text("auto_pad", "SAME_LOWER"), ints("strides", 2, 2)), []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],stride:[2,2],pad:[1,1,1,0],no_bias:true}", "flatten(y) "}},
		"same dilated":        {file{8, image, conv(text("auto_pad", "SAME_UPPER"), ints("dilations", 2, 1)), []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],pad:[2,1,2,1],dilation:[2,1],no_bias:true}", "flatten(y) "}},
		"valid":               {file{8, image, conv(text("auto_pad", "VALID"), ints("pads", 1, 1, 1, 1)), []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],no_bias:true}", "flatten(y) "}},
		"bias by add":         {file{8, image, []*onnxpb.NodeProto{n("c", "Conv", "x w"), n("y", "Add", "c b")}, []*onnxpb.TensorProto{k1, w("b", 1, 2, 1, 1)}}, []string{"conv2d(input) {out:2,kernel:[1,1]}", "flatten(c) "}},
		"scale read twice":    {file{13, image, []*onnxpb.NodeProto{n("c", "Conv", "x w"), n("m", "Mul", "b c"), n("y", "Add", "c m")}, []*onnxpb.TensorProto{k1, w("b", 1, 1, 2, 1, 1)}}, []string{"conv2d(input) {out:2,kernel:[1,1],no_bias:true}", "conv2d(c) {out:2,kernel:[1,1],groups:2}", "add(c, c.scale) ", "flatten(y) "}},
		"pad before conv":     {file{10, image, []*onnxpb.NodeProto{n("p", "Pad", "x", ints("pads", 0, 0, 1, 2, 0, 0, 3, 4)), n("y", "Conv", "p w", ints("pads", 1, 1, 1, 1))}, []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],pad:[2,3,4,5],no_bias:true}", "flatten(y) "}},
		"pad before max pool": {file{10, image, []*onnxpb.NodeProto{n("r", "Relu", "x"), n("p", "Pad", "r", ints("pads", 0, 0, 0, 0, 0, 0, 1, 1)), n("y", "MaxPool", "p", ints("kernel_shape", 2, 2))}, nil}, []string{"relu(input) ", "max_pool(r) {kernel:[2,2],pad:[0,0,1,1]}", "flatten(y) "}},
		"zeros can win":       {file{10, image, []*onnxpb.NodeProto{n("p", "Pad", "x", ints("pads", 0, 0, 0, 0, 0, 0, 1, 1)), n("y", "MaxPool", "p", ints("kernel_shape", 2, 2))}, nil}, []string{"conv2d(input) {out:2,kernel:[1,1],pad:[0,0,1,1],groups:2,no_bias:true}", "max_pool(input.pad) {kernel:[2,2]}", "flatten(y) "}},
		"lrn":                 {file{13, image, []*onnxpb.NodeProto{n("y", "LRN", "x", integer("size", 5), float("alpha", 2e-5), float("bias", 2))}, nil}, []string{"lrn(input) {size:5,alpha:0.00002,beta:0.75,bias:2}", "flatten(y) "}},
		"global max pool":     {file{13, image, []*onnxpb.NodeProto{n("y", "GlobalMaxPool", "x")}, nil}, []string{"max_pool(input) {kernel:[5,6]}", "flatten(y) "}},
		"mean since opset 18": {file{18, image, []*onnxpb.NodeProto{n("y", "ReduceMean", "x axes", integer("keepdims", 0))}, []*onnxpb.TensorProto{of("axes", -1, 2)}}, []string{"global_avg_pool(input) ", "flatten(y) "}},
		"squeeze":             {file{13, image, []*onnxpb.NodeProto{n("g", "GlobalAveragePool", "x"), n("s", "Squeeze", "g a"), n("y", "Squeeze", "s b")}, []*onnxpb.TensorProto{of("a", 3), of("b", 2)}}, []string{"global_avg_pool(input) ", "flatten(g) "}},
		"squeeze and back":    {file{13, image, []*onnxpb.NodeProto{n("g", "GlobalAveragePool", "x"), n("s", "Squeeze", "g a"), n("u", "Unsqueeze", "s a"), n("y", "Mul", "u x")}, []*onnxpb.TensorProto{of("a", 2, 3)}}, []string{"global_avg_pool(input) ", "mul(input, g) ", "flatten(y) "}},
		"matmul and add":      {file{13, []int64{1, 3}, []*onnxpb.NodeProto{n("m", "MatMul", "x w"), n("a", "Add", "b m"), n("y", "Softmax", "a")}, []*onnxpb.TensorProto{w("w", 1, 3, 2), w("b", 1, 2)}}, []string{"linear(input) {out:2}"}},
		"scale into linear":   {file{13, []int64{1, 2}, []*onnxpb.NodeProto{n("s", "Sub", "x m"), n("y", "Gemm", "s w", integer("transB", 1))}, []*onnxpb.TensorProto{w("w", 1, 3, 2), w("m", 1, 2)}}, []string{"linear(input) {out:3}"}},
		"channels last":       {file{13, []int64{1, 5, 6, 2}, []*onnxpb.NodeProto{n("t", "Transpose", "x", ints("perm", 0, 3, 1, 2)), n("y", "Conv", "t w")}, []*onnxpb.TensorProto{k3}}, []string{"conv2d(input) {out:2,kernel:[3,3],no_bias:true}", "flatten(y) "}},
		"gather channels":     {file{13, image, []*onnxpb.NodeProto{n("y", "Gather", "x i", integer("axis", 1))}, []*onnxpb.TensorProto{of("i", -1, 0)}}, []string{"channel_select(input) {channels:[1,0]}", "flatten(y) "}},
		"split by sizes":      {file{13, image, []*onnxpb.NodeProto{n("a b", "Split", "x s", integer("axis", 1)), n("y", "Concat", "b a", integer("axis", -3))}, []*onnxpb.TensorProto{of("s", 1, 1)}}, []string{"channel_select(input) {channels:[0]}", "channel_select(input) {channels:[1]}", "concat(a b_2, a b) ", "flatten(y) "}},
		"hard swish":          {file{14, image, []*onnxpb.NodeProto{n("y", "HardSwish", "x")}, nil}, []string{"hard_swish(input) ", "flatten(y) "}},
		"swish":               {file{24, image, []*onnxpb.NodeProto{n("y", "Swish", "x")}, nil}, []string{"silu(input) ", "flatten(y) "}},
		"silu":                {file{8, image, []*onnxpb.NodeProto{n("s", "Sigmoid", "x"), n("y", "Mul", "s x")}, nil}, []string{"silu(input) ", "flatten(y) "}},
		"clip by attributes":  {file{8, image, []*onnxpb.NodeProto{n("y", "Clip", "x", float("min", 0), float("max", 6))}, nil}, []string{"relu6(input) ", "flatten(y) "}},
		"clip from below":     {file{11, image, []*onnxpb.NodeProto{n("z", "Constant", "", float("value_float", 0)), n("y", "Clip", "x z")}, nil}, []string{"relu(input) ", "flatten(y) "}},
		"dropout by input":    {file{13, image, []*onnxpb.NodeProto{n("y", "Dropout", "x r")}, []*onnxpb.TensorProto{w("r", 0.25, 1)}}, []string{"dropout(input) {rate:0.25}", "flatten(y) "}},
		"sum of one":          {file{13, image, []*onnxpb.NodeProto{n("i", "Sum", "x"), n("y", "Cast", "i", integer("to", 1))}, nil}, []string{"flatten(input) "}},
		"unread nodes":        {file{13, image, []*onnxpb.NodeProto{n("c", "Conv", "x w"), n("y", "Relu", "x")}, []*onnxpb.TensorProto{k3}}, []string{"relu(input) ", "flatten(y) "}},
		"weights reshaped":    {file{8, []int64{1, 4}, []*onnxpb.NodeProto{n("r", "Reshape", "w s"), n("y", "MatMul", "x r")}, []*onnxpb.TensorProto{w("w", 1, 2, 2, 3), of("s", 4, -1)}}, []string{"linear(input) {out:3,no_bias:true}"}},
		"batch norm": {file{14, image, []*onnxpb.NodeProto{n("y", "BatchNormalization", "x a b c d", float("momentum", 0.99), float("epsilon", 1e-3))},
			[]*onnxpb.TensorProto{w("a", 1, 2), w("b", 1, 2), w("c", 1, 2), w("d", 1, 2)}}, []string{"batch_norm(input) {eps:0.001,momentum:0.01}", "flatten(y) "}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, node := range test.nodes {
				if slices.Equal(node.Input, []string{""}) {
					node.Input = nil
				}
			}
			m, err := onnx.Decode("net.onnx", test.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, lines(t, m.Network)); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
			if softmax := name == "matmul and add"; softmax != (len(m.Notes) == 1 && strings.Contains(m.Notes[0], "Softmax")) && name != "channels last" {
				t.Errorf("notes %q", m.Notes)
			}
		})
	}
}

// Constants that are added and multiplied end in the right parameters.
func TestFolding(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file
		x, want []float32
	}{
		// W = (1 2; 3 4), then * (10 20) + (1 2), on (1 1).
		"conv": {file{13, []int64{0, 2, 1, 1}, []*onnxpb.NodeProto{n("c", "Conv", "x w b"), n("m", "Mul", "c s"), n("y", "Add", "m b2")},
			[]*onnxpb.TensorProto{w("w", 1, 2, 2, 1, 1), w("b", 1, 2), w("s", 10, 2, 1, 1), w("b2", 1, 2, 1, 1)}}, []float32{1, 1}, []float32{41, 182}},
		"constant minus conv": {file{13, []int64{0, 2, 1, 1}, []*onnxpb.NodeProto{n("c", "Conv", "x w"), n("y", "Sub", "one c")},
			[]*onnxpb.TensorProto{w("w", 1, 2, 2, 1, 1), w("one", 1, 1)}}, []float32{1, 1}, []float32{-2, -6}},
		"difference of images": {file{13, []int64{0, 2, 1, 1}, []*onnxpb.NodeProto{n("c", "Conv", "x w"), n("y", "Sub", "x c")},
			[]*onnxpb.TensorProto{w("w", 1, 2, 2, 1, 1)}}, []float32{1, 1}, []float32{-2, -6}},
		// (x - (1 2)) W^T with rows (1 2), (3 4), (5 6).
		"gemm": {file{13, []int64{0, 2}, []*onnxpb.NodeProto{n("s", "Sub", "x m"), n("y", "Gemm", "s w c", integer("transB", 1), float("alpha", 2), float("beta", 3))},
			[]*onnxpb.TensorProto{w("w", 1, 3, 2), w("m", 1, 2), w("c", 1, 1)}}, []float32{2, 2}, []float32{5, 9, 13}},
		"batch norm": {file{13, []int64{0, 1, 1, 1}, []*onnxpb.NodeProto{n("n", "BatchNormalization", "x a a a a", float("epsilon", 0)), n("h", "Div", "n two"), n("y", "Add", "h a")},
			[]*onnxpb.TensorProto{w("a", 1, 1), w("two", 2, 1)}}, []float32{3}, []float32{2.5}},
		"square root": {file{13, []int64{0, 1, 1, 1}, []*onnxpb.NodeProto{n("r", "Sqrt", "a"), n("d", "Div", "a r"), n("k", "Sum", "d a a"), n("y", "Mul", "x k")},
			[]*onnxpb.TensorProto{w("a", 4, 1)}}, []float32{1}, []float32{10}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := onnx.Decode("net.onnx", test.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			near(t, forward(t, m.Network, test.x), test.want, 1e-6)
		})
	}
}

// The ways of writing a tensor down.
func TestTensors(t *testing.T) {
	t.Parallel()
	want := []float32{1, -2, 0.5}
	var single, double, half []byte
	for _, x := range want {
		single = binary.LittleEndian.AppendUint32(single, math.Float32bits(x))
		double = binary.LittleEndian.AppendUint64(double, math.Float64bits(float64(x)))
	}
	for _, bits := range []uint16{0x3c00, 0xc000, 0x3800} {
		half = binary.LittleEndian.AppendUint16(half, bits)
	}
	tests := map[string]*onnxpb.TensorProto{
		"floats":     {DataType: 1, FloatData: want},
		"raw floats": {DataType: 1, RawData: single},
		"doubles":    {DataType: 11, DoubleData: []float64{1, -2, 0.5}},
		"raw double": {DataType: 11, RawData: double},
		"raw half":   {DataType: 10, RawData: half},
		"half":       {DataType: 10, Int32Data: []int32{0x3c00, 0xc000, 0x3800}},
		"bfloat16":   {DataType: 16, Int32Data: []int32{0x3f80, 0xc000, 0x3f00}},
	}
	for name, tensor := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tensor.Name, tensor.Dims = "w", []int64{3, 1}
			f := file{13, []int64{0, 3}, []*onnxpb.NodeProto{n("y", "MatMul", "x w")}, []*onnxpb.TensorProto{tensor}}
			m, err := onnx.Decode("net.onnx", f.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Network.Params[0].Data; !slices.Equal(got, want) {
				t.Errorf("weights %v, want %v", got, want)
			}
		})
	}
}

// Weights in a file of their own are found beside the model, and nowhere else.
func TestExternalData(t *testing.T) {
	t.Parallel()
	write := func(location, offset string) (string, []byte) {
		dir := t.TempDir()
		tensor := &onnxpb.TensorProto{Name: "w", Dims: []int64{2, 1}, DataType: 1, DataLocation: onnxpb.TensorProto_EXTERNAL,
			ExternalData: []*onnxpb.StringStringEntryProto{{Key: "location", Value: location}, {Key: "offset", Value: offset}, {Key: "length", Value: "8"}}}
		data := file{13, []int64{0, 2}, []*onnxpb.NodeProto{n("y", "MatMul", "x w")}, []*onnxpb.TensorProto{tensor}}.bytes(t)
		if err := os.WriteFile(filepath.Join(dir, "net.onnx"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "weights"), []byte("????\x00\x00\x80\x3f\x00\x00\x00\x40"), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "net.onnx"), data
	}
	path, data := write("weights", "4")
	net, err := onnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := net.Params[0].Data; !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("weights %v, want [1 2]", got)
	}
	if _, err := onnx.Decode("net.onnx", data); err == nil || !strings.Contains(err.Error(), "in another file") {
		t.Errorf("Decode = %v", err)
	}
	for _, bad := range [][2]string{{"../weights", "0"}, {"/etc/passwd", "0"}, {"weights", "5"}, {"weights", "-1"}, {"weights", "9223372036854775807"}, {"weights", "x"}, {".", "0"}, {"none", "0"}} {
		path, _ := write(bad[0], bad[1])
		if _, err := onnx.Read(path); err == nil || !strings.Contains(err.Error(), `weights "w"`) {
			t.Errorf("external data at %v: %v", bad, err)
		}
	}
}

// The ONNX zoo's MNIST network reproduces its own outputs.
func TestMNIST8(t *testing.T) {
	t.Parallel()
	dir := shareddata.Find(t, "onnx/mnist-8")
	net, err := onnx.Read(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		set := filepath.Join(dir, fmt.Sprintf("test_data_set_%d", i))
		got := forward(t, net, tensorFile(t, filepath.Join(set, "input_0.pb")))
		near(t, got, tensorFile(t, filepath.Join(set, "output_0.pb")), 1e-5)
	}
}

func tensorFile(t *testing.T, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tensor onnxpb.TensorProto
	if err := proto.Unmarshal(data, &tensor); err != nil {
		t.Fatal(err)
	}
	out := append([]float32{}, tensor.GetFloatData()...)
	for raw := tensor.GetRawData(); len(raw) > 0; raw = raw[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return out
}
