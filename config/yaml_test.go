package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

// What a spec is written as makes the same spec again, whatever it has in it.
func TestSpecsAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	texts := map[string]string{
		"a name like a number": strings.Replace(tinyRun, "name: tiny", "name: 1e5", 1),
		"small numbers":        strings.Replace(tinyRun, "lr: 0.05", "lr: 1e-38, weight_decay: 1e-21", 1),
		"removes channels":     strings.Replace(tinyRun, "method: han", "method: filter-norm, granularity: channel", 1),
		"a trainer": `name: other
exec: {trainer: pytorch, seed: 3, params: {deep: {list: [1, "2", true, 0.5, null]}, text: "#x: y <é>"}, passes: 2, target: 80%}
`,
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, err := config.Parse(name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			written, err := spec.YAML()
			if err != nil {
				t.Fatal(err)
			}
			again, err := config.Parse(name, written)
			if err != nil {
				t.Fatalf("%v in\n%s", err, written)
			}
			if diff := cmp.Diff(spec, again); diff != "" {
				t.Errorf("(-read +written and read)\n%s\n%s", diff, written)
			}
			if spec.Sweep != nil && string(written) != text {
				t.Errorf("a sweep is not written as its file:\n%s", written)
			}
		})
	}
}

const tinyRun = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 64, optimizer: {sgd: {lr: 0.05}}, seed: 18446744073709551615}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 80%}}, finetune: {epochs: 1}}
`

func ExampleSpec_With() {
	spec, err := config.Parse("tiny.yaml", []byte(tinyRun))
	if err != nil {
		fmt.Println(err)
		return
	}
	harder, err := spec.With(config.Setting{Path: "prune.schedule.target.sparsity", Value: "95%"}, config.Setting{Path: "train.seed", Value: "2"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := harder.YAML()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", text)
	// Output:
	// name: tiny
	// network:
	//   arch: mlp
	//   hidden:
	//     - 16
	// data:
	//   name: digits
	//   train: 600
	//   test: 200
	// train:
	//   epochs: 2
	//   batch: 64
	//   optimizer:
	//     sgd:
	//       lr: 0.05
	//   seed: 2
	// prune:
	//   method: han
	//   scope: layer
	//   schedule:
	//     passes: 2
	//     target:
	//       sparsity: 0.95
	//   finetune:
	//     epochs: 1
}

// Settings set again in a spec change nothing, and all of them are told.
func TestSettingsAreWhatASpecSays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := config.Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		spec.Sweep = nil
		again, err := spec.With(spec.Settings()...)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(spec, again); diff != "" {
			t.Errorf("%s (-spec +with its settings)\n%s", file, diff)
		}
	}
}
