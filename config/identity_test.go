package config_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

func TestIDChangesWithTheNumbersAndOnlyWithThem(t *testing.T) {
	t.Parallel()
	id := parse(t, small).ID()
	if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("ID %q is not 12 hexadecimal digits", id)
	}
	same := map[string]string{
		"name: x":         "name: y",
		"data: {":         "durability: {checkpoint_every: 1s, step_timeout: 1h}\nresources: {queue: gpu}\ndata: {",
		"92%":             "0.92",
		"optimizer: adam": "optimizer: {adam: {lr: 1e-3}}, batch: 128, seed: 1, schedule: constant",
		"method: han":     "method: han, scope: layer, dead_neurons: true, finetune: {epochs: 3}",
	}
	for old, now := range same {
		if got := with(t, old, now).ID(); got != id {
			t.Errorf("%s instead of %s changes the ID", now, old)
		}
	}
	seen := map[string]string{id: "the small spec"}
	other := map[string][]string{
		"arch: lenet-300-100": {"arch: lenet-300-100, dropout: 50%", "arch: mlp, hidden: [300, 100]"},
		"name: digits":        {"name: digits, train: 1000", "name: digits, test: 1000", "name: digits, validation: 1000"},
		"epochs: 3":           {"epochs: 4", "epochs: 3, batch: 64", "epochs: 3, seed: 2", "epochs: 3, l1: 1e-4", "epochs: 3, l2: 1e-4", "epochs: 3, clip: 1", "epochs: 3, schedule: cosine"},
		"optimizer: adam":     {"optimizer: adamw", "optimizer: {adam: {lr: 2e-3}}", "optimizer: {sgd: {lr: 1e-3}}"},
		"passes: 2":           {"passes: 3", "passes: 2, shape: linear"},
		"92%":                 {"93%", "92%, layers: {fc3: 74%}"},
		"method: han":         {"method: han, scope: global", "method: han, dead_neurons: false", "method: han, adjust_dropout: false", "method: han, exclude: [fc3]", "method: han, stop: {accuracy_drop: 1%}", "method: han, finetune: {epochs: 1}", "method: han, finetune: {last_epochs: 9}", "method: han, finetune: {l2: 0}"},
	}
	for old, variants := range other {
		for _, now := range variants {
			got := with(t, old, now).ID()
			if twin, ok := seen[got]; ok {
				t.Errorf("%s has the ID of %s", now, twin)
			}
			seen[got] = now
		}
	}
}

func TestIDKnowsOfficialFilesByName(t *testing.T) {
	t.Parallel()
	id := func(data string) string { return with(t, "name: digits", data).ID() }
	if id("name: mnist, path: /a") != id("name: mnist, path: /b") {
		t.Error("the folder of mnist changes the ID")
	}
	if id("name: idx, path: /a") == id("name: idx, path: /b") {
		t.Error("the folder of idx does not change the ID")
	}
}

// The canonical form and so the ID are frozen: a change here makes every run
// of an older version start anew.
func TestCanonicalIsFrozen(t *testing.T) {
	t.Parallel()
	spec := parse(t, small)
	text, err := spec.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"network":{"arch":"lenet-300-100"},"data":{"name":"digits"},` +
		`"train":{"epochs":3,"batch":128,"optimizer":{"adam":{"lr":0.001,"beta1":0.9,"beta2":0.999,"eps":1e-8}},"schedule":{"kind":"constant"},"seed":1},` +
		`"prune":{"method":"han","scope":"layer","schedule":{"passes":2,"target":{"sparsity":0.92},"shape":"cubic"},"dead_neurons":true,"adjust_dropout":true,"finetune":{"epochs":3}}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	if got, want := spec.ID(), "cb589fa5efdd"; got != want {
		t.Errorf("ID %s, want %s", got, want)
	}
}

func TestFinetuneTakesFromTrainWhatItDoesNotSay(t *testing.T) {
	t.Parallel()
	spec := with(t, "optimizer: adam", "optimizer: {sgd: {lr: 0.1, momentum: 0.9}}, schedule: {kind: cosine, warmup: 3}, l1: 1e-5, l2: 1e-4, clip: 5, seed: 7")
	spec.Prune.Finetune.Epochs, spec.Prune.Finetune.LastEpochs = 2, 5
	first, last := spec.FinetuneTrain(1), spec.FinetuneTrain(2)
	want := config.Train{
		Epochs: 2, Batch: 128, L1: config.Penalty{Weights: 1e-5}, L2: config.Penalty{Weights: 1e-4}, Clip: 5, Seed: first.Seed,
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.01, Momentum: 0.9}},
		Schedule:  config.Schedule{Kind: "cosine", Warmup: 2},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	want.Epochs, want.Schedule.Warmup, want.Seed = 5, 3, last.Seed
	if diff := cmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
	if spec.Train.Optimizer.SGD.LR != 0.1 {
		t.Errorf("train's own lr became %g", spec.Train.Optimizer.SGD.LR)
	}
}

func TestFinetuneSaysItsOwn(t *testing.T) {
	t.Parallel()
	spec := with(t, "method: han", "method: han, finetune: {epochs: 1, optimizer: {sgd: {lr: 0.5}}, schedule: constant, l1: 0, l2: 0.25}")
	spec.Train.L1.Gamma = 1
	got := spec.FinetuneTrain(1)
	want := config.Train{
		Epochs: 1, Batch: 128, L2: config.Penalty{Weights: 0.25}, Seed: got.Seed,
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.5}}, Schedule: config.Schedule{Kind: "constant"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The seeds are part of the numbers, so they are frozen like the ID.
func TestFinetuneSeedsDifferAndAreFrozen(t *testing.T) {
	t.Parallel()
	spec := parse(t, small)
	seen := map[uint64]bool{spec.Train.Seed: true}
	for pass := 1; pass <= 100; pass++ {
		seen[spec.FinetuneTrain(pass).Seed] = true
	}
	if len(seen) != 101 {
		t.Errorf("%d different seeds of 101", len(seen))
	}
	if got, want := spec.FinetuneTrain(1).Seed, uint64(18395765901794496440); got != want {
		t.Errorf("seed of pass 1 is %d, want %d", got, want)
	}
}

func ExampleParse() {
	_, err := config.Parse("spec.yaml", []byte(strings.Replace(small, "92%", "120%", 1)))
	fmt.Println(err)
	// Output: spec.yaml:5:63: prune.schedule.target.sparsity: 120% is not between 0 % and 100 %, both excluded
}

func ExampleSpec_ID() {
	spec, err := config.Parse("spec.yaml", []byte(small))
	if err != nil {
		fmt.Println(err)
		return
	}
	id := spec.ID()
	spec.Name, spec.Resources.Queue = "other", "gpu"
	fmt.Println(spec.ID() == id)
	spec.Train.Seed = 2
	fmt.Println(spec.ID() == id)
	// Output:
	// true
	// false
}
