package ui_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows"
)

// rich is a run that has all there is to tell of one.
const rich = tiny + `quantize: {portions: [60%, 100%], finetune: {epochs: 1}}
measure_latency: true
`

// step is one of a timeline.
type step struct {
	ID, Activity, Queue, State, Key string
	Pass                            int
	Scheduled, Started, Ended       time.Time
	Attempts                        []struct {
		Attempt         int
		Worker, Failure string
	}
	Found bool
}

func TestARunIsToldStepByStep(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, rich)
	p := l.dashboard(t)

	var line struct {
		Steps []step
		Marks []struct{ What, Text string }
	}
	p.get("runs/"+id+"/timeline", &line)
	var names []string
	for _, s := range line.Steps {
		names = append(names, s.Activity)
		if s.State != workflows.StateDone || s.Started.Before(s.Scheduled) || s.Ended.Before(s.Started) || len(s.Attempts) != 1 || s.Attempts[0].Worker == "" || s.Queue != "cpu" {
			t.Errorf("%+v", s)
		}
		if (s.Key == "") != (s.Activity == activities.NameRecord) {
			t.Errorf("%s has key %q", s.Activity, s.Key)
		}
	}
	want := "Prepare Train Evaluate Prune Finetune Evaluate Prune Finetune Evaluate Quantize Finetune Quantize Finetune Evaluate Record"
	if got := strings.ReplaceAll(strings.Join(names, " "), "Evaluate Evaluate", "Evaluate"); got != want {
		t.Errorf("the steps are %s, want %s", got, want)
	}

	var curves struct {
		Steps []struct {
			Key, Activity string
			Pass          int
			Points        []struct {
				Epoch          int
				Loss, Accuracy float64
				Seconds        float64
			}
		}
	}
	p.get("runs/"+id+"/curves", &curves)
	var epochs []int
	for _, s := range curves.Steps {
		epochs = append(epochs, len(s.Points))
		for i, point := range s.Points {
			if point.Epoch != i+1 || point.Loss <= 0 || point.Seconds <= 0 || s.Key == "" {
				t.Errorf("%s of pass %d: %+v", s.Activity, s.Pass, point)
			}
		}
	}
	if !slices.Equal(epochs, []int{3, 2, 2, 1, 1}) {
		t.Errorf("the trainings have %v epochs, want 3, 2, 2, 1 and 1", epochs)
	}

	var lineage struct {
		Checkpoints []struct {
			Checkpoint, Parent checkpoint.Digest
			Activity           string
			Bytes              int64
			Final              bool
		}
	}
	p.get("runs/"+id+"/lineage", &lineage)
	before := checkpoint.Digest("")
	for _, c := range lineage.Checkpoints {
		if c.Final && c.Activity != activities.NamePrepare && c.Parent != before || c.Bytes <= 0 {
			t.Errorf("%+v comes after %s", c, before.Short())
		}
		if c.Final {
			before = c.Checkpoint
		}
	}
	result, err := l.runs.Result(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if before != result.Final {
		t.Errorf("the last of %d checkpoints is %s, want %s", len(lineage.Checkpoints), before.Short(), result.Final.Short())
	}
}

func TestTheNetworksOfARunAreShown(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, rich)
	p := l.dashboard(t)
	var layers struct {
		Passes []struct {
			Pass       int
			Checkpoint string
			Layers     []struct {
				Name, Op               string
				Inputs, Outputs        int
				Weights, NonZero, MACs int64
				Coded                  int64 `json:"coded_bytes"`
			}
		}
		Why string
	}
	p.get("runs/"+id+"/layers", &layers)
	if len(layers.Passes) != 4 || layers.Why != "" {
		t.Fatalf("%d passes, %q", len(layers.Passes), layers.Why)
	}
	for i, pass := range layers.Passes {
		first := pass.Layers[0]
		if len(pass.Layers) != 2 || first.Inputs*first.Outputs != int(first.Weights) || first.Outputs != 16 || (first.Coded > 0) != (i == 3) {
			t.Errorf("pass %d has %+v", pass.Pass, pass.Layers)
		}
		if i > 0 && first.NonZero >= first.Weights {
			t.Errorf("nothing of pass %d is zero: %+v", pass.Pass, first)
		}
	}
	var speed struct {
		Measured []struct{ Measured, Theoretical float64 }
	}
	p.get("runs/"+id+"/speed", &speed)
	if len(speed.Measured) != 4 || speed.Measured[0].Measured != 1 || speed.Measured[0].Theoretical < 1 || speed.Measured[2].Theoretical < 3 {
		t.Errorf("the speed is %+v", speed)
	}
	dense, last := layers.Passes[0].Checkpoint, layers.Passes[2].Checkpoint
	for range 2 {
		answer, svg := p.do(p.request(http.MethodGet, "/api/v1/runs/"+id+"/network.svg?checkpoint="+last+"&dense="+dense, nil))
		if answer.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(string(svg), `class="kept"`) || strings.Contains(answer.Header.Get("Content-Security-Policy"), "script") {
			t.Errorf("%s %v\n%.300s", answer.Status, answer.Header, svg)
		}
	}
	p.refused(http.MethodGet, "runs/"+id+"/network.svg?checkpoint=../x", "", http.StatusBadRequest)
	p.refused(http.MethodGet, "runs/"+id+"/network.svg?checkpoint="+strings.Repeat("0", 64), "", http.StatusNotFound)
	p.refused(http.MethodGet, "runs/"+id+"/sensitivity", "", http.StatusNotFound)
	p.refused(http.MethodGet, "sweeps/"+id+"/trials", "", http.StatusNotFound)
}

func TestTheSpecLogAndResultsOfARun(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, rich)
	p := l.dashboard(t)
	answer, text := p.do(p.request(http.MethodGet, "/api/v1/runs/"+id+"/spec", nil))
	spec, err := config.Parse("answer.yaml", text)
	if err != nil || workflows.RunID(spec) != id || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/yaml") {
		t.Errorf("%v: the spec is of another run:\n%s", err, text)
	}
	var log struct {
		Lines []struct {
			Time, Level, Msg string
			Attrs            map[string]any
		}
		Why string
	}
	p.get("runs/"+id+"/log?tail=5", &log)
	if len(log.Lines) != 5 || log.Why != "" {
		t.Errorf("the log has %d lines, %q; want 5", len(log.Lines), log.Why)
	}
	for _, line := range log.Lines {
		if line.Attrs["run"] != id || line.Time == "" || line.Msg == "" {
			t.Errorf("line %+v", line)
		}
	}
	p.refused(http.MethodGet, "runs/"+id+"/log?tail=x", "", http.StatusBadRequest)
	answer, text = p.do(p.request(http.MethodGet, "/api/v1/results/"+id+".csv", nil))
	if lines := strings.Count(string(text), "\n"); lines != 5 || !strings.Contains(answer.Header.Get("Content-Disposition"), id) || !strings.HasPrefix(string(text), "run,sweep,trial,") {
		t.Errorf("%v: a table of %d lines, want 5:\n%s", answer.Header, lines, text)
	}
	p.refused(http.MethodGet, "results/none-such.csv", "", http.StatusNotFound)
	p.refused(http.MethodGet, "results/"+id, "", http.StatusNotFound)
	var workers []struct{ Identity string }
	p.get("workers", &workers)
	if len(workers) != 0 { // that of the tests does not say that it lives
		t.Errorf("the workers are %v", workers)
	}
}
