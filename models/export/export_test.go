package export_test

import (
	"bytes"
	"compress/bzip2"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data/shareddata"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/export"
	"espalier/models/zoo"
)

// The published ResNet-20, from either format, computes what it computes in
// PyTorch and knows as many test images as it does there.
func TestResNet20AsInPyTorch(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"resnet20-12fca82f.th", "resnet20-12fca82f.safetensors"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			net, err := export.Network(shareddata.Find(t, "weights/"+file), build(zoo.Options{Arch: "resnet-20", Input: models.Shape{3, 32, 32}, Classes: 10}))
			if err != nil {
				t.Fatal(err)
			}
			want := fixture(t, "resnet20.json")
			got := forward(t, net, drawn(want.Inputs*net.Input.Size()))
			if d := furthest(t, got, want.Logits); d > 1e-3 {
				t.Errorf("the logits differ by up to %g from PyTorch's, want at most 1e-3", d)
			} else {
				t.Logf("the logits differ by up to %g from PyTorch's", d)
			}
			if testing.Short() || strings.HasSuffix(file, "safetensors") {
				return
			}
			if correct := correct(t, net); correct != 915 {
				t.Errorf("%d of the first 1,000 test images are right, want 915 as in PyTorch", correct)
			}
		})
	}
}

// correct counts the right answers on the first 1,000 test images of CIFAR-10.
func correct(t *testing.T, net *models.Network) int {
	t.Helper()
	packed, err := os.ReadFile(shareddata.Find(t, "cifar10/test_batch_first1000.bin.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	const pixels = 32 * 32
	mean, deviation := [3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}
	n, right := len(records)/(1+3*pixels), 0
	x := make([]float32, 0, n*3*pixels)
	for i := range n {
		for k, b := range records[i*(1+3*pixels)+1 : (i+1)*(1+3*pixels)] {
			x = append(x, (float32(b)/255-mean[k/pixels])/deviation[k/pixels])
		}
	}
	logits := forward(t, net, x)
	for i := range n {
		row := logits[i*10 : (i+1)*10]
		if slices.Index(row, slices.Max(row)) == int(records[i*(1+3*pixels)]) {
			right++
		}
	}
	return right
}

// A network of other names, and with biases that this one has none of, is
// paired by order and computes the same.
func TestVGGByOrder(t *testing.T) {
	t.Parallel()
	want := fixture(t, "small.json")
	for file, tolerance := range map[string]float64{"small.pth": 1e-5, "small-half.pth": 5e-3} {
		net, err := export.Network(filepath.Join("testdata", file), build(small()))
		if err != nil {
			t.Fatal(err)
		}
		if d := furthest(t, forward(t, net, drawn(want.Inputs*net.Input.Size())), want.Logits); d > tolerance {
			t.Errorf("%s: the logits differ by up to %g from PyTorch's, want at most %g", file, d, tolerance)
		}
	}
}

// small is the network of small.pth.
func small() zoo.Options {
	return zoo.Options{Arch: "vgg-11-bn", Width: 1.0 / 64, Input: models.Shape{3, 16, 16}, Classes: 10}
}

// Every architecture of the zoo comes back from its own state dict under
// PyTorch's names, also shuffled, since names say where each tensor goes.
func TestEveryArchitectureByName(t *testing.T) {
	t.Parallel()
	for _, arch := range zoo.Names() {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			o, ok := zoo.Default(arch)
			if !ok {
				t.Fatalf("%s has no default", arch)
			}
			net := fill(t, build(o))
			s := torch(export.Of("file", net))
			slices.SortFunc(s.Tensors, func(a, b export.Tensor) int { return strings.Compare(a.Name, b.Name) })
			got, err := build(o)()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Into(got); err != nil {
				t.Fatal(err)
			}
			for i, p := range net.Params {
				if !slices.Equal(got.Params[i].Data, p.Data) {
					t.Errorf("%s is not what it was", p.Name)
				}
			}
		})
	}
}

// fill is a built network in which every value is another.
func fill(t *testing.T, build func() (*models.Network, error)) *models.Network {
	t.Helper()
	net, err := build()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range net.Params {
		for i := range p.Data {
			n++
			p.Data[i] = float32(n)
		}
	}
	return net
}

// torch renames the tensors of batch normalizations to PyTorch's words.
func torch(s *export.State) *export.State {
	for i := range s.Tensors {
		name := s.Tensors[i].Name
		for from, to := range map[string]string{".gamma": ".weight", ".beta": ".bias", ".mean": ".running_mean", ".variance": ".running_var"} {
			name = strings.Replace(name, from, to, 1)
		}
		s.Tensors[i].Name = name
	}
	return s
}

func TestIntoRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(s *export.State)
		want   string
	}{
		"other shape": {func(s *export.State) { s.Tensors[0].Shape = []int{1, 3, 1, 9} },
			`file.pth: tensor "features.0.weight" [1 3 1 9]: network vgg-11-bn has conv1_1.weight [1 3 3 3]`},
		"one missing": {func(s *export.State) { s.Tensors = slices.Delete(s.Tensors, 4, 5) },
			`file.pth: network vgg-11-bn has bn1_1.mean [1], and layer "features.1" of the file has no mean`},
		"layer missing": {func(s *export.State) { s.Tensors = s.Tensors[6:] },
			`file.pth: tensor "features.4.weight" [2 1 3 3]: network vgg-11-bn has conv1_1.weight [1 3 3 3]`},
		"last missing": {func(s *export.State) { s.Tensors = s.Tensors[:len(s.Tensors)-2] },
			`file.pth: network vgg-11-bn has fc1.weight [10 8], and the file has no linear layer left for it`},
		"one too many": {func(s *export.State) {
			s.Tensors = append(s.Tensors, export.Tensor{Name: "extra.weight", Shape: []int{1, 1}, Data: []float32{1}})
		}, `file.pth: tensor "extra.weight" [1 1]: network vgg-11-bn has no linear layer left for it`},
		"of no layer": {func(s *export.State) {
			s.Tensors = append(s.Tensors, export.Tensor{Name: "scale", Shape: []int{1}, Data: []float32{1}})
		}, `file.pth: tensor "scale" [1] belongs to no convolution`},
		"two of one role": {func(s *export.State) {
			s.Tensors = append(s.Tensors, export.Tensor{Name: "features.1.running_variance", Shape: []int{1}, Data: []float32{1}})
		}, `another variance`},
		"bias at the end": {func(s *export.State) { s.Tensors[1].Shape, s.Tensors[1].Data = []int{2}, []float32{1, 2} },
			`tensor "features.0.bias" [2]`},
		"no order": {func(s *export.State) {
			s.Sorted = true
			for i := range s.Tensors {
				s.Tensors[i].Name = strings.Replace(s.Tensors[i].Name, "features.25.", "features.last.", 1)
			}
		}, "does not say which comes first"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := export.Load("testdata/small.pth")
			if err != nil {
				t.Fatal(err)
			}
			s.File = "file.pth"
			test.change(s)
			net := fill(t, build(small()))
			before := net.Clone()
			if err := s.Into(net); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Into = %v, want an error with %q", err, test.want)
			}
			for i, p := range net.Params {
				if !slices.Equal(p.Data, before.Params[i].Data) {
					t.Errorf("%s changed", p.Name)
				}
			}
		})
	}
}

// Masks stay, and what they prune stays zero.
func TestIntoKeepsMasks(t *testing.T) {
	t.Parallel()
	s, err := export.Load("testdata/small.pth")
	if err != nil {
		t.Fatal(err)
	}
	net := fill(t, build(small()))
	fc := net.Param("fc1.weight")
	fc.Mask = slices.Repeat([]bool{true, false}, len(fc.Data)/2)
	if err := s.Into(net); err != nil {
		t.Fatal(err)
	}
	if fc = net.Param("fc1.weight"); fc.Mask == nil || fc.Data[0] == 0 || fc.Data[1] != 0 {
		t.Errorf("fc1.weight begins %v with mask %v", fc.Data[:2], fc.Mask != nil)
	}
}

// A checkpoint of Espalier is a state dict too.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	net := fill(t, build(small()))
	data, _, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		t.Fatal(err)
	}
	s, err := export.Decode("x", data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := build(small())()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Into(got); err != nil {
		t.Fatal(err)
	}
	if got.Params[0].Data[0] != net.Params[0].Data[0] {
		t.Error("the values are others")
	}
}

func TestNetworkNeedsAGraph(t *testing.T) {
	t.Parallel()
	_, err := export.Network("testdata/small.pth", nil)
	if err == nil || !strings.Contains(err.Error(), "testdata/small.pth is no .onnx file") {
		t.Errorf("Network = %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile("testdata/small-half.pth")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	for _, header := range []string{
		`{"a.weight":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]}}`,
		`{"a.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,2]}}`,
		`{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"a":{}}`,
		`{"__metadata__":{"format":"espalier checkpoint 1"}}`,
		`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}`,
		`{`,
	} {
		file := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
		f.Add(append(file, 1, 2, 3, 4, 5, 6, 0xf0, 0x7f))
		f.Add(append(file, 0, 0x7e))
	}
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := export.Decode("f", data)
		if err != nil {
			return
		}
		net, err := build(zoo.Options{Arch: "mlp", Hidden: []int{2}, Input: models.Shape{1}, Classes: 2})()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Into(net); err == nil {
			if err := net.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}

func build(o zoo.Options) func() (*models.Network, error) {
	return func() (*models.Network, error) { return zoo.Build(o) }
}

// drawn are the inputs of testdata/make.py.
func drawn(n int) []float32 {
	out, state := make([]float32, n), uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = float32(float64(state>>16)/65535*4 - 2)
	}
	return out
}

type stored struct {
	Inputs int
	Logits []float32
}

func fixture(t *testing.T, name string) stored {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// forward computes the logits of a batch.
func forward(t *testing.T, net *models.Network, x []float32) []float32 {
	t.Helper()
	n := len(x) / net.Input.Size()
	e, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const batch = 100
	session, err := e.Open(net, engine.Options{Batch: min(n, batch), Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var out []float32
	for size := net.Input.Size(); len(x) > 0; x = x[min(len(x), batch*size):] {
		y, err := session.Forward(x[:min(len(x), batch*size)], min(len(x)/size, batch))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, y...)
	}
	return out
}

func furthest(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	d := 0.0
	for i := range want {
		if math.IsNaN(float64(got[i])) {
			t.Fatalf("value %d is not a number", i)
		}
		d = max(d, math.Abs(float64(got[i]-want[i])))
	}
	return d
}
