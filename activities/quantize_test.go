package activities_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
)

func quantizing(parent checkpoint.Digest, q config.Quantize) activities.QuantizeInput {
	if q.Bits == nil {
		q.Bits = map[string]int{"default": 4}
	}
	return activities.QuantizeInput{Head: head("a", parent), Quantize: q}
}

// values counts the different weights of a layer that are not 0.
func values(net *models.Network, layer string) int {
	sorted := slices.Clone(net.Param(layer + ".weight").Data)
	slices.Sort(sorted)
	return len(slices.DeleteFunc(slices.Compact(sorted), func(v float32) bool { return v == 0 }))
}

func TestQuantizedNetworksTakeFewValuesAndKeepThem(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	pruned := s.prune(activities.PruneInput{Head: head("a", s.trained.Checkpoint), Prune: config.Prune{Method: "han", Scope: "layer"}, Sparsity: 0.6})
	shared := config.Quantize{Method: "shared", Init: "linear", Bits: map[string]int{"conv": 3, "default": 4}, Exclude: []string{"fc2"}}
	quantized, err := do[activities.StepResult](s.bench, s.steps.Quantize, quantizing(pruned.Checkpoint, shared))
	if err != nil {
		t.Fatal(err)
	}
	in := s.training(quantized.Checkpoint, sgd)
	in.Train.Optimizer = config.Optimizer{SGD: &config.SGD{LR: 0.001, Momentum: 0.9}}
	in.Tied = activities.TyingOf(&shared, 0)
	tuned, err := do[activities.StepResult](s.bench, s.steps.Finetune, in)
	if err != nil {
		t.Fatal(err)
	}
	how := in
	how.Train.Distill, how.Teacher = &config.Distill{Weight: 0.5, Temperature: 2}, pruned.Checkpoint
	taught, err := do[activities.StepResult](s.bench, s.steps.Finetune, how)
	if err != nil || taught.Key == tuned.Key || taught.Checkpoint == tuned.Checkpoint {
		t.Errorf("%v: taught by the network that was quantized, the centroids are %s and without %s", err, taught.Checkpoint, tuned.Checkpoint)
	} else if got := values(s.network(taught.Checkpoint), "conv1"); got > values(s.network(quantized.Checkpoint), "conv1") {
		t.Errorf("conv1 has %d values when it was taught", got)
	}
	before, after := s.network(quantized.Checkpoint), s.network(tuned.Checkpoint)
	for layer, most := range map[string]int{"conv1": 7, "conv2": 7, "fc1": 15} {
		if got := values(before, layer); got > most || got < most/2 {
			t.Errorf("%s has %d values, want about %d", layer, got, most)
		}
		if got := values(after, layer); got > values(before, layer) {
			t.Errorf("%s has %d values after training", layer, got)
		}
		if slices.Equal(before.Param(layer+".weight").Data, after.Param(layer+".weight").Data) {
			t.Errorf("%s was not trained", layer)
		}
	}
	if got, want := values(before, "fc2"), values(s.network(pruned.Checkpoint), "fc2"); got != want || values(after, "fc2") != want {
		t.Errorf("fc2, which is excluded, has %d values and %d after training, want %d", got, values(after, "fc2"), want)
	}
	m := quantized.Metrics
	if p, q, h := m[activities.MetricPrunedBytes], m[activities.MetricCodedBytes], m[activities.MetricHuffmanBytes]; !(p > 2*q && q > h && h > 0) {
		t.Errorf("bytes %v: want codes to take less than half of the weights, and less with Huffman's", m)
	}
	result, err := s.steps.Repo.Result(t.Context(), quantized.Key)
	if err != nil {
		t.Fatal(err)
	}
	var layers []activities.QuantizedLayer
	if err := json.Unmarshal(result.Detail, &layers); err != nil || len(layers) != 7 || layers[0].Values != values(before, "conv1") || layers[0].WeightBits != 3 {
		t.Errorf("the detail that is kept is %s, %v", result.Detail, err)
	}
}

