package main_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// The house has six rooms, from top to bottom. A file imports its own room and
// the rooms below it, never one above.
var rooms = []string{"cmd", "workers", "workflows", "activities", "config", "models"}

// Inside models there is a second order, by rows. A package imports the rows
// below its own, and within its row only its own folder: "models/engine/..."
// is every package under models/engine, but not models/engine itself.
var rows = [][]string{
	{"models/report", "models/export", "models/draw", "models/predict"},
	{"models/train", "models/measure", "models/compress"},
	{"models/engine/...", "models/prune", "models/zoo", "models/data", "models/checkpoint/..."},
	{"models/checkpoint"},
	{"models/engine"},
	{"models"},
}

// A door is the one place where a library, or a package of ours that is heavy
// or easily misused, comes in. Tests may use other doors, except where always
// is set.
type door struct {
	pkg    string   // import path, and everything under it
	opens  []string // folders that may import it, and everything under them
	always bool     // for tests too
	why    string
}

var doors = []door{
	{pkg: "gorgonia.org", opens: []string{"models/engine/gorgonia"}, always: true,
		why: "its names, panics and global state stay behind one package"},
	{pkg: "github.com/minio/minio-go", opens: []string{"models/checkpoint/s3store"}, always: true,
		why: "a second object store must need one package and no more"},
	{pkg: "github.com/ebitengine/purego", opens: []string{"models/engine"},
		why: "calls into C libraries are made by the engine alone"},
	// Registering by a name of our own takes the SDK's option structs.
	{pkg: "go.temporal.io/sdk/workflow", opens: []string{"workflows", "workers/worker.go"},
		why: "only workflow code may depend on a replay"},
	{pkg: "go.temporal.io/sdk/activity", opens: []string{"activities", "workers/worker.go", "workers/ahead/ahead.go"},
		why: "heartbeats and attempts are the steps' business"},
	{pkg: "go.temporal.io/sdk/worker", opens: []string{"workers"},
		why: "who polls which queue is decided in one room"},
	{pkg: "go.temporal.io/sdk/client", opens: []string{"cmd", "workers"},
		why: "steps and workflows never call the server themselves"},
	{pkg: "go.temporal.io/server", opens: []string{"workers/local"}, always: true,
		why: "it is heavy to compile: only the embedded stack pays for it"},
	{pkg: "github.com/versity/versitygw", opens: []string{"workers/local"},
		why: "it is heavy to compile: only the embedded stack pays for it"},
	{pkg: "espalier/workers/local", opens: []string{"cmd", "workers/local", "workers/runs", "workers/ui"}, always: true,
		why: "whoever imports it compiles a Temporal server"},
	{pkg: "github.com/nlpodyssey/gopickle", opens: []string{"models/export/pytorch"}, always: true,
		why: "a pickle is a program: it runs in one place, which says what it may name"},
	{pkg: "google.golang.org/protobuf", opens: []string{"models/export/onnx", "workers"},
		why: "messages of other programs are read where they come in"},
	{pkg: "gonum.org/v1/plot", opens: []string{"models/report"}, always: true,
		why: "it brings fonts and formats that nothing else needs"},
	{pkg: "github.com/parquet-go/parquet-go", opens: []string{"workers/table"}, always: true,
		why: "it is heavy to compile, and one format of several"},
	{pkg: "github.com/prometheus/client_golang", opens: []string{"workers/telemetry"},
		why: "rooms tell what happens to hooks of their own; one package makes metrics of it"},
	{pkg: "go.opentelemetry.io", opens: []string{"workers/telemetry"},
		why: "the same, for spans"},
	{pkg: "go.yaml.in/yaml", opens: []string{"config"},
		why: "specs are read in one place, with line and column"},
	{pkg: "github.com/spf13/cobra", opens: []string{"cmd"},
		why: "flags are read by the command"},
	{pkg: "github.com/compose-spec/compose-go", opens: nil,
		why: "it is for the test of docker-compose.yml"},
	{pkg: "github.com/stretchr/testify", opens: nil, always: true,
		why: "tests use the standard library and go-cmp"},
}

