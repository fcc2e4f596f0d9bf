package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models"
	"espalier/models/zoo"
)

// quantized is the small spec with a quantize section.
func quantized(t *testing.T, section string) *config.Spec {
	t.Helper()
	return parse(t, small+"quantize: "+section+"\n")
}

func TestQuantizeDefaults(t *testing.T) {
	t.Parallel()
	shared := config.Quantize{
		Method: "shared", Bits: map[string]int{"conv": 8, "linear": 5}, Init: "linear", CentroidGradient: "sum",
		Finetune: config.CentroidTuning{Epochs: 3},
	}
	for text, want := range map[string]config.Quantize{
		"shared":                       shared,
		"{method: shared}":             shared,
		"{init: linear, finetune: {}}": shared,
		"{biases: 3, codebook: 16}":    {Method: "shared", Bits: shared.Bits, Biases: 3, Codebook: 16, Init: "linear", CentroidGradient: "sum", Finetune: shared.Finetune},
		"{portions: [50%, 1]}": {
			Method: "shared", Bits: shared.Bits, Init: "linear", Portions: []float64{0.5, 1}, CentroidGradient: "mean", Finetune: shared.Finetune,
		},
		"{portions: [1], centroid_gradient: sum}": {
			Method: "shared", Bits: shared.Bits, Init: "linear", Portions: []float64{1}, CentroidGradient: "sum", Finetune: shared.Finetune,
		},
		"int8":                              {Method: "int8", Bits: map[string]int{"default": 8}},
		"{method: int8, bits: {linear: 4}}": {Method: "int8", Bits: map[string]int{"linear": 4}},
	} {
		if diff := cmp.Diff(&want, quantized(t, text).Quantize); diff != "" {
			t.Errorf("quantize: %s (-want +got)\n%s", text, diff)
		}
	}
}

func TestQuantizeIsPartOfTheIdentity(t *testing.T) {
	t.Parallel()
	seen := map[string]string{parse(t, small).ID(): "none"}
	for _, section := range []string{
		"shared", "int8", "{bits: {default: 6}}", "{exclude: [fc3]}", "{init: density}", "{centroid_gradient: mean}",
		"{biases: 3}", "{biases: 4}", "{codebook: 16}", "{portions: [50%, 100%]}", "{portions: [40%, 100%]}", "{finetune: {epochs: 0}}", "{finetune: {optimizer: adam}}", "{finetune: {l2: 0}}",
	} {
		id := quantized(t, section).ID()
		if twin, ok := seen[id]; ok {
			t.Errorf("%s has the ID of %s", section, twin)
		}
		seen[id] = section
	}
}

