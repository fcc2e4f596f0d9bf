package telemetry_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"espalier/activities"
	"espalier/workers/telemetry"
)

//go:generate go test -vet=off -run TestMetricsPage -update-docs

// updateDocs makes TestMetricsPage write docs/metrics.md anew.
var updateDocs = flag.Bool("update-docs", false, "write docs/metrics.md anew")

// What a process serves is what the table says, by name, kind and labels; once
// every value has been told of, nothing of it is missing.
func TestTableIsWhatIsServed(t *testing.T) {
	t.Parallel()
	told := begin(t, telemetry.Options{Metrics: true, Free: func() (uint64, error) { return 1, nil }})
	told.Serving("cpu", 1)
	for _, e := range []activities.Ended{{}, {Reused: true}, {Failure: activities.FailureFull}} {
		_, one := told.Observer().Begin(t.Context(), activities.Begun{Activity: "Train", Attempt: 1})
		_, end := one.Part(t.Context(), activities.PartCommit)
		end(1, nil)
		one.End(e)
	}
	_, one := told.Observer().Begin(t.Context(), activities.Begun{Activity: "Train", Attempt: 1})
	one.Resumed(1, 1)
	one.Progress(activities.Progress{Epochs: 1, Cursor: at(2, 1)})
	requests(t, told)("GET", "/b/x", "")
	address, err := told.Serve("0")
	if err != nil {
		t.Fatal(err)
	}
	served := scrape(t, address)
	kinds, labels := map[string]string{}, map[string][]string{}
	for _, m := range telemetry.Table() {
		kinds[m.Name], labels[m.Name] = m.Kind, m.Labels
	}
	got := map[string]string{}
	for name, kind := range served.kinds {
		if strings.HasPrefix(name, "espalier_") {
			got[name] = kind
		}
	}
	if diff := cmp.Diff(kinds, got); diff != "" {
		t.Errorf("metrics (-table +served):\n%s", diff)
	}
	for _, m := range telemetry.LibraryTable() {
		if served.kinds[m.Name] != m.Kind {
			t.Errorf("%s is served as %q, want a %s", m.Name, served.kinds[m.Name], m.Kind)
		}
	}
	label := regexp.MustCompile(`([a-z_]+)="`)
	for value := range served.values {
		name, rest, _ := strings.Cut(value, "{")
		want, ours := labels[base(name, kinds)]
		if !ours || strings.HasPrefix(name, "espalier_build_info") {
			continue
		}
		for _, m := range label.FindAllStringSubmatch(rest, -1) {
			if m[1] != "le" && !slices.Contains(want, m[1]) {
				t.Errorf("%s has a label %s, the table %q", value, m[1], want)
			}
		}
	}
}

// base is the metric that a series belongs to.
func base(name string, kinds map[string]string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if short, ok := strings.CutSuffix(name, suffix); ok && kinds[short] == "histogram" {
			return short
		}
	}
	return name
}

// Names follow Prometheus' conventions: base units, and counters end in _total.
func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	for _, m := range telemetry.Table() {
		if !regexp.MustCompile(`^espalier(_[a-z]+)+$`).MatchString(m.Name) || m.Help == "" {
			t.Errorf("%s: want espalier_ and small letters, and a help", m.Name)
		}
		if strings.HasSuffix(m.Name, "_total") != (m.Kind == "counter") {
			t.Errorf("%s is a %s", m.Name, m.Kind)
		}
		for _, unit := range []string{"_ms", "_milliseconds", "_minutes", "_mb", "_kb", "_percent"} {
			if strings.Contains(m.Name+"_", unit+"_") {
				t.Errorf("%s is not in a base unit", m.Name)
			}
		}
		for _, label := range m.Labels {
			if slices.Contains([]string{"run", "sweep", "trial", "key", "worker", "digest"}, label) {
				t.Errorf("%s has a label %s, of which there are ever more values", m.Name, label)
			}
		}
	}
}

