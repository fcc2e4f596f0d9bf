package measure_test

import (
	"math"
	"testing"

	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// Without dropout, the loss that the default engine trains on and the one that
// is evaluated are the same number, though computed in different ways.
func TestEvaluateAgreesWithTheEnginesLoss(t *testing.T) {
	t.Parallel()
	const n = 300
	e, err := gorgonia.New(gorgonia.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(t.Context(), data.Options{Name: data.Digits, Train: 10, Test: n})
	if err != nil {
		t.Fatal(err)
	}
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: d.Shape, Classes: d.Classes})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	sess, err := e.Open(net, engine.Options{Batch: n})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sess.Close() })
	loader := data.NewLoader(d.Test, n, 1)
	t.Cleanup(loader.Close)
	x, labels, err := loader.Batch(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sess.Backward(x, labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 7, 128, n} {
		got, err := measure.Evaluate(t.Context(), sess, d.Test, batch)
		if err != nil {
			t.Fatal(err)
		}
		if got.N != n || got.Correct != want.Correct || math.Abs(got.Loss-want.Mean) > 1e-5 {
			t.Errorf("batch %d: %+v, the engine has loss %.7f and %d right", batch, got, want.Mean, want.Correct)
		}
	}
}
