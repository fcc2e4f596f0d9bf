package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/measure"
	"espalier/models/report"
)

//go:generate go test -run TestGolden -update

// update is the flag that rewrites the golden files.
var update = flag.Bool("update", false, "write the golden files anew")

// pass is a pass of a network of 1,000 weights of which some are left.
func pass(number int, network string, accuracy float64, left int64) report.Pass {
	return report.Pass{
		Number: number, Network: network, Kept: true, Accuracy: accuracy, Low: accuracy - 0.01, High: accuracy + 0.01, Loss: 1 - accuracy,
		Sparsity: 1 - float64(left)/1000, Weights: 1000, NonZero: left, Params: left + 10, MACs: 1000, EffectiveMACs: left,
		DenseBytes: 4040, CSRBytes: 6 * left, FileBytes: 5000, Checkpoint: strings.Repeat("0123456789abcdef", 4),
	}
}

// study is a sweep with seeds, a failed trial, a stopped one and a latency, and
// a run of a trainer that told little. What people named has all that HTML and
// Markdown could take for their own.
func study() *report.Study {
	trial := func(number int, method string, seed uint64, passes ...report.Pass) report.Trial {
		return report.Trial{
			Run: "a-1", Number: number, Settings: []report.Setting{{Path: "prune.method", Value: method}, {Path: "train.note", Value: "<b>&|`*_" + method}},
			Seed: seed, State: "done", Passes: passes, Command: "espalier run a.yaml --set 'train.note=<b>&|`*_" + method + "'",
		}
	}
	timed := func(p report.Pass, seconds float64) report.Pass { p.Latency = seconds; return p }
	broke := pass(2, "pruned", 0.5, 100)
	broke.Kept = false
	stopped := trial(2, "random", 1, pass(0, "dense", 0.9, 1000), pass(1, "pruned", 0.8, 400), broke)
	stopped.State, stopped.Why = "stopped", "pass 2 lost <40> points & more"
	failed := trial(3, "random", 2)
	failed.State, failed.Why = "failed", "it | broke"
	amounts := func(params, left int64) measure.Amounts {
		return measure.Amounts{Params: params, NonZero: left, Weights: params, NonZeroWeights: left, MACs: params, EffectiveMACs: left, Bytes: 4 * params, SparseBytes: 6 * left}
	}
	return &report.Study{Title: "A <study> & more | it", Version: "v1.2.3", Parts: []report.Part{
		{
			ID: "a-918f3c8a0ed1", Name: "a", Sweep: true, State: "done", Over: "the budget is <spent>", Network: "mlp",
			Facts: []report.Fact{{Name: "train.note", Value: "<script>alert(1)</script>"}}, Seeds: []uint64{1, 2},
			Data:     report.Data{Name: "digits", Digest: strings.Repeat("d", 64), Validation: 50},
			Machines: []report.Machine{{Engine: "gorgonia/2", CPU: "a <fast> one", BLAS: "gemm 1", Threads: 2, Versions: []string{"v1", "v2"}, Steps: 7}}, Told: 7, Steps: 9,
			Objectives: []report.Objective{{Name: "accuracy", Maximize: true}, {Name: "bytes"}, {Name: "latency"}},
			Trials: []report.Trial{
				trial(0, "han", 1, timed(pass(0, "dense", 0.9, 1000), 0.002), timed(pass(1, "pruned", 0.89, 500), 0.0015), timed(pass(2, "pruned", 0.88, 100), 0.0012)),
				trial(1, "han", 2, timed(pass(0, "dense", 0.92, 1000), 0.002), timed(pass(1, "pruned", 0.9, 500), 0.0015), timed(pass(2, "pruned", 0.86, 120), 0.001)),
				stopped, failed,
			},
			LeftOut: 3, File: "a.yaml", Spec: "name: a\n# ``` </pre><b>\n", Needs: []string{"data ./data/<mnist>"},
			Layers: []report.Layer{
				{Name: "fc1", Op: "linear", Before: amounts(900, 900), After: amounts(900, 80), Packed: 210},
				{Name: "fc2", Op: "linear", Before: amounts(100, 100), After: amounts(100, 20), Packed: 60},
			}, Packed: 300,
		},
		{
			ID: "b-0123456789ab", Name: "b", State: "done", Network: "that of the trainer pytorch", Objectives: []report.Objective{{Name: "accuracy", Maximize: true}, {Name: "bytes"}},
			Trials: []report.Trial{{Run: "b-0123456789ab", Seed: 3, State: "done", Passes: []report.Pass{{Network: "dense", Kept: true, Accuracy: 0.7, Checkpoint: "abc"}}}},
		},
	}}
}

func TestGoldenReports(t *testing.T) {
	t.Parallel()
	whole, one := study(), study()
	one.Parts = one.Parts[:1]
	for name, write := range map[string]func(io.Writer) error{
		"study.html": whole.HTML, "study.md": whole.Markdown, "card.md": one.Card,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s is not up to date (-file +now); if now is right: go generate ./models/report\n%s", path, diff)
			}
		})
	}
}

