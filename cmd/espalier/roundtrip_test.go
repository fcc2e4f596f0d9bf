package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"espalier/config"
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
	bin := filepath.Join(t.TempDir(), "bin")
	for _, dir := range []string{bin, filepath.Join(folder, "..", "data")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(mnist, filepath.Join(folder, "..", "data", "mnist")); err != nil {
		t.Fatal(err)
	}
	// The commands of the page, whatever else is called so.
	for name, command := range map[string]string{"espalier": asCommand + "=1 exec " + os.Args[0], "python3": "exec /usr/bin/python3 -W ignore"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+command+` "$@"`+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		c := exec.CommandContext(t.Context(), "/bin/sh", "-eu", "-c", block[1])
		c.Dir = folder
		c.Env = append(config.EmbeddedEnviron(), "PATH="+bin+":"+os.Getenv("PATH"), "NODE_PATH="+modules, "OMP_NUM_THREADS=1")
		out, err := c.CombinedOutput()
		said += string(out)
		if err != nil {
			t.Fatalf("%s: %v\n%s", block[1], err, said)
		}
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
