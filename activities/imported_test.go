package activities_test

import (
	"os"
	"path/filepath"
	"testing"

	"espalier/activities"
	"espalier/config"
	"espalier/models/data/shareddata"
)

// measured loads a spec, and prepares and evaluates its network.
func (b bench) measured(t *testing.T, text string) map[string]float64 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	spec, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: spec.Network, Data: spec.Data, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	out, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", prepared.Checkpoint), Data: spec.Data, DataDigest: prepared.DataDigest})
	if err != nil {
		t.Fatal(err)
	}
	return out.Metrics
}

// A network that PyTorch trained does as well here: 91.5 % of the first 1,000
// test images. They stand in for the other files, which nothing is trained on.
func TestWeightsOfPyTorchKeepTheirAccuracy(t *testing.T) {
	t.Parallel()
	weights, images := shareddata.Find(t, "weights/resnet20-12fca82f.th"), shareddata.Find(t, "cifar10/test_batch_first1000.bin.bz2")
	folder := t.TempDir()
	for _, name := range []string{"data_batch_1.bin", "test_batch.bin"} {
		if err := os.Symlink(images, filepath.Join(folder, name)); err != nil {
			t.Skip(err)
		}
	}
	m := newBench(t).measured(t, `name: x
network: {arch: resnet-20, weights: `+weights+`}
data: {name: cifar10, path: `+folder+`, train: 100, test: 100, extra_test: `+images+`, normalize: {mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225]}}
train: {epochs: 1, optimizer: adam}
`)
	if m[activities.MetricExtraN] != 1000 || m[activities.MetricExtraAcc] != 0.915 || m[activities.MetricParams] != 269722 {
		t.Errorf("accuracy %g of %g images, %g parameters; want 0.915 of 1,000, 269,722", m[activities.MetricExtraAcc], m[activities.MetricExtraN], m[activities.MetricParams])
	}
	if m[activities.MetricTestN] != 100 || m[activities.MetricTestAcc] < 0.8 {
		t.Errorf("accuracy %g of the first %g images", m[activities.MetricTestAcc], m[activities.MetricTestN])
	}
}

// The network of the ONNX zoo reads raw pixels, 0 to 255.
func TestNetworksOfONNXKeepTheirAccuracy(t *testing.T) {
	t.Parallel()
	file, images := shareddata.Find(t, "onnx/mnist-8/model.onnx"), shareddata.Find(t, "mnist")
	m := newBench(t).measured(t, `name: x
network: {onnx: `+file+`}
data: {name: mnist, path: `+images+`, train: 10, test: 2000, normalize: {mean: [0], deviation: [0.00392156862745098]}}
train: {epochs: 1, optimizer: adam}
`)
	if acc := m[activities.MetricTestAcc]; acc < 0.98 {
		t.Errorf("accuracy %g of 2,000 images, want about 0.985", acc)
	}
}