// Biases and normalization can have centroids too, which are trained with those
// of the weights; in the end all are bfloat16 if they are to be, and so are
// running statistics.
func TestQuantizedBiasesTakeFewValuesAndKeepThem(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	shared := config.Quantize{Method: "shared", Init: "linear", Bits: map[string]int{"default": 4}, Exclude: []string{"fc2"}, Biases: 2, Codebook: 16, CentroidGradient: "mean"}
	quantized, err := do[activities.StepResult](s.bench, s.steps.Quantize, quantizing(s.trained.Checkpoint, shared))
	if err != nil {
		t.Fatal(err)
	}
	in := s.training(quantized.Checkpoint, sgd)
	in.Tied = activities.TyingOf(&shared, 0)
	tuned, err := do[activities.StepResult](s.bench, s.steps.Finetune, in)
	if err != nil {
		t.Fatal(err)
	}
	before, after := s.network(quantized.Checkpoint), s.network(tuned.Checkpoint)
	moved := 0
	for i, p := range after.Params {
		if p.Node == "fc2" {
			continue
		}
		for at, v := range p.Data {
			if math.Float32bits(v)&0xffff != 0 || math.Float32bits(before.Params[i].Data[at])&0xffff != 0 {
				t.Fatalf("%s: %g, and %g before training: want bfloat16", p.Name, v, before.Params[i].Data[at])
			}
		}
		if p.Role == models.RoleWeight || !p.Role.Trained() {
			continue
		}
		sorted := slices.Sorted(slices.Values(p.Data))
		if n := len(slices.Compact(sorted)); n > 4 {
			t.Errorf("%s has %d values, want 3 and 0 at most", p.Name, n)
		}
		if !slices.Equal(p.Data, before.Params[i].Data) {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no biases were trained")
	}
}

// Weights that are still free are trained one by one beside centroids that
// others share, and only the last portion has codes to count.
func TestPortionsLeaveTheOtherWeightsFree(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	q := config.Quantize{Method: "shared", Init: "optimal", Bits: map[string]int{"default": 3}, Portions: []float64{0.5, 1}, CentroidGradient: "mean", Codebook: 16}
	weights := len(s.network(s.trained.Checkpoint).Param("fc1.weight").Data)
	parent := s.trained.Checkpoint
	var keys []string
	for step, most := range []int{weights/2 + 7, 7} {
		quantized, err := do[activities.StepResult](s.bench, s.steps.Quantize, activities.Quantizing(head("a", parent), &q, step, 0))
		if err != nil {
			t.Fatal(err)
		}
		if last := step == 1; last != (quantized.Metrics[activities.MetricHuffmanBytes] > 0) {
			t.Errorf("step %d says %v", step, quantized.Metrics)
		}
		keys = append(keys, quantized.Key)
		in := s.training(quantized.Checkpoint, sgd)
		in.Tied = activities.TyingOf(&q, step)
		tuned, err := do[activities.StepResult](s.bench, s.steps.Finetune, in)
		if err != nil {
			t.Fatal(err)
		}
		parent = tuned.Checkpoint
		before, after := s.network(quantized.Checkpoint), s.network(parent)
		for _, net := range []*models.Network{before, after} {
			if got := values(net, "fc1"); got > most || got < most*99/100 { // free ones can be equal
				t.Errorf("step %d: fc1 has %d values of %d weights, want %d", step, got, weights, most)
			}
		}
		moved := 0
		for i, v := range after.Param("fc1.weight").Data {
			if v != before.Param("fc1.weight").Data[i] {
				moved++
			}
		}
		if moved < weights/2 { // those of pixels that are always 0 stay
			t.Errorf("step %d: training moved %d of %d weights", step, moved, weights)
		}
	}
	whole, err := do[activities.StepResult](s.bench, s.steps.Quantize, activities.Quantizing(head("a", s.trained.Checkpoint), &q, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(keys, whole.Key) {
		t.Error("a portion is no part of the key")
	}
}

func TestQuantizationIsPartOfTheKey(t *testing.T) {
	t.Parallel()
	s := newStory(t, sgd)
	keys, digests := map[string]string{}, map[checkpoint.Digest]string{}
	for name, q := range map[string]config.Quantize{
		"linear": {Method: "shared", Init: "linear"}, "density": {Method: "shared", Init: "density"}, "random": {Method: "shared", Init: "random"},
		"bits": {Method: "shared", Init: "linear", Bits: map[string]int{"default": 2}}, "exclude": {Method: "shared", Init: "linear", Exclude: []string{"fc2"}},
		"int8": {Method: "int8"}, "biases": {Method: "shared", Init: "linear", Biases: 4}, "codebook": {Method: "shared", Init: "linear", Codebook: 16},
	} {
		out, err := do[activities.StepResult](s.bench, s.steps.Quantize, quantizing(s.trained.Checkpoint, q))
		if err != nil {
			t.Fatal(err)
		}
		if twin := keys[out.Key] + digests[out.Checkpoint]; twin != "" {
			t.Errorf("%s is the step of %s", name, twin)
		}
		keys[out.Key], digests[out.Checkpoint] = name, name
	}
	plain := s.training(s.trained.Checkpoint, sgd)
	for name, tied := range map[string]*activities.Tying{"sum": {Gradient: "sum"}, "mean": {Gradient: "mean"}, "free": nil,
		"biases": {Gradient: "sum", Biases: true}, "codebook": {Gradient: "sum", Codebook: 16}} {
		plain.Tied, plain.Train.Epochs = tied, 1
		out, err := do[activities.StepResult](s.bench, s.steps.Finetune, plain)
		if err != nil {
			t.Fatal(err)
		}
		if twin := keys[out.Key]; twin != "" {
			t.Errorf("%s is the step of %s", name, twin)
		}
		keys[out.Key] = name
	}
}

func TestQuantizationThatDoesNotFitIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	q := config.Quantize{Method: "shared", Init: "linear", Bits: map[string]int{"fc1": 4}}
	_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: network, Data: digits, Quantize: &q})
	wantInput(t, err, "quantize.bits: says nothing about fc2")
	prepared := b.prepare(t)
	_, err = do[activities.StepResult](b, b.steps.Quantize, quantizing(prepared.Checkpoint, config.Quantize{Method: "int8", Bits: map[string]int{"default": 9}}))
	wantInput(t, err, "from 2 to 8")
}

