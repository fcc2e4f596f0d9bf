package onnx_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"espalier/models"
	"espalier/models/export/onnx"
	"espalier/models/export/onnx/internal/onnxpb"
)

// Every error names the file, the node, its operator and the opset, and what
// it is about.
func TestRefuses(t *testing.T) {
	t.Parallel()
	image := []int64{0, 2, 5, 6}
	one := func(opset int64, node *onnxpb.NodeProto, weights ...*onnxpb.TensorProto) file {
		return file{opset, image, []*onnxpb.NodeProto{node}, weights}
	}
	k3 := w("w", 1, 2, 2, 3, 3)
	tests := map[string]struct {
		file
		want string
	}{
		"operator":           {one(11, n("up", "Resize", "x")), `net.onnx: node "up" (Resize, opset 11): the operator is not supported; supported are Add, AveragePool,`},
		"domain":             {one(11, &onnxpb.NodeProto{OpType: "Gelu", Domain: "com.microsoft", Input: []string{"x"}, Output: []string{"y"}}), `domain "com.microsoft"`},
		"attribute":          {one(13, n("y", "Relu", "x", integer("fast", 1))), `node "y" (Relu, opset 13): attribute "fast" is not known`},
		"attribute type":     {one(13, n("y", "LeakyRelu", "x", integer("alpha", 1))), `attribute "alpha" is of type INT, want FLOAT`},
		"old opset":          {one(6, n("y", "Relu", "x")), `opset 6: 7 to 27 are read`},
		"new opset":          {one(28, n("y", "Relu", "x")), `opset 28: 7 to 27 are read`},
		"unknown input":      {one(13, n("y", "Relu", "z")), `input "z" comes from no earlier node`},
		"missing input":      {one(13, n("y", "Add", "x")), `1 inputs, not 2`},
		"empty input":        {one(13, &onnxpb.NodeProto{OpType: "Add", Input: []string{"x", ""}, Output: []string{"y"}}), `input 1 is missing`},
		"twice":              {file{13, image, []*onnxpb.NodeProto{n("y", "Relu", "x"), n("y", "Relu", "x")}, nil}, `output "y" is there already`},
		"second output":      {file{13, image, []*onnxpb.NodeProto{n("a b", "MaxPool", "x", ints("kernel_shape", 2, 2)), n("y", "Relu", "b")}, nil}, `its output "b" is not supported`},
		"auto_pad":           {one(13, n("y", "Conv", "x w", text("auto_pad", "SAME")), k3), `auto_pad "SAME" is not known`},
		"negative pads":      {one(13, n("y", "Conv", "x w", ints("pads", 0, 0, -1, 0)), k3), `pads [0 0 -1 0]`},
		"kernel":             {one(13, n("y", "Conv", "x w", ints("kernel_shape", 2, 2)), k3), `kernel_shape [2 2], and weights of [3 3]`},
		"channels":           {one(13, n("y", "Conv", "x w"), w("w", 1, 2, 3, 1, 1)), `read 3 channels, the image has 2`},
		"filters in groups":  {one(13, n("y", "Conv", "x w", integer("group", 2)), w("w", 1, 3, 1, 1, 1)), `2 groups`},
		"1-D convolution":    {one(13, n("y", "Conv", "x w"), w("w", 1, 2, 2, 3)), `shape [2 2 3], want floats of 4 axes`},
		"weights computed":   {one(13, n("y", "Conv", "x x")), `input "x" is no constant`},
		"dilated pool":       {one(13, n("y", "MaxPool", "x", ints("kernel_shape", 2, 2), ints("dilations", 2, 2))), `dilations [2 2] are not supported`},
		"storage order":      {one(13, n("y", "MaxPool", "x", integer("storage_order", 1))), `storage_order 1 is not supported`},
		"clip":               {one(8, n("y", "Clip", "x", float("min", -1), float("max", 1))), `to -1 and 1 is not supported, only to 0 and 6`},
		"hard sigmoid":       {one(8, n("y", "HardSigmoid", "x")), `alpha 0.2 and beta 0.5 are not supported, only 1/6 and 1/2`},
		"PReLU by channel":   {one(8, n("y", "PRelu", "x s"), w("s", 1, 2, 1, 1)), `slopes that differ by channel`},
		"position weights":   {one(8, n("y", "Add", "x s"), w("s", 1, 5, 6)), `a constant of shape [5 6] with a tensor of shape [2 5 6]`},
		"softmax inside":     {file{13, image, []*onnxpb.NodeProto{n("g", "GlobalAveragePool", "x"), n("f", "Flatten", "g"), n("s", "Softmax", "f"), n("y", "Relu", "s")}, nil}, `it reads a softmax`},
		"softmax over pixel": {one(13, n("y", "Softmax", "x")), `over axis -1 of a tensor of shape [2 5 6]`},
		"training":           {one(15, n("y", "BatchNormalization", "x a a a a", integer("training_mode", 1)), w("a", 1, 2)), `export the model in evaluation mode`},
		"statistics":         {one(15, n("y", "BatchNormalization", "x a a a a"), w("a", 1, 3)), `input "a" has 3 values for 2 channels`},
		"reflection":         {one(10, n("y", "Pad", "x", text("mode", "reflect"), ints("pads", 0, 0, 1, 1, 0, 0, 1, 1))), `mode "reflect"`},
		"pad by one":         {one(10, n("y", "Pad", "x", float("value", 1), ints("pads", 0, 0, 1, 1, 0, 0, 1, 1))), `value 1 is not supported`},
		"pad the batch":      {one(10, n("y", "Pad", "x", ints("pads", 1, 0, 1, 1, 0, 0, 1, 1))), `pads [1 0 1 1 0 0 1 1]`},
		"batch in reshape":   {one(13, n("y", "Reshape", "x s"), of("s", 2, -1)), `has no shape [2 -1]`},
		"mean of rows":       {one(13, n("y", "ReduceMean", "x", ints("axes", 2))), `over axes [2] of a tensor of 4 axes`},
		"concat of rows":     {one(13, n("y", "Concat", "x x", integer("axis", 2))), `axis 2 is not supported`},
		"transposed":         {one(13, n("y", "Transpose", "x", ints("perm", 0, 1, 3, 2))), `perm [0 1 3 2] of a tensor of shape [2 5 6]`},
		"crop":               {one(9, n("y", "Slice", "x", ints("starts", 1), ints("ends", 3), ints("axes", 2))), `axis 2 from 1 to 3 in steps of 1`},
		"broadcast add":      {file{13, image, []*onnxpb.NodeProto{n("g", "GlobalAveragePool", "x"), n("y", "Add", "x g")}, nil}, `the sum of activations of shapes [2 5 6] and [2 1 1]`},
		"gemm of an image":   {one(13, n("y", "Gemm", "x w"), w("w", 1, 2, 3)), `read a tensor of shape [2 5 6]`},
		"gemm transposed":    {file{13, []int64{0, 2}, []*onnxpb.NodeProto{n("y", "Gemm", "x w", integer("transA", 1))}, []*onnxpb.TensorProto{w("w", 1, 2, 3)}}, `transA 1 is not supported`},
		"cast":               {one(13, n("y", "Cast", "x", integer("to", 7))), `cast to INT64`},
		"no fixed size":      {file{13, []int64{0, 3, 0, 0}, []*onnxpb.NodeProto{n("y", "Relu", "x")}, nil}, `input "x": axis 2 has no fixed size ("batch")`},
		"constant output":    {one(13, &onnxpb.NodeProto{OpType: "Constant", Output: []string{"y"}, Attribute: []*onnxpb.AttributeProto{float("value_float", 1)}}), `output "y" is computed by no node`},
		"string weights":     {one(13, n("y", "Relu", "x"), &onnxpb.TensorProto{Name: "s", DataType: 8, Dims: []int64{1}}), `weights "s": its type STRING`},
		"short weights":      {one(13, n("y", "Relu", "x"), &onnxpb.TensorProto{Name: "s", DataType: 1, Dims: []int64{3}, FloatData: []float32{1}}), `weights "s": it has 1 values for shape [3]`},
		"huge weights":       {one(13, n("y", "Relu", "x"), &onnxpb.TensorProto{Name: "s", DataType: 1, Dims: []int64{1 << 30, 1 << 30}}), `too large`},
		"huge constant":      {file{13, image, []*onnxpb.NodeProto{n("c", "ConstantOfShape", "s"), n("y", "Relu", "x")}, []*onnxpb.TensorProto{of("s", 1<<15, 1<<15)}}, `need more memory`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := onnx.Decode("net.onnx", test.bytes(t))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "net.onnx: ") {
				t.Errorf("Decode = %v, want an error with %q", err, test.want)
			}
		})
	}
}

