package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"espalier/models/prune/sensitivity"
	"espalier/models/report"
)

// scan is a report of so many layers, each less sensitive than the one before.
func scan(layers int) *sensitivity.Report {
	r := &sensitivity.Report{Network: "resnet", Method: "filter-norm", Granularity: "channel", Split: "validation", Samples: 5000, Accuracy: 0.93}
	for i := range layers {
		c := sensitivity.Curve{Layer: fmt.Sprintf("block%d.conv1", i), Size: 64}
		for removed := 8; removed < 64; removed += 8 {
			fall := math.Pow(float64(removed)/64, float64(i+1))
			c.Points = append(c.Points, sensitivity.Point{Share: float64(removed) / 64, Removed: removed, Accuracy: 0.93 * (1 - fall)})
		}
		r.Layers = append(r.Layers, c)
	}
	return r
}

// svg is the chart, after a look at its XML: the texts in it.
func svg(t *testing.T, r *sensitivity.Report) ([]byte, map[string]int) {
	t.Helper()
	var out bytes.Buffer
	if err := report.Sensitivity(&out, r); err != nil {
		t.Fatal(err)
	}
	texts := map[string]int{}
	decoder := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			texts[strings.TrimSpace(string(text))]++
		}
	}
}

func TestChartNamesEveryLayerThatWasMeasured(t *testing.T) {
	t.Parallel()
	for _, layers := range []int{1, 3, 60} {
		r := scan(layers)
		r.Layers = append(r.Layers, sensitivity.Curve{Layer: "stem", Size: 16, LeftOut: []sensitivity.LeftOut{{Why: "coupled"}}})
		_, texts := svg(t, r)
		for _, c := range r.Layers {
			if want := min(1, len(c.Points)); texts[c.Layer] != want {
				t.Errorf("of %d layers: %s is written %d times, want %d", layers, c.Layer, texts[c.Layer], want)
			}
		}
		for _, want := range []string{"channels removed of the layer, %", "accuracy on 5000 validation samples, %", "0", "50", "100"} {
			if texts[want] == 0 {
				t.Errorf("of %d layers: %q is missing", layers, want)
			}
		}
	}
}

func TestEqualReportsAreEqualCharts(t *testing.T) {
	t.Parallel()
	first, _ := svg(t, scan(12))
	for range 3 {
		if again, _ := svg(t, scan(12)); !bytes.Equal(first, again) {
			t.Fatal("the same report is drawn differently")
		}
	}
	other := scan(12)
	other.Layers[5].Points[3].Accuracy /= 2
	if changed, _ := svg(t, other); bytes.Equal(first, changed) {
		t.Error("another accuracy changes nothing")
	}
}

func TestChartOfNothing(t *testing.T) {
	t.Parallel()
	for name, accuracy := range map[string]float64{"no accuracy": 0, "half": 0.5, "all right": 1} {
		r := scan(0)
		r.Accuracy = accuracy
		if text, _ := svg(t, r); bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Inf")) {
			t.Errorf("%s: the chart has numbers that are none", name)
		}
	}
	if err := report.Sensitivity(failing{}, scan(2)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Sensitivity(a writer that fails) = %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestChartRefusesLinesThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]report.Line{
		"no points":       {Name: "a"},
		"a value too few": {Name: "a", X: []float64{1, 2}, Y: []float64{50}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := (report.Chart{Lines: []report.Line{line}}).Write(io.Discard); err == nil || !strings.Contains(err.Error(), "curve of a") {
				t.Errorf("Write = %v, want an error that names the curve", err)
			}
		})
	}
}