// Which weights belong together is read of the step's input by every attempt,
// so that one that goes on ends with the same bits.
func TestCentroidTrainingGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	tune := func(b bench, stop func() (end func())) (activities.StepResult, int) {
		prepared := b.prepare(t)
		quantized, err := do[activities.StepResult](b, b.steps.Quantize, quantizing(prepared.Checkpoint, config.Quantize{Method: "shared", Init: "density"}))
		if err != nil {
			t.Fatal(err)
		}
		in := activities.TrainInput{Head: head("a", quantized.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Train: sgd, Tied: &activities.Tying{Gradient: "mean"}}
		in.Train.Epochs, in.Train.EMA = 40, 0.9
		for stops := 0; ; stops++ {
			end := stop()
			out, err := do[activities.StepResult](b, b.steps.Finetune, in)
			end()
			if err == nil {
				return out, stops
			}
			var app *temporal.ApplicationError
			if !errors.As(err, &app) || app.Type() != activities.FailureDrained {
				t.Fatal(err)
			}
		}
	}
	want, _ := tune(newBench(t), func() func() { return func() {} })
	b := newBench(t)
	got, stops := tune(b, func() func() {
		stop := make(chan struct{})
		b.env.SetWorkerStopChannel(stop)
		timer := time.AfterFunc(20*time.Millisecond, func() { close(stop) })
		return func() { timer.Stop() }
	})
	if got.Checkpoint != want.Checkpoint {
		t.Errorf("after %d stops checkpoint %s, want %s", stops, got.Checkpoint, want.Checkpoint)
	}
	if stops == 0 {
		t.Skip("the training was over before it could be stopped")
	}
}