// A constant that doubles with every node is refused before memory is short.
func TestRefusesDoubling(t *testing.T) {
	t.Parallel()
	f := file{13, []int64{0, 2, 5, 6}, nil, []*onnxpb.TensorProto{w("c", 1, 1<<10)}}
	last := "c"
	for range 60 {
		next := last + "c"
		f.nodes = append(f.nodes, n(next, "Concat", last+" "+last, integer("axis", 0)))
		last = next
	}
	f.nodes = append(f.nodes, n("y", "Relu", "x"))
	if _, err := onnx.Decode("net.onnx", f.bytes(t)); err == nil || !strings.Contains(err.Error(), "need more memory") {
		t.Errorf("Decode = %v", err)
	}
}

// An activation whose channels double with every node is refused too.
func TestRefusesDoublingChannels(t *testing.T) {
	t.Parallel()
	f := file{13, []int64{0, 2, 5, 6}, nil, nil}
	last := "x"
	for range 60 {
		next := last + "x"
		f.nodes = append(f.nodes, n(next, "Concat", last+" "+last, integer("axis", 1)))
		last = next
	}
	if _, err := onnx.Decode("net.onnx", f.bytes(t)); err == nil || !strings.Contains(err.Error(), "channels, more than") {
		t.Errorf("Decode = %v", err)
	}
}

