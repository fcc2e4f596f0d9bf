package main

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// realBook has the results in testdata: runs of seed 1, as espalier printed them.
func realBook(t *testing.T) *book {
	t.Helper()
	home, _, _ := workplace(t)
	b, err := (&runner{home: home}).load(experimentsOf(chaptersOf(t)), "none")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNumbersOfRealRuns(t *testing.T) {
	t.Parallel()
	b := realBook(t)
	oneShot, iterative := last("regularization-l2-8x"), ref{"regularization-l2-iterative", 3}
	tests := map[string]struct {
		at   ref
		of   measure
		as   writer
		want string
	}{
		"dense":                {ref{oneShot.of, 0}, finalError, percents, "1.32 %"},
		"before retraining":    {oneShot, prunedError, percents, "3.80 %"},
		"after retraining":     {oneShot, finalError, percents, "1.27 %"},
		"points more":          {oneShot, moreError, points, "-0.05"},
		"a pass":               {iterative, finalError, percents, "1.30 %"},
		"weights of a pass":    {iterative, weightsTimes, times, "7.963x"},
		"weights":              {oneShot, weightsLeft, counts, "33,403"},
		"nothing was measured": {ref{oneShot.of, 0}, prunedError, percents, "-"},
		"no such pass":         {ref{oneShot.of, 7}, finalError, percents, "-"},
		"no such run":          {last("regularization-none-2x"), finalError, percents, notRun},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := b.cell(test.at, test.of, test.as); got != test.want {
				t.Errorf("cell = %q, want %q", got, test.want)
			}
		})
	}
}

func TestSeveralSeeds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		as     writer
		values []float64
		want   string
	}{
		"percents":                  {percents, []float64{1.27, 1.33, 1.31}, "1.30 ± 0.03 %"},
		"points":                    {points, []float64{0.02, -0.06, 0}, "-0.01 ± 0.04"},
		"counts that are equal":     {counts, []float64{85000, 85000}, "85,000"},
		"counts that are not":       {counts, []float64{22091, 22096, 22087}, "about 22,091"},
		"times":                     {times, []float64{12.06, 12.08}, "12.07x"},
		"one seed has no spread":    {percents, []float64{1.27}, "1.27 %"},
		"a difference has its sign": {points, []float64{0.1}, "+0.10"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.as(test.values); got != test.want {
				t.Errorf("written as %q, want %q", got, test.want)
			}
		})
	}
}

func TestGoalsAreJudgedByTheMean(t *testing.T) {
	t.Parallel()
	run := func(dense, final float64, weights int64) *result {
		return &result{Rows: []row{{Accuracy: dense, NonZero: 100, Kept: true}, {Pass: 1, Accuracy: final, NonZero: weights, Kept: true}}}
	}
	b := &book{results: shelf{}}
	b.results.put("x", 1, run(0.98, 0.978, 20))
	b.results.put("x", 2, run(0.98, 0.981, 20))
	tests := map[string]struct {
		goals       []goal
		of          string
		want, asked string
	}{
		"reached":           {[]goal{within(0.1), exactly(weightsLeft, 20, "weights")}, "x", "yes", "at most 0.10 points lost, 20 weights"},
		"one is not":        {[]goal{within(0.1), atLeast(weightsTimes, 5.1, times, "fewer weights")}, "x", "no", "at most 0.10 points lost, at least 5.1x fewer weights"},
		"just not":          {[]goal{within(0.04)}, "x", "no", "at most 0.04 points lost"},
		"not measured":      {[]goal{within(0.1), {"before", prunedError, func(float64) bool { return true }}}, "x", notRun, "at most 0.10 points lost, before"},
		"not run":           {[]goal{within(0.1)}, "y", notRun, "at most 0.10 points lost"},
		"nothing was asked": {nil, "x", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, reached := line{of: test.of, goals: test.goals}.judge(b)
			if asked != test.asked || reached != test.want {
				t.Errorf("judge = %q, %q, want %q, %q", asked, reached, test.asked, test.want)
			}
		})
	}
}

func TestClaimsCountWhatIsThere(t *testing.T) {
	t.Parallel()
	b := realBook(t)
	low, high, none := last("regularization-l2-8x"), last("regularization-l1-8x"), last("han-5")
	tests := map[string]struct {
		pairs [][2]ref
		want  string
	}{
		"so":      {[][2]ref{{low, high}}, "yes, in 1 of 1 comparisons"},
		"not so":  {[][2]ref{{high, low}}, "no, in 0 of 1 comparisons"},
		"equal":   {[][2]ref{{low, low}}, "no, in 0 of 1 comparisons"},
		"both":    {[][2]ref{{low, high}, {high, low}, {none, low}}, "in part, in 1 of 2 comparisons (1 not run)"},
		"not run": {[][2]ref{{none, low}}, notRun},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (claim{"", finalError, test.pairs}).check(b); got != test.want {
				t.Errorf("check = %q, want %q", got, test.want)
			}
		})
	}
}

