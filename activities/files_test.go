package activities_test

import (
	"os"
	"path/filepath"
	"testing"

	"espalier/activities"
	"espalier/config"
)

// A spec cannot have a worker read what its own configuration does not open.
func TestSpecsReadFilesOfOpenedFoldersOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	open, closed := t.TempDir(), t.TempDir()
	for from, to := range map[string]string{"away": closed, "within": open} {
		if err := os.Symlink(to, filepath.Join(open, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(open, filepath.Join(closed, "back")); err != nil {
		t.Fatal(err)
	}
	b.steps.Files = []string{t.TempDir(), open}
	prepare := func(n config.Network, d config.Data) error {
		_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("a", ""), Network: n, Data: d, Seed: 1})
		return err
	}
	for path, says := range map[string]string{
		open:                               "data idx: path", // it may look, and finds no data
		filepath.Join(open, "none"):        "data idx: path",
		filepath.Join(open, "within"):      "data idx: path",
		filepath.Join(closed, "back"):      "data idx: path",
		closed:                             "is outside of what this worker reads for specs: ",
		filepath.Join(open, "away"):        "is outside of",
		filepath.Join(open, "away", "x"):   "is outside of",
		open + "/../" + "x":                "is outside of",
		filepath.Join(closed, "none", "x"): "is outside of",
		open + "-beside":                   "is outside of",
		"/":                                "is outside of",
	} {
		wantInput(t, prepare(network, config.Data{Name: "idx", Path: path}), says)
		weights := network
		weights.Weights = path
		if says == "is outside of" {
			wantInput(t, prepare(weights, digits), "network: "+path+" is outside of")
		}
	}
	if err := prepare(network, digits); err != nil {
		t.Errorf("data without a path: %v", err)
	}
}
