package checkpoint_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"espalier/models/checkpoint"
)

type trainParams struct {
	LR     float64 `json:"lr"`
	Epochs int     `json:"epochs"`
}

func base() checkpoint.StepInput {
	return checkpoint.StepInput{
		Parent: checkpoint.Digest(strings.Repeat("ab", 32)), Kind: "train",
		Params: trainParams{LR: 0.1, Epochs: 3}, Seed: math.MaxUint64, Engine: "gorgonia/1",
	}
}

// TestStepKeyIsPinned: the keys of finished steps are in people's stores; a
// change here makes them compute everything again.
func TestStepKeyIsPinned(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   checkpoint.StepInput
		want string
	}{
		"everything": {base(), "7c34fd337d0245ee5b5c8f1b04bfdab09953c57485d1a63f540dba7252c7ed62"},
		"little":     {checkpoint.StepInput{Kind: "prepare"}, "cb2e58b1346843a566d4eb46c3d7f1b231ed1c91ae7eda1a533e79ff49c5847b"},
	}
	for name, test := range tests {
		if got, err := checkpoint.StepKey(test.in); got != test.want || err != nil {
			t.Errorf("%s: StepKey = %s, %v, want %s", name, got, err, test.want)
		}
	}
}

func TestStepKeyOfEqualInputs(t *testing.T) {
	t.Parallel()
	want, err := checkpoint.StepKey(base())
	if err != nil {
		t.Fatal(err)
	}
	for name, params := range map[string]any{
		"a map": map[string]any{"lr": 0.1, "epochs": 3},
		"other field order": struct {
			Epochs int     `json:"epochs"`
			LR     float64 `json:"lr"`
		}{3, 0.1},
		"raw, other spaces":   json.RawMessage(" { \"epochs\": 3, \"lr\" : 0.1 } "),
		"raw, other decimals": json.RawMessage(`{"epochs":3,"lr":1e-1}`),
	} {
		in := base()
		in.Params = params
		if got, err := checkpoint.StepKey(in); got != want || err != nil {
			t.Errorf("%s: StepKey = %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestStepKeyOfOtherInputs(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for name, change := range map[string]func(*checkpoint.StepInput){
		"nothing":    func(*checkpoint.StepInput) {},
		"parent":     func(in *checkpoint.StepInput) { in.Parent = "" },
		"kind":       func(in *checkpoint.StepInput) { in.Kind = "finetune" },
		"seed":       func(in *checkpoint.StepInput) { in.Seed-- }, // the same float64
		"engine":     func(in *checkpoint.StepInput) { in.Engine = "gorgonia/2" },
		"number":     func(in *checkpoint.StepInput) { in.Params = trainParams{LR: math.Nextafter(0.1, 1), Epochs: 3} },
		"other type": func(in *checkpoint.StepInput) { in.Params = map[string]any{"lr": "0.1", "epochs": 3} },
		"null":       func(in *checkpoint.StepInput) { in.Params = nil },
		"html":       func(in *checkpoint.StepInput) { in.Params = "<&>" },
	} {
		in := base()
		change(&in)
		key, err := checkpoint.StepKey(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[key] = name
	}
}

func TestStepKeyRefusals(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*checkpoint.StepInput){
		"no kind":        func(in *checkpoint.StepInput) { in.Kind = "" },
		"no digest":      func(in *checkpoint.StepInput) { in.Parent = "abc" },
		"not JSON":       func(in *checkpoint.StepInput) { in.Params = math.NaN() },
		"repeated names": func(in *checkpoint.StepInput) { in.Params = json.RawMessage(`{"a":1,"a":2}`) },
	} {
		in := base()
		change(&in)
		if key, err := checkpoint.StepKey(in); err == nil {
			t.Errorf("%s: StepKey = %s, want an error", name, key)
		}
	}
}
