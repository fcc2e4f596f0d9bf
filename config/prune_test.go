package config_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models/prune"
	"espalier/models/zoo"
)

// channels is a spec of a network with batch normalization and shortcuts.
const channels = `name: x
network: {arch: resnet-20}
data: {name: digits}
train: {epochs: 3, optimizer: {sgd: {lr: 0.1}}, schedule: {kind: cosine, warmup: 2}, seed: 7}
prune: {method: slimming, schedule: {passes: 2, target: {channels: 50%}}}
`

// changed is the spec of channels with some text in place of another.
func changed(t *testing.T, old, now string) *config.Spec {
	t.Helper()
	if !strings.Contains(channels, old) {
		t.Fatalf("%q is not in the spec", old)
	}
	return parse(t, strings.Replace(channels, old, now, 1))
}

func TestMethodsFillInWhatTheyTake(t *testing.T) {
	t.Parallel()
	yes, no, one, none := true, false, 1, 0
	shape := func(s config.PruneTarget) config.PruneSchedule {
		return config.PruneSchedule{Passes: 2, Shape: "cubic", Target: s}
	}
	half := shape(config.PruneTarget{Channels: 0.5})
	tune := config.Finetune{Epochs: 3}
	for method, want := range map[string]config.Prune{
		"slimming": {
			Scope: "global", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &yes, Constants: "drop",
			Normalize: "none", Finetune: tune,
		},
		"slimming, min_channels: 0, multiple: 8, max_per_pass: 50%, branch: false, constants: absorb": {
			Scope: "global", Granularity: "channel", Schedule: half, MinChannels: &none, Multiple: 8, MaxPerPass: 0.5, Branch: &no, Constants: "absorb",
			Normalize: "none", Finetune: tune,
		},
		"ista": {
			Scope: "global", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &no, Constants: "absorb",
			Normalize: "none", Finetune: tune,
		},
		"filter-norm, normalize: max": {
			Scope: "layer", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &no, Constants: "drop",
			Norm: "l1", Normalize: "max", Finetune: tune,
		},
		"taylor, granularity: channel": {
			Scope: "layer", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &no, Constants: "drop",
			Normalize: "mean", Samples: 2048, Finetune: tune,
		},
		"channel-lasso, residual: false": {
			Scope: "layer", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &no, Constants: "drop",
			Points: 10, Residual: &no, Reconstruct: &yes, Samples: 1000, Finetune: tune,
		},
		"apoz, samples: 100": {
			Scope: "layer", Granularity: "channel", Schedule: half, MinChannels: &one, Multiple: 1, MaxPerPass: 1, Branch: &no, Constants: "drop",
			Samples: 100, Finetune: tune,
		},
		"lottery": {Scope: "layer", Schedule: shape(config.PruneTarget{Sparsity: 0.5}), DeadNeurons: true, AdjustDropout: true, Finetune: tune},
		"random, granularity: connection": {
			Scope: "layer", Schedule: shape(config.PruneTarget{Sparsity: 0.5}), DeadNeurons: true, AdjustDropout: true, Finetune: tune,
		},
	} {
		want.Method, _, _ = strings.Cut(method, ",")
		text := strings.Replace(channels, "method: slimming", "method: "+method, 1)
		if want.Granularity == "" {
			text = strings.Replace(text, "channels: 50%", "sparsity: 50%", 1)
		}
		if diff := cmp.Diff(&want, parse(t, text).Prune); diff != "" {
			t.Errorf("%s: %s", method, diff)
		}
	}
}

// A method with a threshold of its own needs no target.
func TestOpenMethodsWorkWithoutATarget(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]float64{"apoz": 1, "apoz, deviations: 0.5": 0.5, "ista": 0, "slimming, threshold: 0.1": 0} {
		p := parse(t, strings.NewReplacer("method: slimming", "method: "+method, ", target: {channels: 50%}", "").Replace(channels)).Prune
		if p.Deviations != want || !p.Schedule.Target.IsZero() {
			t.Errorf("%s: deviations %g, want %g; target %+v", method, p.Deviations, want, p.Schedule.Target)
		}
	}
}

