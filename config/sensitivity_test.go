package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

// curves is a report of a scan: fc1 bears half, fc2 between 10 and 20 %, fc3
// nothing.
const curves = `{
  "run": "x-sensitivity-0123456789ab", "network": "lenet-300-100", "method": "han", "granularity": "connection",
  "split": "validation", "samples": 500, "accuracy": 0.97,
  "layers": [
    {"layer": "fc1", "size": 235200, "points": [{"share": 0.1, "removed": 23520, "accuracy": 0.97}, {"share": 0.5, "removed": 117600, "accuracy": 0.965}]},
    {"layer": "fc2", "size": 30000, "points": [{"share": 0.1, "removed": 3000, "accuracy": 0.97}, {"share": 0.2, "removed": 6000, "accuracy": 0.93}]},
    {"layer": "fc3", "size": 10, "points": [{"share": 0.1, "removed": 1, "accuracy": 0.1}]}
  ]
}`

// driven loads the small spec with another target, beside a report.
func driven(t *testing.T, report string, changes ...string) (*config.Spec, error) {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "spec.yaml")
	text := strings.NewReplacer(changes...).Replace(strings.Replace(small, "{sparsity: 92%}", "{sensitivity: {file: sens.json, drop: 1%}}", 1))
	for file, content := range map[string]string{path: text, filepath.Join(folder, "sens.json"): report} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(path)
}

func TestSensitivityBecomesSharesOfLayers(t *testing.T) {
	t.Parallel()
	spec, err := driven(t, curves)
	if err != nil {
		t.Fatal(err)
	}
	want := config.PruneTarget{Layers: map[string]float64{"fc1": 0.5, "fc2": 0.125}}
	if diff := cmp.Diff(want, spec.Prune.Schedule.Target); diff != "" {
		t.Errorf("target (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"fc3"}, spec.Prune.Exclude); diff != "" {
		t.Errorf("exclude (-want +got)\n%s", diff)
	}
	// It is the run of a spec that says the same in so many words.
	said := with(t, "han, schedule: {passes: 2, target: {sparsity: 92%}", "han, exclude: [fc3], schedule: {passes: 2, target: {layers: {fc1: 50%, fc2: 12.5%}}")
	if spec.ID() != said.ID() {
		t.Errorf("ID %s, that of the shares themselves is %s", spec.ID(), said.ID())
	}
	excluded, err := driven(t, curves, "method: han", "method: han, exclude: [fc1]")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"fc1", "fc3"}, excluded.Prune.Exclude); diff != "" || len(excluded.Prune.Schedule.Target.Layers) != 1 {
		t.Errorf("with fc1 excluded: layers %v, exclude %s", excluded.Prune.Schedule.Target.Layers, diff)
	}
}

func TestSensitivityOfChannels(t *testing.T) {
	t.Parallel()
	report := `{"method": "filter-norm", "granularity": "channel", "accuracy": 0.9, "layers": [
		{"layer": "conv1", "size": 20, "points": [{"removed": 10, "accuracy": 0.2}]},
		{"layer": "conv2", "size": 50, "points": [{"removed": 10, "accuracy": 0.9}, {"removed": 25, "accuracy": 0.88}]},
		{"layer": "fc2", "size": 10, "left_out": [{"why": "output"}]}]}`
	lenet := []string{"lenet-300-100", "lenet-5", "method: han", "method: filter-norm"}
	alone, err := driven(t, report, lenet...)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := driven(t, report, append(lenet, "{sensitivity:", "{macs: 30%, sensitivity:")...)
	if err != nil {
		t.Fatal(err)
	}
	// 17.5 channels of conv2 are 17 whole ones, a share of 0.34; conv1 has no
	// whole one, and is not to be taken from for the target beside it.
	want := map[string]float64{"conv2": 0.34}
	for name, p := range map[string]*config.Prune{"alone": alone.Prune, "beside macs": beside.Prune} {
		if diff := cmp.Diff(want, p.Schedule.Target.Layers); diff != "" {
			t.Errorf("%s: layers (-want +got)\n%s", name, diff)
		}
	}
	if len(alone.Prune.Exclude) > 0 || !cmp.Equal(beside.Prune.Exclude, []string{"conv1"}) {
		t.Errorf("exclude alone %v, beside macs %v", alone.Prune.Exclude, beside.Prune.Exclude)
	}
}

func TestSensitivityFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		report  string
		changes []string
		want    string
	}{
		"no file":             {"", nil, `sensitivity.file: .*sens.json: no such file or directory; write it with: espalier sensitivity `},
		"half a file":         {curves[:len(curves)/2], nil, "sensitivity.file: .*sens.json: no report of sensitivity: "},
		"something else":      {`{"rows": []}`, nil, "no report of sensitivity: method "},
		"another network":     {strings.ReplaceAll(curves, `"fc2"`, `"conv2"`), nil, "sens.json is of another network; this one has no conv2 to prune"},
		"another granularity": {curves, []string{"method: han", "method: random, granularity: channel"}, "measured with granularity connection, this spec has channel"},
		"layers too":          {curves, []string{"{sensitivity:", "{layers: {fc1: 50%}, sensitivity:"}, "given together with layers; want one of the two"},
		"scope global":        {curves, []string{"method: han", "method: han, scope: global"}, "want scope layer"},
		"nothing bears it":    {strings.ReplaceAll(curves, `"accuracy": 0.97}`, `"accuracy": 0.1}`), []string{"1%", "0%"}, "no layer of sens.json bears a drop of 0%"},
		"no drop":             {curves, []string{", drop: 1%", ""}, "sensitivity.drop: missing"},
	} {
		_, err := driven(t, test.report, test.changes...)
		if err == nil || !regexp.MustCompile(test.want).MatchString(err.Error()) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if err != nil && strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: more than one fault:\n%v", name, err)
		}
	}
	text := strings.Replace(small, "{sparsity: 92%}", "{sensitivity: {file: sens.json, drop: 1%}}", 1)
	if _, err := config.Parse("spec", []byte(text)); err == nil || !strings.Contains(err.Error(), "this spec is in none") {
		t.Errorf("Parse of a spec that is in no file: %v", err)
	}
}

// The scan that writes the report needs none.
func TestLoadScanReadsNoReport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	text := strings.Replace(small, "{sparsity: 92%}", "{sensitivity: {file: sens.json, drop: 1%}}", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, err := config.LoadScan(path)
	if err != nil {
		t.Fatal(err)
	}
	plain := parse(t, small)
	if diff := cmp.Diff(plain.Prune.Alone(), spec.Prune.Alone()); diff != "" {
		t.Errorf("what a scan reads of both specs (-plain +got)\n%s", diff)
	}
}
