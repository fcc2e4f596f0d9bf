package reconstruct_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/prune/reconstruct"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// collected are all outputs of those nodes.
func collected(t testing.TB, eng engine.Engine, net *models.Network, x []float32, n int, nodes ...string) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	err := reconstruct.Outputs(t.Context(), eng, net, nodes, x, n, func(first, count int, outputs map[string][]float32) error {
		for _, name := range nodes {
			if len(all[name]) != first*(len(outputs[name])/count) {
				t.Errorf("node %s: %d values are seen before sample %d", name, len(all[name]), first)
			}
			all[name] = append(all[name], outputs[name]...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// close compares to a share of the largest.
func closeTo(a, b []float32, tolerance float64) bool {
	largest := 0.0
	for _, v := range b {
		largest = max(largest, math.Abs(float64(v)))
	}
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x)-float64(y)) <= tolerance*largest })
}

// What nodes put out together is what each puts out alone and, at the end, what
// a session of the whole network does; the input is itself.
func TestOutputsOfAllNodes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, arch := range []string{"lenet-5", "resnet-20", "densenet-40"} {
		o, _ := zoo.Default(arch)
		if arch != "lenet-5" {
			o.Input = models.Shape{3, 8, 8}
		}
		net := zootest.Drawn(t, o, 3)
		const n = 5
		x := make([]float32, n*net.Input.Size())
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		var names []string
		for _, node := range net.Nodes {
			names = append(names, node.Name)
		}
		all := collected(t, backend(t), net, x, n, names...)
		if !slices.Equal(all[names[0]], x) {
			t.Errorf("%s: the input's output is not the input", arch)
		}
		for i := 0; i < len(names); i += 1 + len(names)/15 {
			if alone := collected(t, backend(t), net, x, n, names[i])[names[i]]; !closeTo(all[names[i]], alone, 1e-5) {
				t.Errorf("%s: node %s puts out other values alone", arch, names[i])
			}
		}
		session, err := backend(t).Open(net, engine.Options{Batch: n, Inference: true})
		if err != nil {
			t.Fatal(err)
		}
		logits, err := session.Forward(x, n)
		if err != nil {
			t.Fatal(err)
		}
		if !closeTo(all[net.Output()], logits, 1e-5) {
			t.Errorf("%s: the output is not the network's", arch)
		}
	}
}

// Many samples come in several batches.
func TestOutputsComeInBatches(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5", Input: models.Shape{1, 28, 28}, Classes: 10}, 3)
	const n = 700
	x := make([]float32, n*net.Input.Size())
	for i := range x {
		x[i] = float32(i%97) / 97
	}
	calls := 0
	err := reconstruct.Outputs(t.Context(), backend(t), net, []string{"conv1", "pool1"}, x, n, func(_, count int, outputs map[string][]float32) error {
		calls++
		if len(outputs["conv1"]) != count*20*24*24 || len(outputs["pool1"]) != count*20*12*12 {
			t.Errorf("%d samples have %d and %d values", count, len(outputs["conv1"]), len(outputs["pool1"]))
		}
		return nil
	})
	if err != nil || calls < 2 {
		t.Errorf("%d batches, error %v; want several", calls, err)
	}
	whole := collected(t, backend(t), net, x, n, "pool2", "fc1")
	few := collected(t, backend(t), net, x[:2*net.Input.Size()], 2, "pool2", "fc1")
	for name, want := range few {
		if !closeTo(whole[name][:len(want)], want, 1e-5) {
			t.Errorf("node %s: the first samples have other values among many", name)
		}
	}
}

func TestOutputsRefuses(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-5", Input: models.Shape{1, 28, 28}, Classes: 10}, 3)
	stop := errors.New("enough")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		node string
		n    int
		want string
	}{
		"a node that is not there": {t.Context(), "conv9", 1, `has no node "conv9"`},
		"no samples":               {t.Context(), "conv1", 0, "784 values for 0 samples, want 1 sample or more of 784"},
		"values that do not fit":   {t.Context(), "conv1", 2, "784 values for 2 samples"},
		"what see refuses":         {t.Context(), "conv1", 1, "enough"},
		"what has ended":           {ended, "conv1", 1, "context canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := reconstruct.Outputs(test.ctx, backend(t), net, []string{test.node}, make([]float32, 784), test.n,
				func(int, int, map[string][]float32) error { return stop })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
