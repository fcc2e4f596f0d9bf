package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/config"
	"espalier/models"
	"espalier/models/zoo"
)

// planned reads a spec of a LeNet-5 and makes its initial network.
func planned(t *testing.T, prune string) (*config.Spec, *models.Network) {
	t.Helper()
	spec, err := config.Parse("x.yaml", []byte("name: x\nnetwork: {arch: lenet-5, batch_norm: true}\ndata: {name: digits}\ntrain: {epochs: 3, optimizer: adam}\nprune: {"+prune+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	net, err := zoo.Build(spec.Network.Options(models.Shape{1, 28, 28}, 10))
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, spec.Train.Seed)
	return spec, net
}

func TestPassesSayWhereEachArrives(t *testing.T) {
	t.Parallel()
	for prune, want := range map[string][]passPlan{
		"method: han, schedule: {passes: 2, shape: linear, target: {sparsity: 50%}}": {
			{Epochs: 3}, {Pass: 1, Sparsity: 0.25, Weights: 750, Goal: "sparsity", Share: 0.25, Epochs: 3}, {Pass: 2, Sparsity: 0.5, Weights: 500, Goal: "sparsity", Share: 0.5, Epochs: 3},
		},
		"method: slimming, schedule: {passes: 2, shape: linear, target: {macs: 50%}}, sparsify: {epochs: 2, from: 2}, finetune: {epochs: 1}": {
			{Epochs: 3}, {Pass: 1, Goal: "macs", Share: 0.25, Epochs: 1}, {Pass: 2, Goal: "macs", Share: 0.5, Before: 2, Epochs: 1},
		},
		"method: lottery, rewind: 1, schedule: {passes: 1, target: {sparsity: 50%}}": {
			{Epochs: 3, Before: 1}, {Pass: 1, Sparsity: 0.5, Weights: 500, Goal: "sparsity", Share: 0.5, Epochs: 3},
		},
	} {
		spec, _ := planned(t, prune)
		got, err := planPasses(spec, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(passPlan{})); diff != "" {
			t.Errorf("%s: %s", prune, diff)
		}
	}
}

// Half of the channels of each layer: what is left is arithmetic.
func TestPredictionsCountWhatIsLeft(t *testing.T) {
	t.Parallel()
	spec, net := planned(t, "method: filter-norm, schedule: {passes: 3, target: {channels: 50%}}, max_per_pass: 30%")
	got, err := predictLast(t.Context(), spec, net)
	if err != nil {
		t.Fatal(err)
	}
	params := 10*25 + 10 + 2*10 + 25*10*25 + 25 + 2*25 + 250*25*16 + 250 + 2*250 + 10*250 + 10
	macs := 24*24*10*25 + 8*8*25*10*25 + 250*25*16 + 10*250
	if got.Params != int64(params) || got.MACs != int64(macs) || !strings.Contains(got.Plan, "conv2") {
		t.Errorf("%d parameters and %d MACs, want %d and %d\n%s", got.Params, got.MACs, params, macs, got.Plan)
	}
}

func TestPredictionsSayWhyThereIsNone(t *testing.T) {
	t.Parallel()
	for prune, want := range map[string]string{
		"method: slimming, schedule: {passes: 1, target: {channels: 50%}}":                     "goes by scales of batch normalization",
		"method: taylor, granularity: channel, schedule: {passes: 1, target: {channels: 50%}}": "looks at training samples",
		"method: filter-norm, schedule: {passes: 1, target: {latency: 50%}}":                   "latency is measured",
		"method: filter-norm, min_channels: 30, schedule: {passes: 1, target: {params: 99%}}":  "at most a share of",
	} {
		spec, net := planned(t, prune)
		got, err := predictLast(t.Context(), spec, net)
		if err != nil {
			t.Fatal(err)
		}
		if got.Plan != "" || !strings.Contains(got.Note, want) {
			t.Errorf("%s: %+v, want a note that says %q", prune, got, want)
		}
	}
	spec, net := planned(t, "method: han, schedule: {passes: 1, target: {sparsity: 50%}}")
	if got, err := predictLast(t.Context(), spec, net); got != nil || err != nil {
		t.Errorf("han: %v, %v", got, err)
	}
}
