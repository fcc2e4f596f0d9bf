package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"espalier/models/engine"
	"espalier/models/measure"
	"espalier/models/report"
)

func TestCrossoverNamesLayersAndDoublings(t *testing.T) {
	t.Parallel()
	c := measure.Crossover{Name: "4096x4096", Batch: 8}
	for i, sparse := range []time.Duration{20, 5, 2} {
		c.Points = append(c.Points, measure.CrossPoint{
			Zeros: []float64{0.5, 0.9, 0.95}[i], Dense: measure.Latency{Median: 10}, Sparse: measure.Latency{Median: sparse},
		})
	}
	var out bytes.Buffer
	if err := report.Crossover(&out, "When zeros pay", engine.Sparse, []measure.Crossover{c, {Name: "unmeasured"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">When zeros pay<", ">4096x4096, batch 8<", ">0.5x<", ">1x<", ">8x<", ">50<", ">times as fast as dense: sparse<"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the chart", want)
		}
	}
	if strings.Contains(out.String(), "unmeasured") {
		t.Error("the chart names a layer that was not measured")
	}
	if err := report.Crossover(&out, "", engine.Shared, []measure.Crossover{c}); err == nil || !strings.Contains(err.Error(), "no layer was measured") {
		t.Errorf("error %v, want that no layer was measured", err)
	}
}
