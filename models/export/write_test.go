package export_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/export"
	"espalier/models/export/exporttest"
	"espalier/models/export/onnx"
)

func writeONNX(t *testing.T, file string, net *models.Network) {
	t.Helper()
	e, err := export.ONNX(net, onnx.EncodeOptions{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, e.Data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stateDicts are the two ways to write one.
func stateDicts() map[string]func(*models.Network) ([]byte, error) {
	return map[string]func(*models.Network) ([]byte, error){"pth": export.PyTorch, "safetensors": export.Safetensors}
}

// A state dict fills a network of the same graph with the same bits.
func TestStateDictsAreReadAgain(t *testing.T) {
	t.Parallel()
	for format, write := range stateDicts() {
		for _, c := range exporttest.Cases(t) {
			t.Run(format+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				data, err := write(c.Net)
				if err != nil {
					t.Fatal(err)
				}
				again, err := write(c.Net.Clone())
				if err != nil || !bytes.Equal(data, again) {
					t.Errorf("the same network has other bytes the second time (%v)", err)
				}
				s, err := export.Decode("file", data)
				if err != nil {
					t.Fatal(err)
				}
				got := c.Net.Clone()
				for _, p := range got.Params {
					p.Mask = nil
					clear(p.Data)
				}
				if err := s.Into(got); err != nil {
					t.Fatal(err)
				}
				for i, p := range c.Net.Params {
					if !equalBits(got.Params[i].Data, p.Data) {
						t.Errorf("%s is not what it was", p.Name)
					}
				}
			})
		}
	}
}

func equalBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// PyTorch itself loads both, with names, shapes, types and values as written.
func TestPyTorchLoadsStateDicts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var args []string
	for _, c := range exporttest.Cases(t) {
		name := filepath.Join(folder, strings.ReplaceAll(c.Name, " ", "-"))
		for format, write := range stateDicts() {
			data, err := write(c.Net)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name+"."+format, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, name)
	}
	exporttest.Python(t, []string{"torch"}, `
import json, struct, sys, collections, torch

def safetensors(path):
    # The format in five lines, after its specification.
    data = open(path, "rb").read()
    n, = struct.unpack("<Q", data[:8])
    header, types, out = json.loads(data[8:8+n]), {"F32": torch.float32, "I64": torch.int64}, {}
    assert header.pop("__metadata__") == {"format": "pt"}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        out[name] = torch.frombuffer(bytearray(data[8+n+begin:8+n+end]), dtype=types[t["dtype"]]).reshape(t["shape"])
    return out

for path in sys.argv[1:]:
    state, other = torch.load(path + ".pth", weights_only=True), safetensors(path + ".safetensors")
    assert type(state) is collections.OrderedDict and set(state) == set(other), path
    for name, t in state.items():
        assert t.dtype == other[name].dtype and t.shape == other[name].shape and torch.equal(t, other[name]), (path, name)
        assert t.is_contiguous() and not t.requires_grad, (path, name)
        if name.endswith("running_var"):
            assert state[name.replace("running_var", "num_batches_tracked")].shape == torch.Size([]), name
`, args...)
}
