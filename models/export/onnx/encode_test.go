package onnx_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/compress"
	"espalier/models/export/exporttest"
	"espalier/models/export/onnx"
)

// What is written is read again as the same network, to the bit.
func TestEncodedNetworksAreReadAgain(t *testing.T) {
	t.Parallel()
	for _, c := range exporttest.Cases(t) {
		for _, opset := range []int{onnx.MinWrittenOpset, onnx.DefaultOpset, onnx.MaxWrittenOpset} {
			t.Run(fmt.Sprintf("%s/%d", c.Name, opset), func(t *testing.T) {
				t.Parallel()
				m, err := onnx.Decode("net.onnx", encode(t, c.Net, opset))
				if err != nil {
					t.Fatal(err)
				}
				same(t, m.Network, c.Net)
				if len(m.Notes) > 0 || m.Opset != int64(opset) {
					t.Errorf("opset %d, notes %q", m.Opset, m.Notes)
				}
			})
		}
	}
}

func encode(t *testing.T, net *models.Network, opset int) []byte {
	t.Helper()
	e, err := onnx.Encode(net, onnx.EncodeOptions{Opset: opset, Version: "test", Digest: "0123"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := onnx.Encode(net.Clone(), onnx.EncodeOptions{Opset: opset, Version: "test", Digest: "0123"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(e.Data, again.Data) {
		t.Error("the same network has other bytes the second time")
	}
	return e.Data
}

// same compares graphs with their defaults filled in, and weights bit by bit.
// Masks are not in the file.
func same(t *testing.T, got, want *models.Network) {
	t.Helper()
	plain := func(net *models.Network) *models.Network {
		c := net.Clone()
		for i := range c.Nodes {
			c.Nodes[i].Attrs = c.Nodes[i].Attrs.Defaults()
		}
		for _, p := range c.Params {
			p.Mask, p.Data = nil, nil
		}
		return c
	}
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
	for i, p := range want.Params {
		for k, x := range p.Data {
			if math.Float32bits(got.Params[i].Data[k]) != math.Float32bits(x) {
				t.Fatalf("%s[%d] = %g, want %g", p.Name, k, got.Params[i].Data[k], x)
			}
		}
	}
}

// ONNX's own checker, with the inference of shapes, finds nothing to object to.
func TestEncodedFilesPassTheChecker(t *testing.T) {
	t.Parallel()
	files := append(written(t, onnx.DefaultOpset), writtenInt8(t))
	exporttest.Python(t, []string{"onnx"}, `
import onnx, sys
for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(path, full_check=True)
        m = onnx.load(path)
        assert m.producer_name == "espalier" and m.producer_version == "test", m.producer_name
        assert [(p.key, p.value) for p in m.metadata_props] == [("espalier.network", "0123")]
    except Exception as e:
        sys.exit(f"{path}: {e}")
`, files...)
}

// writtenInt8 is the file of a network with weights as bytes.
func writtenInt8(t *testing.T) string {
	t.Helper()
	net, _, err := compress.Uniform(exporttest.Other(t), compress.Options{Bits: map[string]int{compress.Default: 8}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := onnx.Encode(net, onnx.EncodeOptions{Int8: true, Version: "test", Digest: "0123"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "int8.onnx")
	if err := os.WriteFile(file, e.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// written are the files of all cases.
func written(t *testing.T, opset int) []string {
	t.Helper()
	folder := t.TempDir()
	var files []string
	for _, c := range exporttest.Cases(t) {
		file := filepath.Join(folder, strings.ReplaceAll(c.Name, " ", "-")+".onnx")
		if err := os.WriteFile(file, encode(t, c.Net, opset), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// ONNX Runtime computes what the engine computes, in batches of several sizes.
func TestONNXRuntimeComputesTheSame(t *testing.T) {
	t.Parallel()
	for _, opset := range []int{onnx.MinWrittenOpset, onnx.DefaultOpset, onnx.MaxWrittenOpset} {
		t.Run(fmt.Sprint(opset), func(t *testing.T) {
			t.Parallel()
			exporttest.Runtime(t)
			cases, files := exporttest.Cases(t), written(t, opset)
			var jobs []exporttest.Job
			for i, c := range cases {
				batch := 1 + i%3
				jobs = append(jobs, exporttest.Job{Model: files[i], Shape: append([]int{batch}, c.Net.Input...), Input: drawn(batch*c.Net.Input.Size(), uint64(i))})
			}
			for i, got := range exporttest.Run(t, jobs...) {
				t.Run(cases[i].Name, func(t *testing.T) { near(t, got, forward(t, cases[i].Net, jobs[i].Input), 1e-4) })
			}
		})
	}
}

func drawn(n int, seed uint64) []float32 {
	r, out := rand.New(rand.NewPCG(seed, 3)), make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}
