package onnx_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/export/onnx"
)

// Networks that PyTorch exported at several opsets compute here what they
// compute there.
func TestComputesAsPyTorch(t *testing.T) {
	t.Parallel()
	var cases []struct {
		File          string
		Input, Output []float32
	}
	if err := json.Unmarshal(read(t, "cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			t.Parallel()
			net, err := onnx.Read(filepath.Join("testdata", c.File))
			if err != nil {
				t.Fatal(err)
			}
			near(t, forward(t, net, c.Input), c.Output, 1e-5)
		})
	}
}

// forward computes the logits of a batch.
func forward(t *testing.T, net *models.Network, x []float32) []float32 {
	t.Helper()
	n := len(x) / net.Input.Size()
	eng, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := eng.Open(net, engine.Options{Batch: n, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	y, err := session.Forward(x, n)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32{}, y...)
}

// near compares with an absolute and relative tolerance.
func near(t *testing.T, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance*max(1, math.Abs(float64(want[i])))) {
			t.Errorf("value %d = %g, want %g", i, got[i], want[i])
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