// named are the metrics of expressions.
func named(text string) []string {
	found := regexp.MustCompile(`\b(?:espalier|temporal|process|go)_[a-z_]+\b`).FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestDashboardAndAlertsNameMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{}
	for _, m := range slices.Concat(telemetry.Table(), telemetry.TemporalTable(), telemetry.LibraryTable()) {
		kinds[m.Name] = m.Kind
	}
	used := map[string]bool{}
	check := func(where string, expressions []string) {
		if len(expressions) == 0 {
			t.Errorf("%s has no expressions", where)
		}
		for _, e := range expressions {
			names := named(e)
			if len(names) == 0 && !strings.HasPrefix(e, "up{") {
				t.Errorf("%s: %q names no metric", where, e)
			}
			for _, name := range names {
				used[base(name, kinds)] = true
				if kinds[base(name, kinds)] == "" {
					t.Errorf("%s: there is no metric %s, in %q", where, name, e)
				}
			}
		}
	}
	check("the dashboard", dashboard(t))
	check("the alerts", alerts(t))
	for name := range kinds {
		if !used[name] && strings.HasPrefix(name, "temporal_") && name != "temporal_workflow_endtoend_latency_seconds" {
			t.Errorf("%s is listed as used by the dashboard or the alerts, and is not", name)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// dashboard has the expressions of deploy/grafana/espalier.json.
func dashboard(t *testing.T) []string {
	t.Helper()
	var d struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "deploy/grafana/espalier.json"), &d); err != nil {
		t.Fatal(err)
	}
	var all []string
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("panel %d %q of type %s with %d targets: want an id of its own, a title, and something to show", p.ID, p.Title, p.Type, len(p.Targets))
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

// alerts has the expressions of deploy/prometheus/alerts.yml.
func alerts(t *testing.T) []string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus/alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("alert %q: want a name, a summary and a description of what to do", r.Alert)
			}
			all = append(all, r.Expr)
		}
	}
	return all
}

// TestMetricsPage keeps docs/metrics.md in step with the program.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	now := page()
	if *updateDocs {
		if err := os.WriteFile(filepath.Join("..", "..", "docs", "metrics.md"), []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, "docs/metrics.md")), now); diff != "" {
		t.Errorf("docs/metrics.md is not up to date (-file +now); if now is right: go generate ./workers/telemetry\n%s", diff)
	}
}

// page is docs/metrics.md.
func page() string {
	return pageHead + "## Espalier's\n\n" + list(telemetry.Table()) +
		"\n## Of Temporal's SDK\n\nThose that tell most; [Temporal's reference](https://docs.temporal.io/references/sdk-metrics) has all of them. Prometheus' unit and `_total` are added to its names.\n\n" + list(telemetry.TemporalTable()) +
		"\n## Of the process\n\nAll that Prometheus' library for Go tells, among it:\n\n" + list(telemetry.LibraryTable())
}

func list(all []telemetry.Metric) string {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, m := range all {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, labels, m.Help)
	}
	return b.String()
}

// pageHead begins the page.
const pageHead = `# Metrics

    espalier worker --metrics 9464              # at http://127.0.0.1:9464/metrics, for this machine alone
    espalier worker --metrics 0.0.0.0:9464      # for others too
    espalier run examples/mnist.yaml --metrics 9464

` + "`espalier worker`, `espalier run` and `espalier server`" + ` serve metrics to [Prometheus](https://prometheus.io) with ` + "`--metrics`" + `; without it nothing listens and nothing is counted. They are served in clear and without a password, so keep other than loopback behind a firewall. There is nothing secret in them: no names of runs, no paths, no values.

` + "```yaml" + `
scrape_configs:
  - job_name: espalier
    static_configs: [{targets: [worker-1:9464, worker-2:9464]}]
` + "```" + `

[deploy/grafana/espalier.json](../deploy/grafana/espalier.json) is a dashboard for Grafana, [deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml) has rules for what somebody should look at: no worker, steps that fail, wait or are done twice, old checkpoints, a store that fails, is full or has lost bits. ` + "`docker compose --profile metrics up`" + ` starts both with everything else ([deploy](../deploy/README.md)).

No label has the name of a run: there are ever more of those, and Prometheus keeps every series. What a single run does is in [traces and logs](tracing.md), and in ` + "`espalier status`" + `. Counters begin at 0 with each process, which ` + "`rate` and `increase`" + ` know. Times are in seconds, sizes in bytes.

This page is generated from the source (` + "`go generate ./workers/telemetry`" + `).

`
