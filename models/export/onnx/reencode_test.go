package onnx_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/data/shareddata"
	"espalier/models/export/exporttest"
	"espalier/models/export/onnx"
)

// A network of another program leaves as it came: what PyTorch exported is read
// and written, and ONNX Runtime computes of that what PyTorch computed.
func TestNetworksOfPyTorchLeaveAgain(t *testing.T) {
	t.Parallel()
	exporttest.Runtime(t)
	var cases []struct {
		File          string
		Input, Output []float32
	}
	if err := json.Unmarshal(read(t, "cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	var jobs []exporttest.Job
	for _, c := range cases {
		net, err := onnx.Read(filepath.Join("testdata", c.File))
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job(t, net, c.Input))
	}
	for i, got := range exporttest.Run(t, jobs...) {
		t.Run(cases[i].File, func(t *testing.T) { near(t, got, cases[i].Output, 1e-5) })
	}
}

// The ONNX zoo's MNIST network too.
func TestMNIST8LeavesAgain(t *testing.T) {
	t.Parallel()
	dir := shareddata.Find(t, "onnx/mnist-8")
	exporttest.Runtime(t)
	net, err := onnx.Read(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	set := filepath.Join(dir, "test_data_set_0")
	got := exporttest.Run(t, job(t, net, tensorFile(t, filepath.Join(set, "input_0.pb"))))
	near(t, got[0], tensorFile(t, filepath.Join(set, "output_0.pb")), 1e-5)
}

// job is a network, written into a file, with inputs.
func job(t *testing.T, net *models.Network, input []float32) exporttest.Job {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(file, encode(t, net, onnx.DefaultOpset), 0o600); err != nil {
		t.Fatal(err)
	}
	return exporttest.Job{Model: file, Shape: append([]int{len(input) / net.Input.Size()}, net.Input...), Input: input}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	net := exporttest.Other(t)
	for i, n := range net.Nodes {
		if n.Op == models.OpLRN {
			net.Nodes[i].Attrs.Size = 4
		}
	}
	fails(t, net, 0, `network other: node lrn: lrn over 4 channels: ONNX has it for odd numbers only`)
	net = exporttest.Other(t)
	for _, opset := range []int{12, 22, -1} {
		fails(t, net, opset, `13 to 21 are written`)
	}
	net.Params = net.Params[1:]
	fails(t, net, 0, `network other: 11 parameters, the graph needs 12`)
	fails(t, &models.Network{}, 0, `no nodes`)
}

func fails(t *testing.T, net *models.Network, opset int, want string) {
	t.Helper()
	if e, err := onnx.Encode(net, onnx.EncodeOptions{Opset: opset}); err == nil || !strings.Contains(err.Error(), want) || e != nil {
		t.Errorf("Encode = %v, want an error with %q", err, want)
	}
}