// Saying what is so anyway is the same run.
func TestDefaultsOfMethodsAreNoOtherRun(t *testing.T) {
	t.Parallel()
	id := parse(t, channels).ID()
	same := "method: slimming, granularity: channel, scope: global, min_channels: 1, multiple: 1, max_per_pass: 100%, coupled: false, branch: true, constants: drop, normalize: none, recalibrate: 0, stop: {macs: 0}"
	if got := changed(t, "method: slimming", same).ID(); got != id {
		t.Error("writing the defaults out changes the ID")
	}
	if with(t, "method: han", "method: han, granularity: connection, scope: layer").ID() != parse(t, small).ID() {
		t.Error("han's granularity changes its ID")
	}
	seen := map[string]string{id: "the spec"}
	for _, now := range []string{
		"min_channels: 0", "min_channels: 2", "multiple: 8", "max_per_pass: 50%", "coupled: true", "branch: false", "constants: absorb",
		"normalize: mean", "scope: layer", "recalibrate: 10", "sparsify: {epochs: 1}", "sparsify: {epochs: 1, from: 2}",
		"sparsify: {epochs: 1, ista: 0.1}", "finetune: {distill: {}}", "finetune: {distill: {weight: 50%}}", "stop: {sparsity: 50%}", "stop: {params: 50%}", "stop: {macs: 50%}",
	} {
		got := changed(t, "method: slimming", "method: slimming, "+now).ID()
		if twin, ok := seen[got]; ok {
			t.Errorf("%s has the ID of %s", now, twin)
		}
		seen[got] = now
	}
}

// What a spec leaves open, package prune can do on every network that has what
// the method looks at.
func TestEveryMethodWorksOnEveryArchitecture(t *testing.T) {
	t.Parallel()
	for _, method := range prune.Methods() {
		about, err := prune.Describe(method)
		if err != nil {
			t.Fatal(err)
		}
		for _, granularity := range about.Granularities {
			t.Run(method+" "+granularity, func(t *testing.T) {
				t.Parallel()
				for _, arch := range zoo.Names() {
					if regexp.MustCompile("resnet-(32|44|56|110)|vgg-(11|13|19)").MatchString(arch) {
						continue // deeper ones of a kind, no others
					}
					network := "arch: " + arch
					switch {
					case arch == "mlp":
						network += ", hidden: [5, 4], batch_norm: true"
					case strings.HasPrefix(arch, "lenet"):
						network += ", batch_norm: true"
					}
					if arch == "lenet-5" {
						network += ", relu: true"
					}
					text := strings.NewReplacer("arch: resnet-20", network, "method: slimming", fmt.Sprintf("method: %s, granularity: %s", method, granularity)).Replace(channels)
					if granularity == prune.GranularityConnection {
						text = strings.Replace(text, "channels: 50%", "sparsity: 50%", 1)
					}
					parse(t, text)
				}
			})
		}
	}
}

