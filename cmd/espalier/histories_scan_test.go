package main

import (
	"strings"
	"testing"

	"espalier/config"
	"espalier/workers"
)

// TestRecordHistoriesOfScans writes those of scans of sensitivity, beside the
// ones of TestRecordHistories.
func TestRecordHistoriesOfScans(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	home := t.TempDir()
	p := newInProcess(t, home)
	stop := p.work(t, workers.Options{Queue: "cpu"})

	id := p.scan(t, strings.Replace(tinySpec, "hidden: [16]", "hidden: [16, 12]", 1), 0.5, 0.9)
	p.end(t, id)
	p.record(t, id, "sensitivity")

	// Wide layers and many shares take long enough to be hit on the way.
	slow := strings.NewReplacer("hidden: [16]", "hidden: [200, 100]", "test: 200", "test: 4000").Replace(tinySpec)
	var many []float64
	for i := 1; i < 100; i++ {
		many = append(many, float64(i)/100)
	}
	scans := func(id string) {
		eventually(t, "a curve", func() bool {
			v, err := p.runs.Look(t.Context(), id, false)
			return err == nil && v.Step != nil && v.Step.Activity == "Sensitivity" && v.Step.Progress != nil && strings.Contains(v.Step.Progress.Phase, " of ")
		})
	}
	id = p.scan(t, slow, many...)
	scans(id)
	p.rest(t, id)
	p.end(t, id)
	p.record(t, id, "sensitivity-paused")

	id = p.scan(t, strings.Replace(slow, "seed: 1", "seed: 2", 1), many...)
	scans(id)
	stop()
	damageAll(t, home)
	p.work(t, workers.Options{Queue: "cpu"})
	p.end(t, id)
	p.record(t, id, "sensitivity-repaired")
}

// scan submits a scan of sensitivity.
func (p *inProcess) scan(t *testing.T, spec string, shares ...float64) string {
	t.Helper()
	parsed, err := config.Parse("spec.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.runs.SubmitSensitivity(t.Context(), parsed, shares)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
