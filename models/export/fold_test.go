package export_test

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/export"
	"espalier/models/export/exporttest"
	"espalier/models/export/onnx"
)

// A folded network computes what it did, has no batch normalization behind a
// layer any more, and is left as it was by folding again.
func TestFoldedComputesTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range exporttest.Cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			before := c.Net.Clone()
			small, err := export.Folded(c.Net)
			if err != nil {
				t.Fatal(err)
			}
			x := drawn(2 * c.Net.Input.Size())
			if d := relative(t, forward(t, small, x), forward(t, c.Net, x)); d > 1e-4 {
				t.Errorf("outputs differ by up to %g of the largest", d)
			}
			for _, n := range small.Nodes {
				below := models.Node{}
				if len(n.Inputs) > 0 {
					below, _ = small.Node(n.Inputs[0])
				}
				if n.Op == models.OpDropout || n.Op == models.OpBatchNorm && (below.Op == models.OpLinear || below.Op == models.OpConv2D && readers(small, below.Name) == 1) {
					t.Errorf("%s (%s) is still there", n.Name, n.Op)
				}
			}
			again, err := export.Folded(small)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(again.Params, small.Params, equal) || !slices.EqualFunc(c.Net.Params, before.Params, equal) {
				t.Error("folding again changed it, or the network that was folded is another now")
			}
		})
	}
}

// relative is furthest as a share of the largest value: outputs of deep networks
// of drawn weights are large.
func relative(t *testing.T, got, want []float32) float64 {
	t.Helper()
	largest := 1.0
	for _, x := range want {
		largest = max(largest, math.Abs(float64(x)))
	}
	return furthest(t, got, want) / largest
}

func readers(net *models.Network, name string) int {
	count := 0
	for _, n := range net.Nodes {
		for _, in := range n.Inputs {
			if in == name {
				count++
			}
		}
	}
	return count
}

func equal(a, b *models.Param) bool {
	return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Data, b.Data) && slices.Equal(a.Mask, b.Mask)
}

// Folded networks leave as ONNX like others.
func TestFoldedONNX(t *testing.T) {
	t.Parallel()
	exporttest.Runtime(t)
	var jobs []exporttest.Job
	var nets []*models.Network
	for _, c := range exporttest.Cases(t) {
		small, err := export.Folded(c.Net)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "net.onnx")
		writeONNX(t, file, small)
		read, err := onnx.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(read.Params, small.Params, func(a, b *models.Param) bool { return a.Name == b.Name && slices.Equal(a.Data, b.Data) }) {
			t.Errorf("%s is read as another network", c.Name)
		}
		nets = append(nets, c.Net)
		jobs = append(jobs, exporttest.Job{Model: file, Shape: append([]int{2}, c.Net.Input...), Input: drawn(2 * c.Net.Input.Size())})
	}
	for i, got := range exporttest.Run(t, jobs...) {
		if d := relative(t, got, forward(t, nets[i], jobs[i].Input)); d > 1e-4 {
			t.Errorf("%s: ONNX Runtime's outputs differ by up to %g of the largest", nets[i].Name, d)
		}
	}
}
