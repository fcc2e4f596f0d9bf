package ui_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"espalier/workers/runs"
	"espalier/workers/ui"
	"espalier/workflows"
)

// waiting is a run whose steps no worker takes.
func waiting(name string) string {
	return strings.Replace(tiny, "name: tiny", "name: "+name, 1) + "resources: {queue: nobody}\n"
}

type did struct {
	ID, Why string
	Changed bool
}

func TestActionsDoWhatTheCommandsDo(t *testing.T) {
	l := theLab(t)
	id := l.submit(t, waiting("waiting"))
	p := l.dashboard(t)
	do := func(name string, in map[string]any) did {
		t.Helper()
		var d did
		p.post("runs/"+id+"/"+name, in, http.StatusOK, &d)
		return d
	}
	for _, one := range []struct {
		name    string
		in      map[string]any
		changed bool
	}{
		{"pause", map[string]any{"note": "tea"}, true},
		{"pause", nil, false},
		{"resume", map[string]any{}, true},
		{"change", map[string]any{"priority": 1}, true},
		{"note", map[string]any{"text": " slow "}, true},
		{"note", map[string]any{"text": "slow"}, false},
		{"tag", map[string]any{"add": []string{"a", "b"}}, true},
		{"tag", map[string]any{"add": []string{"a"}, "remove": []string{"b"}}, true},
		{"tag", map[string]any{"add": []string{"a"}}, false},
		{"retry", nil, false},
		{"cancel", map[string]any{"note": "enough"}, true},
	} {
		in := one.in
		if in == nil {
			in = map[string]any{}
		}
		if d := do(one.name, in); d.Changed != one.changed || d.ID != id || d.Changed == (d.Why != "") {
			t.Errorf("%s %v: %+v, want changed %t", one.name, in, d, one.changed)
		}
	}
	if err := l.runs.Temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err == nil {
		t.Error("the run was not cancelled")
	}
	var one full
	p.get("runs/"+id, &one)
	var told []string
	for _, e := range one.Log {
		if e.Who != "ann@dashboard" {
			t.Errorf("%s is told of %q", e.What, e.Who)
		}
		told = append(told, strings.TrimSpace(e.What+" "+e.Note))
	}
	want := []string{"pause tea", "resume", "change priority 1", "note slow", "tag", "untag", "cancel enough"}
	if !slices.Equal(told, want) || !slices.Equal(one.Tags, []string{"a"}) || one.State != workflows.StateCancelled || one.Failure == "" {
		t.Errorf("the log is %q with tags %v in state %s because %q, want %q", told, one.Tags, one.State, one.Failure, want)
	}
	p.refused(http.MethodPost, "runs/"+id+"/pause", "{}", http.StatusConflict)
	if d := do("retry", map[string]any{}); !d.Changed {
		t.Errorf("retry: %+v", d)
	}
	if d := do("cancel", map[string]any{"discard": true}); !d.Changed {
		t.Errorf("discard: %+v", d)
	}
	p.refused(http.MethodGet, "runs/"+id, "", http.StatusNotFound)
	var all list
	if p.get("runs", &all); slices.ContainsFunc(all.Runs, func(v runs.View) bool { return v.ID == id }) {
		t.Error("the run that was discarded is listed")
	}
}

func TestRunsAreMadeOfOthers(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, tiny)
	p := l.dashboard(t)
	for name, in := range map[string]map[string]any{
		"extend": {"passes": 3},
		"fork":   {"from": "1", "set": []string{"prune.finetune.epochs=1"}},
	} {
		var first, again did
		p.post("runs/"+id+"/"+name, in, http.StatusOK, &first)
		p.post("runs/"+id+"/"+name, in, http.StatusOK, &again)
		if !first.Changed || again.Changed || first.ID == id || first.ID != again.ID {
			t.Errorf("%s: %+v, then %+v", name, first, again)
		}
		if _, err := l.runs.Result(t.Context(), first.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var line struct{ Steps []step }
		p.get("runs/"+first.ID+"/timeline", &line)
		if name == "extend" && !line.Steps[1].Found {
			t.Errorf("the training of what was extended was done again: %+v", line.Steps[1])
		}
	}
	for path, body := range map[string]string{
		"extend": `{}`, "fork": `{"set": []}`, "note": `{"text": " "}`, "tag": `{"add": ["a b"]}`, "change": `{"priority": 9}`,
		"pause": `{"discard": true}`, "cancel": `{"all": true}`, "retry": `{"trials": [1]}`,
		"extend?": `{"passes": 1}`, "fork?": `{"from": "9"}`, "fork??": `{"from": "1", "set": ["nonsense"]}`, "change?": `{"concurrency": 2}`,
	} {
		p.refused(http.MethodPost, "runs/"+id+"/"+strings.TrimRight(path, "?"), body, http.StatusBadRequest)
	}
	p.refused(http.MethodPost, "runs/none-such/pause", "{}", http.StatusNotFound)
}