func TestOptionsForPackagePrune(t *testing.T) {
	t.Parallel()
	got := changed(t, "method: slimming", "method: slimming, min_channels: 0, max_per_pass: 50%, exclude: [conv1]").Prune.Options()
	want := prune.Options{
		Method: "slimming", Scope: "global", Granularity: "channel", Exclude: []string{"conv1"},
		ChannelOptions: prune.ChannelOptions{MinChannels: -1, Multiple: 1, MaxPerPass: 0.5, Branch: true, Constants: "drop"},
		MethodOptions:  prune.MethodOptions{Normalize: "none"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSparsifyTakesFromTrainWhatItDoesNotSay(t *testing.T) {
	t.Parallel()
	spec := changed(t, "method: slimming", "method: slimming, sparsify: {epochs: 1, from: 2, l1: {gamma: 1e-4}}")
	if _, ok := spec.SparsifyTrain(1); ok {
		t.Error("it comes before pass 1 too")
	}
	if _, ok := spec.SparsifyTrain(3); ok {
		t.Error("it comes before pass 3 of 2")
	}
	got, ok := spec.SparsifyTrain(2)
	want := config.Train{
		Epochs: 1, Batch: 128, Seed: got.Seed, L1: config.Penalty{Gamma: 1e-4},
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.1}}, Schedule: config.Schedule{Kind: "cosine", Warmup: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("%v %s", ok, diff)
	}
	if _, ok := parse(t, channels).SparsifyTrain(1); ok {
		t.Error("a spec without sparsify has one")
	}
	own := changed(t, "method: slimming", "method: slimming, sparsify: {epochs: 4, ista: {rho: 0.5, alpha: 0.1}, optimizer: {sgd: {lr: 0.3}}, schedule: constant}")
	got, _ = own.SparsifyTrain(1)
	want = config.Train{
		Epochs: 4, Batch: 128, Seed: got.Seed, ISTA: &config.ISTA{Rho: 0.5, Alpha: 0.1},
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.3}}, Schedule: config.Schedule{Kind: "constant"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeedsOfTheTrainingsDiffer(t *testing.T) {
	t.Parallel()
	spec := changed(t, "passes: 2", "passes: 100")
	spec.Prune.Sparsify = &config.Sparsify{Epochs: 1, From: 1}
	seeds := []uint64{spec.Train.Seed}
	for pass := 1; pass <= 100; pass++ {
		before, _ := spec.SparsifyTrain(pass)
		seeds = append(seeds, before.Seed, spec.FinetuneTrain(pass).Seed)
	}
	slices.Sort(seeds)
	if n := len(slices.Compact(seeds)); n != 201 {
		t.Errorf("%d different seeds of 201", n)
	}
}

func TestFinetuneDistillsAndHasNoProximalSteps(t *testing.T) {
	t.Parallel()
	spec := changed(t, "seed: 7", "seed: 7, ista: 0.01")
	spec.Prune.Finetune.Distill = &config.Distill{Weight: 0.5, Temperature: 2}
	if diff := cmp.Diff(&config.ISTA{Rho: 0.01, Alpha: 1}, spec.Train.ISTA); diff != "" {
		t.Error(diff)
	}
	got := spec.FinetuneTrain(1)
	if got.ISTA != nil || got.Distill == nil || *got.Distill != *spec.Prune.Finetune.Distill {
		t.Errorf("ista %v, distill %v", got.ISTA, got.Distill)
	}
	if spec.Train.Distill != nil {
		t.Error("train itself distills")
	}
	if named := spec.Teachers(); len(named) > 0 {
		t.Errorf("teachers %v", named)
	}
	const dense, other = "0123", "4567"
	taught := spec.TaughtBy(dense)
	if diff := cmp.Diff([]config.Teacher{{Key: "prune.finetune.distill.teacher", Checkpoint: dense}}, taught.TaughtBy(other).Teachers()); diff != "" || spec.Prune.Finetune.Distill.Teacher != "" {
		t.Errorf("the first teacher is not kept, or is another spec's too: %s", diff)
	}
	if diff := cmp.Diff(&config.Distill{Weight: 0.9, Temperature: 4}, changed(t, "method: slimming", "method: slimming, finetune: {distill: {}}").Prune.Finetune.Distill); diff != "" {
		t.Error(diff)
	}
}

// A winning ticket is trained as the dense network was.
func TestRewoundNetworksAreTrainedInFull(t *testing.T) {
	t.Parallel()
	spec := parse(t, strings.NewReplacer("method: slimming", "method: lottery, rewind: 1", "channels: 50%", "sparsity: 50%").Replace(channels))
	got := spec.FinetuneTrain(1)
	want := spec.Train
	want.Seed = got.Seed
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
