package exporttest

import (
	"bytes"
	_ "embed" // the script
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RuntimeVersion is the version of the npm package onnxruntime-node that
// `make onnxruntime` installs and that tests look for.
const RuntimeVersion = "1.22.0"

//go:embed run.cjs
var script []byte

// Job is a file for ONNX Runtime and a batch of inputs for it.
type Job struct {
	Model string    `json:"model"` // path
	Shape []int     `json:"shape"` // of the input, with the batch axis
	Input []float32 `json:"input"`
}

// Run has ONNX Runtime compute the outputs of files on the CPU, in one thread,
// and returns what each puts out. It skips the test where there is no node or
// no ONNX Runtime.
func Run(t testing.TB, jobs ...Job) [][]float32 {
	t.Helper()
	request, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "run.cjs")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		t.Fatal(err)
	}
	node, modules := Runtime(t)
	c := exec.CommandContext(t.Context(), node, file)
	c.Env = append(c.Environ(), "NODE_PATH="+modules)
	c.Stdin = bytes.NewReader(request)
	var errs bytes.Buffer
	c.Stderr = &errs
	answer, err := c.Output()
	if err != nil {
		t.Fatalf("ONNX Runtime: %v\n%s", err, errs.Bytes())
	}
	var outputs [][]float32
	if err := json.Unmarshal(answer, &outputs); err != nil {
		t.Fatalf("ONNX Runtime answers %.200s: %v", answer, err)
	}
	return outputs
}

// Runtime is the path of node and of the folder of modules with ONNX Runtime.
func Runtime(t testing.TB) (node, modules string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("%s: no ONNX Runtime: %v", t.Name(), err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("%s: no ONNX Runtime: %v", t.Name(), err)
	}
	modules = filepath.Join(cache, "espalier", "onnxruntime-node-"+RuntimeVersion, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "onnxruntime-node")); err != nil {
		t.Skipf("%s: no ONNX Runtime; install it with: make onnxruntime", t.Name())
	}
	return node, modules
}

// Python runs a script in the system's Python and returns what it prints. It
// skips the test where there is none or where it lacks one of the modules.
func Python(t testing.TB, modules []string, script string, args ...string) string {
	t.Helper()
	const python = "/usr/bin/python3" // where Debian's packages of python3-onnx and python3-torch are
	for _, m := range modules {
		if err := exec.CommandContext(t.Context(), python, "-c", "import "+m).Run(); err != nil {
			t.Skipf("%s: no %s in %s", t.Name(), m, python)
		}
	}
	out, err := exec.CommandContext(t.Context(), python, append([]string{"-W", "ignore", "-c", script}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, out)
	}
	return string(out)
}