func TestBitsOfALayerAreItsOwnOrItsKinds(t *testing.T) {
	t.Parallel()
	net, err := zoo.Build(zoo.Options{Arch: "lenet-5", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bits    map[string]int
		exclude []string
		want    map[string]int
	}{
		"kinds":               {map[string]int{"conv": 8, "linear": 5}, nil, map[string]int{"conv1": 8, "conv2": 8, "fc1": 5, "fc2": 5}},
		"a layer's own":       {map[string]int{"default": 6, "conv": 8, "conv2": 7}, nil, map[string]int{"conv1": 8, "conv2": 7, "fc1": 6, "fc2": 6}},
		"others left out":     {map[string]int{"linear": 5}, []string{"conv1", "conv2"}, map[string]int{"fc1": 5, "fc2": 5}},
		"a layer that is not": {map[string]int{"default": 6, "conv9": 3}, nil, map[string]int{"conv1": 6, "conv2": 6, "fc1": 6, "fc2": 6}},
	} {
		q := config.Quantize{Method: "shared", Bits: c.bits, Exclude: c.exclude}
		if diff := cmp.Diff(c.want, q.Layers(net)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if err := q.Check(net); (err != nil) != (name == "a layer that is not") {
			t.Errorf("%s: Check() = %v", name, err)
		}
	}
}

// All layers have biases to quantize, those that are excluded keep theirs.
func TestBiasesOfAllLayersHaveOneWidth(t *testing.T) {
	t.Parallel()
	net, err := zoo.Build(zoo.Options{Arch: "vgg-11-bn", Input: models.Shape{3, 32, 32}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	q := config.Quantize{Method: "shared", Bits: map[string]int{"default": 4}, Exclude: []string{"fc1"}}
	if got := q.BiasLayers(net); len(got) != 0 {
		t.Errorf("without biases %v", got)
	}
	q.Biases = 3
	got := q.BiasLayers(net)
	for _, p := range net.Params {
		want := 0
		if p.Node != "fc1" {
			want = 3
		}
		if p.Role != models.RoleWeight && got[p.Node] != want {
			t.Errorf("%s has codes of %d bits, want %d", p.Name, got[p.Node], want)
		}
	}
}

func TestCentroidTrainTakesFromTrainWhatItDoesNotSay(t *testing.T) {
	t.Parallel()
	text := "optimizer: {sgd: {lr: 0.1, momentum: 0.9}}, schedule: {kind: cosine, warmup: 3}, l1: 1e-5, l2: 1e-4, clip: 5, seed: 7"
	spec := with(t, "optimizer: adam", text)
	if _, ok := spec.CentroidTrain(0); ok {
		t.Error("a spec without quantize trains centroids")
	}
	spec.Quantize = &config.Quantize{Method: "shared", Init: "linear", Finetune: config.CentroidTuning{Epochs: 2, L1: &config.Penalty{}, Distill: &config.Distill{Weight: 0.5, Temperature: 2}}}
	got, ok := spec.CentroidTrain(0)
	want := config.Train{
		Epochs: 2, Batch: 128, L2: config.Penalty{Weights: 1e-4}, Clip: 5, Seed: got.Seed,
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.0001, Momentum: 0.9}},
		Schedule:  config.Schedule{Kind: "cosine", Warmup: 2},
		Distill:   spec.Quantize.Finetune.Distill,
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Error(ok, diff)
	}
	if got.Seed == spec.Train.Seed || got.Seed == spec.FinetuneTrain(1).Seed {
		t.Errorf("its seed is that of another training: %d", got.Seed)
	}
	if next, _ := spec.CentroidTrain(1); next.Seed == got.Seed {
		t.Errorf("two steps of a quantization have the seed %d", got.Seed)
	}
	if spec.QuantizeSeed() != 0 {
		t.Errorf("seed %d for centroids that nobody draws", spec.QuantizeSeed())
	}
	spec.Quantize.CentroidGradient = "mean"
	if mean, _ := spec.CentroidTrain(0); mean.Optimizer.SGD.LR != 0.01 {
		t.Errorf("for means lr %g, want a tenth of train's", mean.Optimizer.SGD.LR)
	}
	spec.Quantize.Init = "random"
	if seed := spec.QuantizeSeed(); seed == 0 || seed == got.Seed {
		t.Errorf("seed %d of drawn centroids", seed)
	}
	spec.Quantize.Finetune.Epochs = 0
	if _, ok := spec.CentroidTrain(0); ok {
		t.Error("no epochs are a training")
	}
}

func TestPortionsAscendToTheWhole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{portions: [50%, 80%]}":                         "quantize.portions[1]: the last portion is 80%, not 100%",
		"{portions: [50%, 50%, 100%]}":                   "quantize.portions[1]: 50% comes after 50%; portions ascend",
		"{portions: [80%, 60%, 100%]}":                   "quantize.portions[1]: 60% comes after 80%; portions ascend",
		"{portions: [0, 100%]}":                          "quantize.portions[0]: 0 is not above 0",
		"{portions: [50%, 101%]}":                        "quantize.portions[1]",
		"{portions: []}":                                 "quantize.portions: is empty",
		"{portions: [50%, 100%], finetune: {epochs: 0}}": "quantize.finetune.epochs: is 0, and portions want at least 1",
		"{method: int8, portions: [50%, 100%]}":          "quantize.portions: has no meaning for method int8",
	} {
		if _, err := config.Parse("x.yaml", []byte(small+"quantize: "+text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	q := quantized(t, "{portions: [30%, 100%]}").Quantize
	if q.Steps() != 2 || q.Portion(0) != 0.3 || q.Portion(1) != 1 {
		t.Errorf("%d steps of %v", q.Steps(), q.Portions)
	}
	if q := quantized(t, "shared").Quantize; q.Steps() != 1 || q.Portion(0) != 1 {
		t.Errorf("without portions %d steps, the first of %g", q.Steps(), q.Portion(0))
	}
}
