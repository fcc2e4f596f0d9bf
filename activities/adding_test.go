package activities_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"espalier/activities"
	"espalier/config"
)

var addedMethod = flag.String("added-method", "", "a pruning method to take through all steps")

// docs/adding-a-method.md is followed to the letter: its file is put into
// package prune, and the method that is in it prunes a trained network.
func TestTheDocumentedMethodWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/adding-a-method.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```go\n")
	code, _, found := strings.Cut(code, "```")
	if !found {
		t.Fatal("the page has no Go file")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "spread.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	into, err := filepath.Abs("../models/prune/spread.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{into: file}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", list, "-count=1", "-v", "-run", "^TestAddedMethod$", ".", "-added-method", "spread").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAddedMethod") {
		t.Errorf("the page's method does not work: %v\n%s", err, out)
	}
}

// A method that is only known by its name goes through spec and steps.
func TestAddedMethod(t *testing.T) {
	t.Parallel()
	if *addedMethod == "" {
		t.Skip("for the test of docs/adding-a-method.md")
	}
	spec, err := config.Parse("added.yaml", []byte(`name: added
network: {arch: lenet-5, width: 0.3}
data: {name: digits, train: 200, test: 50}
train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 0.05}}}
prune:
  method: `+*addedMethod+`
  schedule: {passes: 2, target: {macs: 40%}}
  finetune: {epochs: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	prepared, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: spec.Network, Data: spec.Data, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	trained, err := do[activities.StepResult](b, b.steps.Train, activities.TrainInput{Head: head("a", prepared.Checkpoint), Data: spec.Data, DataDigest: prepared.DataDigest, Train: spec.Train})
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := do[activities.StepResult](b, b.steps.Prune, activities.PruneInput{
		Head: head("a", trained.Checkpoint), Prune: *spec.Prune, MACs: 0.4, Dense: trained.Checkpoint, Data: &spec.Data, DataDigest: prepared.DataDigest,
	})
	if err != nil {
		t.Fatal(err)
	}
	if pruned.Metrics[activities.MetricProbeN] == 0 {
		t.Errorf("metrics %v, want the smaller network compared with the masked one", pruned.Metrics)
	}
	measure := func(parent activities.StepResult) map[string]float64 {
		out, err := do[activities.StepResult](b, b.steps.Evaluate, activities.EvaluateInput{Head: head("a", parent.Checkpoint), Data: spec.Data, DataDigest: prepared.DataDigest})
		if err != nil {
			t.Fatal(err)
		}
		return out.Metrics
	}
	before, after := measure(trained)[activities.MetricMACs], measure(pruned)[activities.MetricMACs]
	if after > 0.6*before {
		t.Errorf("%g of %g MACs are left, want at most 60 %%", after, before)
	}
}
