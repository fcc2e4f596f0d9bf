package config_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

//go:generate go test -run TestGolden -update

// update is the flag that rewrites the golden files and the generated pages.
var update = flag.Bool("update", false, "write the golden files and docs anew")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))), string(got)); diff != "" {
		t.Errorf("%s is not up to date (-file +now); if now is right: go generate ./config\n%s", path, diff)
	}
}

func TestGoldenFaultsOfBadSpecs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad specs", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Parse(filepath.Base(file), data)
			var faults *config.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("Parse(%s) = %v, want Faults", file, err)
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(faults.List) {
				t.Errorf("%d faults in %d lines", len(faults.List), lines)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".want", []byte(err.Error()+"\n"))
		})
	}
}

func TestGoldenDocs(t *testing.T) {
	t.Parallel()
	golden(t, "../docs/spec.md", config.Reference())
	schema, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../docs/spec.schema.json", schema)
	golden(t, "testdata/template.yaml", config.Template())
}
