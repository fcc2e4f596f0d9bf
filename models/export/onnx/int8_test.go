package onnx_test

import (
	"os"
	"path/filepath"
	"testing"

	"espalier/models"
	"espalier/models/compress"
	"espalier/models/export"
	"espalier/models/export/exporttest"
	"espalier/models/export/onnx"
	"espalier/models/export/onnx/internal/onnxpb"
)

// Weights that were rounded leave as bytes, folded too, and come back as the
// same bits; ONNX Runtime computes the same with them.
func TestInt8(t *testing.T) {
	t.Parallel()
	var jobs []exporttest.Job
	var nets []*models.Network
	for _, c := range exporttest.Cases(t) {
		if c.Name != "lenet-300-100" && c.Name != "resnet-20" && c.Name != "resnet-20 masked" && c.Name != "other operations" {
			continue
		}
		rounded, _, err := compress.Uniform(c.Net, compress.Options{Bits: map[string]int{compress.Default: 8}})
		if err != nil {
			t.Fatal(err)
		}
		folded, err := export.Folded(rounded)
		if err != nil {
			t.Fatal(err)
		}
		for _, net := range []*models.Network{rounded, folded} {
			small := encodeInt8(t, net)
			if plain := encode(t, net, 0); c.Name == "lenet-300-100" && len(small.Data)*39 > len(plain)*10 {
				t.Errorf("%s takes %d bytes, %d as float32", c.Name, len(small.Data), len(plain))
			}
			m, err := onnx.Decode("net.onnx", small.Data)
			if err != nil {
				t.Fatal(err)
			}
			same(t, m.Network, net)
			file := filepath.Join(t.TempDir(), "net.onnx")
			if err := os.WriteFile(file, small.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			nets = append(nets, net)
			jobs = append(jobs, exporttest.Job{Model: file, Shape: append([]int{2}, net.Input...), Input: drawn(2*net.Input.Size(), 5)})
		}
	}
	for i, got := range exporttest.Run(t, jobs...) {
		near(t, got, forward(t, nets[i], jobs[i].Input), 1e-4)
	}
}

// encodeInt8 checks that every layer is written as bytes.
func encodeInt8(t *testing.T, net *models.Network) *onnx.Encoded {
	t.Helper()
	e, err := onnx.Encode(net, onnx.EncodeOptions{Int8: true})
	if err != nil {
		t.Fatal(err)
	}
	layers := 0
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			layers++
		}
	}
	if e.Int8 != layers {
		t.Errorf("%s: %d layers are bytes, want all %d", net.Name, e.Int8, layers)
	}
	return e
}

func TestDequantizeLinear(t *testing.T) {
	t.Parallel()
	codes := func(dims ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: "q", Dims: dims, DataType: int32(onnxpb.TensorProto_UINT8), Int32Data: []int32{0, 1, 2, 255, 4, 5}}
	}
	zero := &onnxpb.TensorProto{Name: "z", DataType: int32(onnxpb.TensorProto_UINT8), Int32Data: []int32{1}}
	for name, test := range map[string]struct {
		inputs  string
		axis    int64
		weights []*onnxpb.TensorProto
		want    []float32 // the weights, outputs x inputs; nil where it is refused
	}{
		"one scale":     {"q s z", 1, []*onnxpb.TensorProto{codes(2, 3), scalar("s", 0.5), zero}, []float32{-0.5, 127, 0, 1.5, 0.5, 2}},
		"by column":     {"q s", -1, []*onnxpb.TensorProto{codes(2, 3), w("s", 1, 3)}, []float32{0, 255, 2, 8, 6, 15}},
		"by row":        {"q s", 0, []*onnxpb.TensorProto{codes(2, 3), w("s", 1, 2)}, []float32{0, 510, 1, 8, 2, 10}},
		"other scales":  {"q s", 0, []*onnxpb.TensorProto{codes(2, 3), w("s", 1, 3)}, nil},
		"no such axis":  {"q s", 2, []*onnxpb.TensorProto{codes(2, 3), w("s", 1, 3)}, nil},
		"integer scale": {"q s", 0, []*onnxpb.TensorProto{codes(2, 3), of("s", 1, 2)}, nil},
		"no scale":      {"q", 0, []*onnxpb.TensorProto{codes(2, 3)}, nil},
		"an activation": {"x s", 0, []*onnxpb.TensorProto{codes(2, 3), scalar("s", 0.5)}, nil},
		"many zeros":    {"q s z", 0, []*onnxpb.TensorProto{codes(2, 3), w("s", 1, 2), zero}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := file{17, []int64{0, 2}, []*onnxpb.NodeProto{n("w", "DequantizeLinear", test.inputs, integer("axis", test.axis)), n("y", "MatMul", "x w")}, test.weights}
			m, err := onnx.Decode("net.onnx", f.bytes(t))
			if (err == nil) != (test.want != nil) {
				t.Fatalf("Decode: %v", err)
			}
			if test.want != nil {
				near(t, m.Network.Params[0].Data, test.want, 0)
			}
		})
	}
}

func scalar(name string, x float32) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: name, DataType: int32(onnxpb.TensorProto_FLOAT), FloatData: []float32{x}}
}
