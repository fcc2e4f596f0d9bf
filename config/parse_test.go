package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models/train"
)

// small is the shortest spec with pruning.
const small = `name: x
network: {arch: lenet-300-100}
data: {name: digits}
train: {epochs: 3, optimizer: adam}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 92%}}}
`

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// with is the small spec with one piece of text replaced.
func with(t *testing.T, old, now string) *config.Spec {
	t.Helper()
	if !strings.Contains(small, old) {
		t.Fatalf("%q is not in the small spec", old)
	}
	return parse(t, strings.Replace(small, old, now, 1))
}

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	want := &config.Spec{
		Name:    "x",
		Network: config.Network{Arch: "lenet-300-100"},
		Data:    config.Data{Name: "digits"},
		Train: config.Train{
			Epochs: 3, Batch: 128, Seed: 1,
			Optimizer: config.Optimizer{Adam: &config.Adam{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}},
			Schedule:  config.Schedule{Kind: "constant"},
		},
		Prune: &config.Prune{
			Method: "han", Scope: "layer", DeadNeurons: true, AdjustDropout: true,
			Schedule: config.PruneSchedule{Passes: 2, Shape: "cubic", Target: config.PruneTarget{Sparsity: 0.92}},
			Finetune: config.Finetune{Epochs: 3},
		},
		Durability: config.Durability{
			CheckpointEvery:  config.Duration(30 * time.Second),
			HeartbeatTimeout: config.Duration(10 * time.Second),
			StepTimeout:      config.Duration(24 * time.Hour),
		},
		Resources: config.Resources{Queue: "cpu"},
	}
	if diff := cmp.Diff(want, parse(t, small)); diff != "" {
		t.Error(diff)
	}
}

func TestAbsentDiffersFromFalseAndZero(t *testing.T) {
	t.Parallel()
	p := with(t, "method: han", "method: han, dead_neurons: false, finetune: {l2: 0}").Prune
	if p.DeadNeurons || !p.AdjustDropout {
		t.Errorf("dead_neurons %v, adjust_dropout %v, want false as given and true by default", p.DeadNeurons, p.AdjustDropout)
	}
	if p.Finetune.L2 == nil || !p.Finetune.L2.IsZero() || p.Finetune.L1 != nil {
		t.Errorf("l1 %v, l2 %v, want nil and 0", p.Finetune.L1, p.Finetune.L2)
	}
}

func TestNumbersInHumanUnits(t *testing.T) {
	t.Parallel()
	tests := map[string]float64{
		"92%": 0.92, "0.92": 0.92, ".92": 0.92, `"92%"`: 0.92, "92 %": 0.92, "91.7%": 0.917, "9.2e-1": 0.92, "+0.5": 0.5, "0.1%": 0.001,
	}
	for text, want := range tests {
		if got := with(t, "92%", text).Prune.Schedule.Target.Sparsity; math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("sparsity: %s reads as %v, want exactly %v", text, got, want)
		}
	}
	for text, want := range map[string]float64{"5e-4": 5e-4, "5E-4": 5e-4, "5.e-4": 5e-4, "0.0005": 5e-4, "1e+2": 100, "1": 1} {
		if got := with(t, "epochs: 3", "epochs: 3, l2: "+text).Train.L2.Weights; got != want {
			t.Errorf("l2: %s reads as %v, want %v", text, got, want)
		}
	}
}

func TestTextCountsAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"12", "1e3", "true", "no", "2024-01-01", "0x10"} {
		if got := with(t, "name: x", "name: "+name).Name; got != name {
			t.Errorf("name: %s reads as %q", name, got)
		}
	}
}

func TestBareWordsAndMappingsAreTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"optimizer": {"optimizer: adam", "optimizer: {adam: {lr: 1e-3, beta1: 0.9}}"},
		"schedule":  {"optimizer: adam, schedule: cosine", "optimizer: adam, schedule: {kind: cosine, final: 0}"},
		"step":      {"optimizer: adam, schedule: {kind: step, every: 1}", "optimizer: adam, schedule: {kind: step, every: 1, factor: 0.1}"},
	}
	for name, pair := range tests {
		a, b := with(t, "optimizer: adam", pair[0]), with(t, "optimizer: adam", pair[1])
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAliasesAreRead(t *testing.T) {
	t.Parallel()
	spec := parse(t, strings.NewReplacer("epochs: 3", "epochs: &n 3, batch: *n", "optimizer: adam", "optimizer: &o {adam: {lr: 0.5}}",
		"method: han", "method: han, finetune: {optimizer: *o}").Replace(small))
	if spec.Train.Batch != 3 || spec.Prune.Finetune.Optimizer.Adam.LR != 0.5 {
		t.Errorf("batch %d, fine-tune %+v", spec.Train.Batch, spec.Prune.Finetune.Optimizer)
	}
}

// A thousand million laughs: each line stands for ten of the line before.
func TestNestedAliasesDoNotMultiply(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [1, 1]\n")
	for i := range 30 {
		prev, next := "*a"+string(rune('0'+i)), "a"+string(rune('0'+i+1))
		b.WriteString(next + ": &" + next + " [" + strings.Repeat(prev+",", 10) + "]\n")
	}
	b.WriteString("network: {arch: mlp, hidden: *a5}\n")
	if _, err := config.Parse("bomb.yaml", []byte(b.String())); err == nil {
		t.Error("the bomb is a spec")
	}
}

func TestHugeFilesAreRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(path, []byte(small+strings.Repeat("# padding\n", 1<<20/10)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	if want := path + ":1:1: the file has more than 1048576 bytes; a spec has a few hundred"; err == nil || err.Error() != want {
		t.Errorf("Load = %v\nwant %s", err, want)
	}
}

func TestFaultsOfAForeignFileAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	var faults *config.Faults
	if _, err := config.Parse("foreign.yaml", []byte(b.String())); !errors.As(err, &faults) || len(faults.List) != 201 {
		t.Fatalf("%d bytes of error, want 200 faults and a last word", len(err.Error()))
	}
}

func TestLoadMakesTheDataPathAbsolute(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	load := func(dataPath string) string {
		path := filepath.Join(folder, "spec.yaml")
		text := strings.Replace(small, "name: digits", "name: mnist, path: "+dataPath, 1)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		spec, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return spec.Data.Path
	}
	if got, want := load("./data/mnist"), filepath.Join(folder, "data", "mnist"); got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	if got := load(folder); got != folder {
		t.Errorf("path %s, want %s as it was", got, folder)
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := config.Load(filepath.Join(folder, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := config.Load(folder); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("folder: %v", err)
	}
}

func TestExamplesAndTemplateAreSpecs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal("no examples", err)
	}
	names := map[string]string{}
	for _, file := range files {
		spec, err := config.Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if other, twice := names[spec.Name]; twice {
			t.Errorf("%s and %s have one name", file, other)
		}
		names[spec.Name] = file
	}
	if _, err := config.Parse("template.yaml", config.Template()); err != nil {
		t.Error(err)
	}
}

func TestSpecsSurviveJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{small, string(config.Template()), strings.Replace(small, "method: han", "method: han, dead_neurons: false, finetune: {l1: 0, optimizer: {sgd: {lr: 1}}, schedule: {kind: step, every: 2}}", 1)} {
		before := parse(t, text)
		data, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		after := &config.Spec{}
		if err := json.Unmarshal(data, after); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("through JSON:\n%s", diff)
		}
	}
}

func TestScheduleKindsAreThoseOfTrain(t *testing.T) {
	t.Parallel()
	for _, kind := range train.Schedules() {
		spec := with(t, "optimizer: adam", "optimizer: adam, schedule: {kind: "+kind+map[bool]string{true: ", every: 1}", false: "}"}[kind == "step"])
		s := spec.Train.Schedule
		if err := (train.Schedule{Kind: s.Kind, Warmup: s.Warmup, Every: s.Every, Factor: s.Factor, Final: s.Final}).Validate(3); err != nil {
			t.Error(err)
		}
	}
	_, err := config.Parse("x", []byte(strings.Replace(small, "optimizer: adam", "optimizer: adam, schedule: none", 1)))
	if want := "allowed: " + strings.Join(train.Schedules(), ", "); !strings.Contains(err.Error(), want) {
		t.Errorf("%v\ndoes not say %s", err, want)
	}
}

func TestDurationsReadAndPrint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"30s": "30s", "90s": "1m30s", "24h": "24h", "60m": "1h", "10m": "10m", "1h30m": "1h30m", "100ms": "100ms", "0": "0s", "1h0m5s": "1h0m5s", "10h10m": "10h10m"} {
		d, err := config.ParseDuration(text)
		if err != nil || d.String() != want {
			t.Errorf("%s reads as %v, %v; want %s", text, d, err, want)
		}
		data, err := json.Marshal(d)
		if err != nil || string(data) != `"`+want+`"` {
			t.Errorf("%s in JSON is %s, %v", text, data, err)
		}
		var back config.Duration
		if err := json.Unmarshal(data, &back); err != nil || back != d {
			t.Errorf("%s comes back as %v, %v", data, back, err)
		}
	}
	var d config.Duration
	for _, text := range []string{`"30"`, `30`, `""`, `"soon"`, `null s`} {
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is a duration: %v", text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add(config.Template())
	f.Add([]byte(""))
	f.Add([]byte("a: &a {b: *a}\nnetwork: *a"))
	f.Add([]byte("network: {arch: mlp, hidden: [1048576, 1048576]}"))
	f.Add([]byte("? {a: b}\n: &x [*x]\n<<: *x"))
	f.Add([]byte("prune: {quality: {\"\\n\": 1, a.b: .nan}}"))
	bad, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range bad {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := config.Parse("f.yaml", data)
		if err == nil {
			if len(spec.ID()) != 12 || spec.FinetuneTrain(1).Epochs < 1 {
				t.Errorf("accepted but unusable: %+v", spec)
			}
			return
		}
		var faults *config.Faults
		if spec != nil || !errors.As(err, &faults) || len(faults.List) == 0 {
			t.Fatalf("Parse = %v, %v; want a spec or faults", spec, err)
		}
		for i, fault := range faults.List {
			if fault.Line < 1 || fault.Column < 1 || strings.ContainsAny(fault.String(), "\n\r\x00\x1b") {
				t.Errorf("fault %q", fault.String())
			}
			if i > 0 && faults.List[i-1].Line > fault.Line {
				t.Errorf("faults are not in order: %v", err)
			}
		}
	})
}