// The page is well formed, and nothing in it was anybody's but ours, nor does it
// ask for anything.
func TestPagesTakeNothingForTheirOwn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := study().HTML(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, bad := range []string{"<script", "<b>", "<study>", "<fast>", "<spent>", "<mnist>", "http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, ""), `xmlns:xlink="http://www.w3.org/1999/xlink"`, ""), bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "A &lt;study&gt; &amp; more | it", "<svg role=\"img\"", "prefers-color-scheme: dark", "@media print", "currentColor"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	// HTML closes no meta tags; all else is XML.
	d := xml.NewDecoder(strings.NewReader(regexp.MustCompile(`<meta [^>]*>|<!DOCTYPE html>`).ReplaceAllString(text, "")))
	d.Strict, d.Entity = true, xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
	}
}

// In every table of the Markdown all rows have as many cells as its head.
func TestMarkdownTablesKeepTheirColumns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := study().Markdown(&out); err != nil {
		t.Fatal(err)
	}
	bar := regexp.MustCompile(`(^|[^\\])\|`)
	columns, tables := 0, 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := len(bar.FindAllString(line, -1))
		if columns == 0 {
			columns, tables = n, tables+1
		}
		if n != columns {
			t.Errorf("%d bars, the head has %d: %s", n, columns, line)
		}
	}
	if tables < 10 {
		t.Errorf("%d tables", tables)
	}
}

func TestDeviationsAreThoseOfSamples(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := study().Markdown(&out); err != nil {
		t.Fatal(err)
	}
	// 88 and 86: mean 87, deviation sqrt(2) = 1.41 with n - 1 = 1; latencies
	// 2 ms / 1.2 ms and 2 ms / 1 ms.
	for _, want := range []string{"| 2 | 87.00 ± 1.41 | 89.00 ± 1.41 | 120 ± 14 |", "| 2 ± 0 ms | 1.1 ± 0.141 ms | 1.83x ± 0.24x |", "| 1 of 2 | 80.00 |", "not measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the report:\n%s", want, out.String())
		}
	}
}

func TestCardsAreOfOneNetwork(t *testing.T) {
	t.Parallel()
	if err := study().Card(io.Discard); err == nil || !strings.Contains(err.Error(), "of one run or one sweep, not of 2") {
		t.Errorf("a card of two: %v", err)
	}
	none := study()
	none.Parts = none.Parts[:1]
	none.Parts[0].Trials = none.Parts[0].Trials[3:]
	if err := none.Card(io.Discard); err == nil || !strings.Contains(err.Error(), "no trial of a-918f3c8a0ed1 has kept one") {
		t.Errorf("a card of no network: %v", err)
	}
	var out bytes.Buffer
	if err := none.HTML(&out); err != nil || !strings.Contains(out.String(), "No network was kept") {
		t.Errorf("a report of no network: %v", err)
	}
}

func TestReportsFailWhereTheirWriterDoes(t *testing.T) {
	t.Parallel()
	one := study()
	one.Parts = one.Parts[:1]
	for name, write := range map[string]func(io.Writer) error{"HTML": one.HTML, "Markdown": one.Markdown, "Card": one.Card} {
		if err := write(failing{}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s(a writer that fails) = %v", name, err)
		}
	}
}

// Runs of one choice of values are told by their mean, and all parts in a chart.
func TestRunsOfOneChoiceAreTakenTogether(t *testing.T) {
	t.Parallel()
	s := &report.Study{Title: "three"}
	for i, accuracy := range []float64{0.5, 0.6, 0.9} {
		method := "han"
		if i == 2 {
			method = "random"
		}
		s.Parts = append(s.Parts, report.Part{
			ID: "r", Name: "r", Objectives: []report.Objective{{Name: "accuracy", Maximize: true}},
			Facts:  []report.Fact{{Name: "prune.method", Value: method}, {Name: "train.seed", Value: string(rune('1' + i))}},
			Trials: []report.Trial{{Run: "r", State: "done", Passes: []report.Pass{pass(0, "dense", 0.9, 1000), pass(1, "pruned", accuracy, 100)}}},
		})
	}
	var md, page bytes.Buffer
	if err := errors.Join(s.Markdown(&md), s.HTML(&page)); err != nil {
		t.Fatal(err)
	}
	if want := "| r | 2 | 55.00 ± 7.07 | 90.00 ± 0.00 |"; strings.Count(md.String(), want) != 1 || strings.Count(md.String(), " ± ") != 7 { // 6 and the one that is explained
		t.Errorf("want one row %q and no other mean in\n%s", want, md.String())
	}
	if got := strings.Count(page.String(), "<svg"); got != 4 {
		t.Errorf("%d charts, want one of each part and one of all", got)
	}
}
