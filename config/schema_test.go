package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"espalier/config"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("spec.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("spec.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// verdict is what an editor with the schema would say of a spec.
func verdict(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	return schema.Validate(value)
}

func TestSchemaAcceptsSpecs(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	specs := map[string][]byte{"template": config.Template(), "small": []byte(small), "channels": []byte(channels),
		"options": []byte(strings.Replace(channels, "method: slimming", "method: slimming, min_channels: 0, max_per_pass: 50%, branch: false, sparsify: {epochs: 2, from: 2, ista: 0.1}, finetune: {distill: {weight: 50%, teacher: "+strings.Repeat("a", 64)+"}}, stop: {macs: 0.5}", 1)),
	}
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range examples {
		if specs[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range specs {
		if err := verdict(t, schema, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rules between fields are Parse's alone; everything about one field is in the
// schema too.
func TestSchemaRefusesWhatAFieldShowsByItself(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	tests := map[string][2]string{
		"misspelt key":       {"network:", "netwrok:"},
		"unknown word":       {"lenet-300-100", "lenet-5000"},
		"bare word":          {"optimizer: adam", "optimizer: sgd"},
		"two optimizers":     {"optimizer: adam", "optimizer: {adam: {}, sgd: {lr: 1}}"},
		"no optimizer":       {"optimizer: adam", "optimizer: {}"},
		"closed bound":       {"epochs: 3", "epochs: 0"},
		"open bound":         {"optimizer: adam", "optimizer: {sgd: {lr: 0}}"},
		"fraction":           {"92%", "1"},
		"text for a number":  {"epochs: 3", "epochs: many"},
		"name":               {"name: x", "name: Not This"},
		"missing":            {"passes: 2, ", ""},
		"duration":           {"name: x", "name: x\ndurability: {step_timeout: 30}"},
		"list entry":         {"lenet-300-100", "mlp, hidden: [0]"},
		"empty table":        {"sparsity: 92%", "layers: {}"},
		"value of a mapping": {"sparsity: 92%", "layers: {fc1: 2}"},
	}
	for name, change := range tests {
		text := strings.Replace(small, change[0], change[1], 1)
		if err := verdict(t, schema, []byte(text)); err == nil {
			t.Errorf("%s: the schema accepts\n%s", name, text)
		}
		if _, err := config.Parse("test.yaml", []byte(text)); err == nil {
			t.Errorf("%s: Parse accepts\n%s", name, text)
		}
	}
}

// Every key that the template shows commented out must be one, with a value of
// the right kind: without the #, nothing but rules between keys is broken.
func TestTemplateShowsEveryKey(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^( *)#([a-z])`).ReplaceAll(config.Template(), []byte("$1$2"))
	_, err := config.Parse("template.yaml", text)
	if err == nil {
		t.Fatal("all keys together are no spec: there are two optimizers")
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if !regexp.MustCompile(`together|leave \w+ out|has no meaning|has its own value|no such layer with`).MatchString(line) {
			t.Error(line)
		}
	}
	for _, key := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllSubmatch(config.Reference(), -1) {
		if !regexp.MustCompile(`(?m)^ *#?` + string(key[1]) + `:`).Match(config.Template()) {
			t.Errorf("the template does not show %s", key[1])
		}
	}
}