func TestThePageOfRealResults(t *testing.T) {
	t.Parallel()
	_, page, args := workplace(t)
	reported(t, args)
	text := textOf(t, page)
	for _, want := range []string{
		"| L2 | not run | not run | 3.80 % | not run | not run |\n", // before retraining
		"| L2 | 1.32 % | 1.20 % | 1.29 % | 1.30 % | 1.39 % | 1.61 % |\n",
		"| L2 is better than L1 after retraining, iterative | yes, in 5 of 5 comparisons |\n",
		"| LeNet-5 | 0.80 -> 0.77 %, 12x | not run |",
		"| `regularization-l1-8x` | 1 of 3 |\n",
		"ONLY='^regularization-'</code>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if folder := regexp.MustCompile(`path: (/\S+)`).FindString(text); folder != "" {
		t.Errorf("the page names a folder of this machine: %s", folder)
	}
	// Written again, it is the same.
	reported(t, args)
	if diff := cmp.Diff(text, textOf(t, page)); diff != "" {
		t.Errorf("the second page differs (-first +second):\n%s", diff)
	}
}

func TestMissingNumbersAreNoMeasurement(t *testing.T) {
	t.Parallel()
	r := &result{Rows: []row{{MACs: 0, Kept: true}}}
	if v, ok := macsShare(r, lastPass); ok {
		t.Errorf("share of no multiply-adds = %v, want none", v)
	}
	if v, ok := prunedAccuracy(r, lastPass); ok || !math.IsNaN(v) {
		t.Errorf("accuracy that was not measured = %v, %v", v, ok)
	}
}

func TestExamplesBecomeTemplates(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/mnist-frontier.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := fromExample(string(text))
	for want, count := range map[string]int{"{{.Seed}}": 1, "path: {{.Data}}/mnist\n": 1, "durability": 1, "#": 0, "name: mnist-frontier": 0, "sparsity: 97.5%": 1} {
		if n := strings.Count(got, want); n != count {
			t.Errorf("%q is in it %d times, want %d:\n%s", want, n, count, got)
		}
	}
}

func TestPlotsHaveACurveForWhatIsThere(t *testing.T) {
	t.Parallel()
	b, folder := realBook(t), t.TempDir()
	p := &plot{file: "a.svg", title: "a title", lines: []gridLine{
		{"by L2", passes("regularization-l2-iterative")}, {"by nothing", passes("regularization-none-iterative")},
	}}
	if err := p.write(folder, b); err != nil {
		t.Fatal(err)
	}
	svg := textOf(t, filepath.Join(folder, "a.svg"))
	if !strings.Contains(svg, "a title") || !strings.Contains(svg, "by L2") || strings.Contains(svg, "by nothing") {
		t.Errorf("the chart lacks its title or curve, or has one that nothing is known of")
	}
	empty := &plot{file: "b.svg"}
	if err := empty.write(folder, b); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "b.svg")); !os.IsNotExist(err) {
		t.Errorf("a plot of nothing was written: %v", err)
	}
}

func TestSpeedsNameTheLayersThatLose(t *testing.T) {
	t.Parallel()
	b := realBook(t)
	var page strings.Builder
	writeBenches(&page, b, []bench{{name: "cifar-resnet20-filter-norm-70", small: "small"}, {name: "other", small: "missing"}})
	text := page.String()
	for _, want := range []string{"| `small` | 1 | 3.53x | 1.75x | 49 % | 1 | no: layer1.0.conv1 (24µs; 4 outputs fill 50 % of their vectors of 8;", "| `missing` |  | not run |"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	fast := *b.benches["cifar-resnet20-filter-norm-70"]
	fast.Checkpoints = slices.Clone(fast.Checkpoints)
	fast.Checkpoints[1].Speeds = []speed{{Batch: 1, Speedup: factors{3.53, 2.9}, Reached: 0.82}}
	b.benches["fast"] = &fast
	page.Reset()
	if writeBenches(&page, b, []bench{{name: "fast", small: "small"}}); !strings.Contains(page.String(), "| 82 % | 1 | yes |") {
		t.Errorf("82 %% of the speed-up is not enough:\n%s", page.String())
	}
	fast.Engine.Threads = 8
	page.Reset()
	writeBenches(&page, b, []bench{{name: "cifar-resnet20-filter-norm-70", small: "small"}, {name: "fast", small: "quick"}})
	for _, want := range []string{"; 2 is ", ", 8 threads.\n", "| `quick` | 1 | 3.53x | 2.90x | 82 % | 2 | yes |", "| `small` | 1 | 3.53x | 1.75x | 49 % | 1 | no: "} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("of two machines it lacks %q:\n%s", want, page.String())
		}
	}
}