func TestGraphInputsAndOutputs(t *testing.T) {
	t.Parallel()
	base := func() *onnxpb.ModelProto {
		return file{13, []int64{0, 2}, []*onnxpb.NodeProto{n("y", "Relu", "x")}, nil}.model()
	}
	tests := map[string]struct {
		change func(m *onnxpb.ModelProto)
		want   string
	}{
		"no graph":    {func(m *onnxpb.ModelProto) { m.Graph = nil }, "0 outputs"},
		"no opset":    {func(m *onnxpb.ModelProto) { m.OpsetImport = nil }, "names no opset"},
		"two inputs":  {func(m *onnxpb.ModelProto) { m.Graph.Input = append(m.Graph.Input, &onnxpb.ValueInfoProto{Name: "z"}) }, "2 inputs beside weights"},
		"two outputs": {func(m *onnxpb.ModelProto) { m.Graph.Output = append(m.Graph.Output, m.Graph.Output[0]) }, "2 outputs"},
		"no shape":    {func(m *onnxpb.ModelProto) { m.Graph.Input[0].Type = nil }, "0 axes"},
		"sparse": {func(m *onnxpb.ModelProto) {
			m.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}}
		}, "sparse weights"},
	}
	for name, test := range tests {
		m := base()
		test.change(m)
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := onnx.Decode("net.onnx", data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Decode = %v, want an error with %q", name, err, test.want)
		}
	}
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	data := read(t, "mobile-14.onnx")
	for n := range len(data) {
		if m, err := onnx.Decode("net.onnx", data[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are a network of %d nodes", n, len(data), len(m.Network.Nodes))
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte{})
	f.Add([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	shapes := file{13, []int64{1, 2, 5, 6}, []*onnxpb.NodeProto{
		n("s", "Shape", "x"), n("g", "Gather", "s i"), n("a", "Cast", "g", integer("to", 1)), n("b", "Cast", "a", integer("to", 7)),
		n("c", "Concat", "b i", integer("axis", 0)), n("t", "Transpose", "w"), n("u", "Unsqueeze", "t i"), n("v", "Slice", "u i i"), n("q", "Split", "x", integer("axis", 1)), n("y", "Reshape", "q c"),
	}, []*onnxpb.TensorProto{of("i", 0), w("w", 1, 2, 3)}}
	f.Add(shapes.bytes(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Decode("f", data)
		if err != nil {
			if len(err.Error()) > 4000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if err := m.Network.Validate(); err != nil {
			t.Error(err)
		}
		if i := slices.IndexFunc(m.Network.Params, func(p *models.Param) bool { return p.Data == nil }); i >= 0 {
			t.Errorf("parameter %s has no values", m.Network.Params[i].Name)
		}
		// Whatever was read can be written, and is read again.
		e, err := onnx.Encode(m.Network, onnx.EncodeOptions{})
		if err == nil {
			_, err = onnx.Decode("g", e.Data)
		}
		if err != nil && !strings.Contains(err.Error(), "odd numbers only") {
			t.Error(err)
		}
	})
}

// docs/import.md names every operator that is read.
func TestOperatorsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	_, err = onnx.Decode("net.onnx", file{13, []int64{0, 2}, []*onnxpb.NodeProto{n("y", "None", "x")}, nil}.bytes(t))
	if err == nil {
		t.Fatal("an operator of no name is read")
	}
	_, list, _ := strings.Cut(err.Error(), "supported are ")
	for _, operator := range strings.Split(list, ", ") {
		if !strings.Contains(string(doc), "`"+operator+"`") {
			t.Errorf("docs/import.md does not name %s", operator)
		}
	}
}
