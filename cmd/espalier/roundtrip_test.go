package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"espalier/models/data/shareddata"
	"espalier/models/export/exporttest"
)

// examples/pytorch-roundtrip/README.md is followed to the letter: a network
// that PyTorch trained is pruned, and ONNX Runtime and PyTorch know as many
// digits with it as the run says.
func TestRoundTripOfPyTorch(t *testing.T) {
	t.Parallel()
	mnist := shareddata.Find(t, "mnist")
	exporttest.Python(t, []string{"torch"}, "")
	_, modules := exporttest.Runtime(t)
	folder := filepath.Join(t.TempDir(), "examples", "pytorch-roundtrip")
	if err := os.CopyFS(folder, os.DirFS("../../examples/pytorch-roundtrip")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "..", "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(mnist, filepath.Join(folder, "..", "data", "mnist")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, b := range blocksOf(string(page)) {
		script += b.text
	}
	said, err := inShell(t, folder, script, "NODE_PATH="+modules)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	checkRoundTrip(t, said)
}

// checkRoundTrip holds the accuracies that the commands print against each
// other.
func checkRoundTrip(t *testing.T, said string) {
	t.Helper()
	var found []float64
	for _, m := range regexp.MustCompile(`accuracy in (?:PyTorch|ONNX Runtime) (\d\.\d{4})`).FindAllStringSubmatch(said, -1) {
		a, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, a)
	}
	last := regexp.MustCompile(`(?m)^ 2 .*`).FindString(said)
	if len(found) != 4 || last == "" {
		t.Fatalf("accuracies %v of the dense network in PyTorch, the small and the dense one in ONNX Runtime and the small one in PyTorch, and the row %q:\n%s", found, last, said)
	}
	dense, small := found[0], found[1]
	if found[2] != dense || found[3] != small || !strings.Contains(last, fmt.Sprintf(" %.2f %% ", 100*small)) {
		t.Errorf("the dense network has %g in PyTorch and %g in ONNX Runtime, the small one %g in PyTorch, %g in ONNX Runtime, and in the run %q", dense, found[2], found[3], small, last)
	}
	if small < 0.95 {
		t.Errorf("the small network has an accuracy of %g", small)
	}
}
