package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

// A spec that is written out and read again is the same, whatever it says.
func TestSpecWithNothingSetIsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := config.Parse(file, text)
		if err != nil {
			continue // it reads a report
		}
		spec.Sweep = nil
		again, err := spec.With()
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(spec, again); diff != "" {
			t.Errorf("%s (-read +again):\n%s", file, diff)
		}
	}
}

func TestSpecWithSettings(t *testing.T) {
	t.Parallel()
	spec := parsed(t, "")
	changed, err := spec.With(config.Setting{Path: "prune.finetune.optimizer", Value: "{sgd: {lr: 0.5}}"}, config.Setting{Path: "prune.schedule.target.sparsity", Value: "99%"})
	if err != nil {
		t.Fatal(err)
	}
	if lr, target := changed.Prune.Finetune.Optimizer.SGD.LR, changed.Prune.Schedule.Target.Sparsity; lr != 0.5 || target != 0.99 {
		t.Errorf("lr %g and sparsity %g, want 0.5 and 0.99", lr, target)
	}
	for setting, want := range map[string]string{"prune.method": "is not known", "prune.nothing": "there is no prune.nothing", "train.epochs": "0 is not at least 1", "network.trained": "only a network of checkpoint"} {
		value := map[string]string{"train.epochs": "0", "network.trained": "true"}[setting]
		if value == "" {
			value = "nonsense"
		}
		if _, err := spec.With(config.Setting{Path: setting, Value: value}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
	for _, text := range []string{"", "=", "a", "a=", "=1"} {
		if _, err := config.ParseSetting(text); err == nil {
			t.Errorf("%q is a setting", text)
		}
	}
}

func parsed(t *testing.T, shape string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("x.yaml", []byte(`name: x
network: {arch: lenet-300-100}
data: {name: digits}
train: {epochs: 5, optimizer: adam}
prune: {method: han, schedule: {passes: 4, target: {sparsity: 90%}`+shape+`}, finetune: {epochs: 2, last_epochs: 3}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// Whatever the shape, the passes that a run has are those of its extension and
// of the extension's, and those after a fork are those of the run.
func TestExtensionsAndForksKeepThePasses(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"cubic", "geometric", "linear"} {
		spec := parsed(t, ", shape: "+shape)
		longer, err := spec.Extended(6)
		if err != nil {
			t.Fatal(err)
		}
		if longer, err = longer.With(); err != nil { // passes all checks
			t.Fatal(err)
		}
		longest, err := longer.Extended(9)
		if err != nil {
			t.Fatal(err)
		}
		for pass := 1; pass <= 6; pass++ {
			a, b := at(t, longer, pass), at(t, longest, pass)
			if pass <= 4 {
				if c := at(t, spec, pass); a != c || spec.FinetuneTrain(pass).Epochs != longer.FinetuneTrain(pass).Epochs {
					t.Errorf("%s: pass %d aims at %g, extended at %g", shape, pass, c, a)
				}
			}
			if a != b {
				t.Errorf("%s: pass %d aims at %g, extended again at %g", shape, pass, a, b)
			}
		}
		for pass := 1; pass <= 9; pass++ {
			if pass > 1 && at(t, longest, pass) < at(t, longest, pass-1) {
				t.Errorf("%s: less is gone after pass %d", shape, pass)
			}
		}
		fork, err := spec.Forked(strings.Repeat("ab", 32), 3)
		if err != nil {
			t.Fatal(err)
		}
		if fork, err = fork.With(); err != nil {
			t.Fatal(err)
		}
		if fork.Prune.Schedule.Passes != 1 || at(t, fork, 1) != 0.9 || !fork.Network.Trained {
			t.Errorf("%s: the fork has %d passes and aims at %g", shape, fork.Prune.Schedule.Passes, at(t, fork, 1))
		}
	}
	if _, err := parsed(t, "").Extended(4); !errors.Is(err, config.ErrNotMore) {
		t.Errorf("as many passes: %v", err)
	}
}

func at(t *testing.T, s *config.Spec, pass int) float64 {
	t.Helper()
	target, err := s.Prune.Schedule.At(pass)
	if err != nil {
		t.Fatal(err)
	}
	return target.Sparsity
}

func TestViaThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ via, want string }{
		"falls":      {"[{pass: 2, target: {sparsity: 95%}}]", "is less than the 0.95 before"},
		"backwards":  {"[{pass: 2, target: {sparsity: 50%}}, {pass: 1, target: {sparsity: 60%}}]", "pass 1 is not between"},
		"last":       {"[{pass: 4, target: {sparsity: 50%}}]", "pass 4 is not between"},
		"other keys": {"[{pass: 1, target: {layers: {fc1: 50%}}}]", "other keys than schedule.target"},
	} {
		text := `name: x
network: {arch: lenet-300-100}
data: {name: digits}
train: {epochs: 5, optimizer: adam}
prune: {method: han, schedule: {passes: 4, target: {sparsity: 90%}, via: ` + test.via + "}}\n"
		if _, err := config.Parse("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