// Calls that are allowed in some folders only, outside tests. Temporal's
// workflowcheck finds what is hidden deeper in workflows; this table finds it
// in models too, and without a type checker.
var calls = []struct {
	pkg   string
	names []string // nil: every function of the package
	but   []string // functions that are allowed all the same
	in    []string // folders the rule is for; nil: everywhere
	opens []string // files or folders that are free of it
	why   string
}{
	{pkg: "os", names: []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		opens: []string{"config/env.go", "config/environ.go"}, why: "the environment is read in config/env.go"},
	{pkg: "os", names: []string{"Exit"},
		opens: []string{"cmd"}, why: "only the command ends the process"},
	{pkg: "log", opens: []string{"cmd"}, names: []string{"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
		why: "errors are returned"},
	{pkg: "time", names: []string{"Now", "Since", "Until"},
		in: []string{"models", "workflows"}, why: "a result must not depend on the clock: take the time as an argument"},
	{pkg: "math/rand", but: []string{"New", "NewSource", "NewZipf"},
		in: []string{"models", "workflows"}, why: "randomness comes from a seed"},
	{pkg: "math/rand/v2", but: []string{"New", "NewPCG", "NewChaCha8", "NewZipf"},
		in: []string{"models", "workflows"}, why: "randomness comes from a seed"},
	// The store's marks tell one write from any other in the world; no result
	// depends on them.
	{pkg: "crypto/rand", opens: []string{"models/checkpoint/s3store/create.go"},
		in: []string{"models", "workflows"}, why: "randomness comes from a seed"},
}

// exceptions are the faults that are meant: "rule path", and the reason; a path
// that ends in a slash is a folder's files. One that no longer happens is a
// fault itself.
var exceptions = map[string]string{
	"dot import models/engine/kernel/internal/avx2/":   generator,
	"dot import models/engine/gemm/internal/avx2/":     generator,
	"dot import models/engine/conv/internal/avx2/":     generator,
	"dot import models/engine/winograd/internal/avx2/": generator,
	"dot import models/engine/sparse/internal/simd/":   generator,
	"panic models/engine/kernel/internal/avx2/":        "the generator again: a name that its own signature lacks",
	"panic models/engine/kernel/kernel.go":             noBounds,
	"panic models/engine/gemm/gemm.go":                 noBounds,
	"panic models/engine/winograd/winograd.go":         noBounds,
	"panic models/engine/blas/blas.go":                 "C would write beyond a matrix that does not fit its slice; the kernels have no error to return, like gonum's",
}

const (
	generator = "a generator of assembly, which reads as assembly only when avo's instructions stand bare; it is no part of any build"
	noBounds  = "the assembly checks no bounds: sizes that do not fit are a fault of the engine, never of its input"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

func TestLayers(t *testing.T) {
	t.Parallel()
	// The files are read through the os package, so that Go's test cache sees
	// them and runs this test again when one changes.
	repo := os.DirFS("../..")
	if _, err := fs.Stat(repo, "go.mod"); err != nil {
		t.Fatalf("the repository's root is not two folders up: %v", err)
	}
	found, err := audit(repo, exceptions)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// Every rule is seen to fail, and its nearest legal neighbour to pass.
func TestLayersSeesViolations(t *testing.T) {
	t.Parallel()
	const doc = "// Package p is for a test.\n"
	tests := map[string]struct {
		path, body string
		want       string // part of the one fault; "" for none
	}{
		"up a room":                 {"models/zoo/a.go", `import _ "espalier/config"`, "room order"},
		"up a room, in a test":      {"models/zoo/a_test.go", `import _ "espalier/config"`, "room order"},
		"up a room from activities": {"activities/a.go", `import _ "espalier/workflows"`, "room order"},
		"down a room":               {"config/a.go", `import _ "espalier/models/prune"`, ""},
		"outside the rooms":         {"util/a.go", ``, "no room"},
		"unknown room imported":     {"config/a.go", `import _ "espalier/util"`, "no room"},
		"up a row":                  {"models/prune/a.go", `import _ "espalier/models/train"`, "models order"},
		"up a row, in a test":       {"models/prune/a_test.go", `import _ "espalier/models/train"`, ""},
		"across a row":              {"models/prune/a.go", `import _ "espalier/models/zoo"`, "models order"},
		"across, own folder":        {"models/engine/gorgonia/a.go", `import _ "espalier/models/engine/blas"`, ""},
		"store down to checkpoint":  {"models/checkpoint/dirstore/a.go", `import _ "espalier/models/checkpoint"`, ""},
		"checkpoint up to store":    {"models/checkpoint/a.go", `import _ "espalier/models/checkpoint/dirstore"`, "models order"},
		"checkpoint to engine":      {"models/checkpoint/a.go", `import _ "espalier/models/engine"`, ""},
		"root up":                   {"models/a.go", `import _ "espalier/models/engine"`, "models order"},
		"no row":                    {"models/misc/a.go", ``, "models order"},

		"gorgonia in activities":      {"activities/a.go", `import _ "gorgonia.org/tensor"`, "door"},
		"gorgonia in a test":          {"models/train/a_test.go", `import _ "gorgonia.org/gorgonia"`, "door"},
		"gorgonia at its door":        {"models/engine/gorgonia/a.go", `import _ "gorgonia.org/gorgonia"`, ""},
		"not gorgonia":                {"models/train/a.go", `import _ "gorgonia.organic/x"`, ""},
		"minio in dirstore":           {"models/checkpoint/dirstore/a.go", `import _ "github.com/minio/minio-go/v7"`, "door"},
		"minio at its door":           {"models/checkpoint/s3store/a.go", `import _ "github.com/minio/minio-go/v7/pkg/credentials"`, ""},
		"workflow in activities":      {"activities/a.go", `import _ "go.temporal.io/sdk/workflow"`, "door"},
		"workflow in its room":        {"workflows/a.go", `import _ "go.temporal.io/sdk/workflow"`, ""},
		"activity in workers":         {"workers/a.go", `import _ "go.temporal.io/sdk/activity"`, "door"},
		"worker in cmd":               {"cmd/espalier/a.go", `import _ "go.temporal.io/sdk/worker"`, "door"},
		"replayer in a workflow test": {"workflows/a_test.go", `import _ "go.temporal.io/sdk/worker"`, ""},
		"client in activities":        {"activities/a.go", `import _ "go.temporal.io/sdk/client"`, "door"},
		"server in workers":           {"workers/a_test.go", `import _ "go.temporal.io/server/temporal"`, "door"},
		"stack in workers":            {"workers/a.go", `import _ "espalier/workers/local"`, "door"},
		"pickle in zoo":               {"models/zoo/a_test.go", `import _ "github.com/nlpodyssey/gopickle/pickle"`, "door"},
		"plot in draw":                {"models/draw/a_test.go", `import _ "gonum.org/v1/plot"`, "door"},
		"plot at its door":            {"models/report/a.go", `import _ "gonum.org/v1/plot/vg"`, ""},
		"protobuf in config":          {"config/a.go", `import _ "google.golang.org/protobuf/proto"`, "door"},
		"prometheus in activities":    {"activities/a.go", `import _ "github.com/prometheus/client_golang/prometheus"`, "door"},
		"procfs in workers":           {"workers/a.go", `import _ "github.com/prometheus/procfs"`, ""},
		"spans in s3store":            {"models/checkpoint/s3store/a.go", `import _ "go.opentelemetry.io/otel/trace"`, "door"},
		"yaml in cmd":                 {"cmd/espalier/a.go", `import _ "go.yaml.in/yaml/v3"`, "door"},
		"testify":                     {"config/a_test.go", `import _ "github.com/stretchr/testify/require"`, "door"},

		"getenv":               {"workers/a.go", "import \"os\"\nvar _ = os.Getenv(\"X\")", "call"},
		"getenv, renamed":      {"workers/a.go", "import o \"os\"\nvar _ = o.LookupEnv", "call"},
		"getenv, dot import":   {"workers/a.go", "import . \"os\"\nvar _ = Getenv", "dot import"},
		"getenv in its file":   {"config/env.go", "import \"os\"\nvar _ = os.Getenv(\"X\")", ""},
		"getenv in a test":     {"workers/a_test.go", "import \"os\"\nvar _ = os.Getenv(\"X\")", ""},
		"exit":                 {"workers/a.go", "import \"os\"\nfunc f() { os.Exit(1) }", "call"},
		"clock":                {"models/train/a.go", "import \"time\"\nvar _ = time.Now()", "call"},
		"clock as a value":     {"workflows/a.go", "import \"time\"\nvar now = time.Now", "call"},
		"clock in workers":     {"workers/a.go", "import \"time\"\nvar _ = time.Now()", ""},
		"duration":             {"models/train/a.go", "import \"time\"\nvar _ = time.Second", ""},
		"a field called time":  {"models/train/a.go", "type c struct{}\nfunc (c) Now() {}\nfunc f(time c) { time.Now() }", ""},
		"global random":        {"models/data/a.go", "import \"math/rand/v2\"\nvar _ = rand.IntN(3)", "call"},
		"global random, old":   {"workflows/a.go", "import \"math/rand\"\nvar _ = rand.Int()", "call"},
		"seeded random":        {"models/data/a.go", "import \"math/rand/v2\"\nvar _ = rand.New(rand.NewPCG(1, 2))", ""},
		"random type":          {"models/data/a.go", "import \"math/rand/v2\"\nvar _ *rand.Rand", ""},
		"system random":        {"models/data/a.go", "import \"crypto/rand\"\nvar _ = rand.Reader", "call"},
		"panic":                {"config/a.go", "func f() { panic(1) }", "panic"},
		"panic in a test":      {"config/a_test.go", "func f() { panic(1) }", ""},
		"a method named panic": {"config/a.go", "type t struct{}\nfunc (t) panic() {}\nfunc f(x t) { x.panic() }", ""},
		"init":                 {"config/a.go", "func init() {}", "init"},
		"method named init":    {"config/a.go", "type t struct{}\nfunc (t) init() {}", ""},
		"to do":                {"config/a.go", "// TO" + "DO: later\nvar x = 1", "unfinished"},

		"long file":     {"config/a.go", strings.Repeat("\n", 500), "size"},
		"full file":     {"config/a.go", strings.Repeat("\n", 490), ""},
		"long function": {"config/a.go", "func f() {" + strings.Repeat("\n", 80) + "}", "size"},
		"full function": {"config/a.go", "func f() {" + strings.Repeat("\n", 79) + "}", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pkg := doc + "package p\n"
			repo := fstest.MapFS{
				"go.mod":     {Data: []byte("module espalier\n")},
				".gitignore": {Data: []byte("/kept-out/\n*.log\n")},
				// Git ignores it, so it is no part of the repository.
				"kept-out/a.go": {Data: []byte("package p; import _ \"gorgonia.org\"")},
				test.path:       {Data: []byte(pkg + test.body)},
			}
			found, err := audit(repo, nil)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("audit(%s %q) = %q, want no fault", test.path, test.body, found)
			case test.want != "" && (len(found) != 1 || !strings.Contains(found[0], test.want)):
				t.Errorf("audit(%s %q) = %q, want one fault of %q", test.path, test.body, found, test.want)
			}
		})
	}
}

func TestLayersAsksForPackageComments(t *testing.T) {
	t.Parallel()
	repo := fstest.MapFS{
		"config/a.go":      {Data: []byte("package config\n")},
		"config/a_test.go": {Data: []byte("// Package config is not documented by its tests.\npackage config\n")},
		"models/a.go":      {Data: []byte("// Package models is.\npackage models\n")},
		"models/b.go":      {Data: []byte("package models\n")},
	}
	found, err := audit(repo, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !strings.HasPrefix(found[0], "config: package comment") {
		t.Errorf("audit = %q, want the one fault of config", found)
	}
}

func TestLayersExceptions(t *testing.T) {
	t.Parallel()
	repo := fstest.MapFS{"config/a.go": {Data: []byte("// Package p is.\npackage p\nfunc f() { panic(1) }\n")}}
	if found, err := audit(repo, map[string]string{"panic config/a.go": "for the test"}); err != nil || len(found) > 0 {
		t.Errorf("audit = %q, %v, want the exception to be used", found, err)
	}
	found, err := audit(repo, map[string]string{"panic config/a.go": "for the test", "init config/a.go": "of old"})
	if err != nil || len(found) != 1 || !strings.Contains(found[0], "init config/a.go") {
		t.Errorf("audit = %q, %v, want the exception that nothing needs", found, err)
	}
	broken := fstest.MapFS{"config/a.go": {Data: []byte("package")}}
	if _, err := audit(broken, nil); err == nil {
		t.Error("audit of a file that does not parse gave no error")
	}
}