func TestWhoMayAct(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, tiny)
	p := l.dashboard(t)
	post := func(p *page, headers ...string) *http.Request {
		r := p.request(http.MethodPost, "/api/v1/runs/"+id+"/note", strings.NewReader(`{"text": "x"}`))
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header[headers[i]] = []string{headers[i+1]}
		}
		return r
	}
	for name, r := range map[string]*http.Request{
		"no CSRF token":           post(p, "X-Csrf-Token", ""),
		"that of another session": post(p, "X-Csrf-Token", l.dashboard(t).csrf),
		"another site":            post(p, "Sec-Fetch-Site", "cross-site"),
		"another origin":          post(p, "Origin", "http://evil.example"),
	} {
		if answer, text := p.do(r); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s %s", name, answer.Status, text)
		}
	}
	if answer, text := p.do(post(p, "Content-Type", "application/x-www-form-urlencoded")); answer.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a form: %s %s", answer.Status, text)
	}
	reader := l.dashboard(t, func(o *ui.Options) { o.ReadOnly = true })
	reader.refused(http.MethodPost, "runs/"+id+"/note", `{"text": "x"}`, http.StatusForbidden)
	var session struct {
		ReadOnly bool `json:"read_only"`
		Login    bool
		User     string
	}
	if reader.get("session", &session); !session.ReadOnly || session.Login || session.User != "ann@dashboard" {
		t.Errorf("the session is %+v", session)
	}
	var one full
	if reader.get("runs/"+id, &one); len(one.Log) > 0 && one.Log[len(one.Log)-1].Note == "x" {
		t.Errorf("a note was written: %v", one.Log)
	}
}

func TestASweepIsShownByItsTrials(t *testing.T) {
	l := theLab(t)
	one := strings.Replace(strings.Replace(tiny, "name: tiny", "name: swept", 1), "passes: 2", "passes: 1", 1)
	id := l.finished(t, one+`sweep:
  search: grid
  params: {prune.method: [han, random], prune.schedule.target.sparsity: [50%, 90%]}
`)
	p := l.dashboard(t)
	table := p.trials(id)
	if len(table.rows) != 4 || !slices.Equal(table.Parameters, []string{"prune.method", "prune.schedule.target.sparsity"}) {
		t.Fatalf("%+v", table)
	}
	for i, trial := range table.rows {
		if trial.Trial != i || trial.Run != fmt.Sprintf("%s-%d", id, i) || trial.State != workflows.StateDone || trial.Seed != 5 || trial.Best["accuracy"] <= 0 || trial.Best["bytes"] <= 0 {
			t.Errorf("%+v", trial)
		}
		if share, ok := trial.Values["prune.schedule.target.sparsity"].(float64); !ok || share != 0.5 && share != 0.9 {
			t.Errorf("trial %d sets %v", i, trial.Values)
		}
	}
	if len(table.Front) == 0 {
		t.Error("no trial is on the front")
	}
	var whole full
	if p.get("runs/"+id, &whole); whole.Sweep == nil || whole.Sweep.Ended != 4 || whole.Kind != runs.KindSweep {
		t.Errorf("the sweep is %+v", whole)
	}
	var trial full
	if p.get("runs/"+table.rows[2].Run, &trial); trial.Kind != runs.KindTrial || trial.Reached == nil || len(trial.Reached.Rows) != 2 {
		t.Errorf("the trial is %+v", trial)
	}
	var layers struct{ Why string }
	if p.get("runs/"+id+"/layers", &layers); layers.Why == "" {
		t.Error("the sweep has layers")
	}
}

func TestAScanIsShownByItsLayers(t *testing.T) {
	l := theLab(t)
	id, err := l.runs.SubmitSensitivity(t.Context(), parse(t, tiny), []float64{0.5, 0.9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.runs.Sensitivity(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p := l.dashboard(t)
	var scan struct {
		Accuracy float64
		Layers   []struct {
			Name   string
			Points []struct{ Share, Accuracy float64 }
		}
	}
	p.get("runs/"+id+"/sensitivity", &scan)
	if len(scan.Layers) != 2 || scan.Accuracy <= 0 || len(scan.Layers[0].Points) != 2 || scan.Layers[0].Name == "" {
		t.Errorf("the scan is %+v", scan)
	}
	var one full
	if p.get("runs/"+id, &one); one.State != workflows.StateDone || one.Stale {
		t.Errorf("%+v", one)
	}
}
