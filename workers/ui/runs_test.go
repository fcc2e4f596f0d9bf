package ui_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"espalier/workers/runs"
	"espalier/workflows"
)

type list struct {
	Runs []runs.View
	More bool
}

type full struct {
	runs.View
	Stale       bool
	Blocked     string
	Failure     string
	TemporalURL string `json:"temporal_url"`
}

func TestRunsAreListedAndLookedAt(t *testing.T) {
	l := theLab(t)
	id := l.finished(t, tiny)
	p := l.dashboard(t)
	var all list
	p.get("runs", &all)
	at := slices.IndexFunc(all.Runs, func(v runs.View) bool { return v.ID == id })
	if at < 0 || all.Runs[at].State != workflows.StateDone || all.Runs[at].Reached != nil || all.Runs[at].Summary.Name != "tiny" {
		t.Errorf("the list is %+v, want %s in it, done and without rows", all, id)
	}
	p.refused(http.MethodGet, "runs?limit=0", "", http.StatusBadRequest)
	p.refused(http.MethodGet, "runs/none-such", "", http.StatusNotFound)
	p.refused(http.MethodGet, "runs/"+id+".log", "", http.StatusNotFound)
	for range 2 { // the second answer is kept from the first
		var one full
		p.get("runs/"+id, &one)
		if one.Reached == nil || len(one.Reached.Rows) != 3 || one.Stale || one.TemporalURL != "http://temporal.example/namespaces/default/workflows/"+id {
			t.Errorf("%s is %+v", id, one)
		}
	}
}

// event is one of a stream.
type event struct{ name, data string }

// stream is the events that a page is sent, until the test ends.
func (p *page) stream(path string) <-chan event {
	p.Helper()
	return p.streamUntil(p.Context(), path)
}

func (p *page) streamUntil(ctx context.Context, path string) <-chan event {
	p.Helper()
	answer, err := p.Do(p.request(http.MethodGet, "/api/v1/"+path, nil).WithContext(ctx))
	if err != nil {
		p.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		p.Fatalf("%s: %s %s", path, answer.Status, kind)
	}
	events := make(chan event)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, data, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = data
			case "data":
				e.data = data
			case "":
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return events
}

func TestEventsTellWhatChanges(t *testing.T) {
	l := theLab(t)
	old := l.finished(t, tiny)
	p := l.dashboard(t)
	began := strings.Replace(strings.Replace(tiny, "name: tiny", "name: told", 1), "seed: 5", "seed: 6", 1)
	id := l.submit(t, began)
	events := p.stream("events?run=" + id)
	first, told := true, false
	for listed := ""; listed != workflows.StateDone || !told; {
		e, open := <-events
		if !open {
			t.Fatal("the stream ended")
		}
		switch e.name {
		case "runs":
			var c struct {
				Changed []runs.View
				Gone    []string
			}
			if err := json.Unmarshal([]byte(e.data), &c); err != nil {
				t.Fatal(err)
			}
			if first && !slices.ContainsFunc(c.Changed, func(v runs.View) bool { return v.ID == old }) {
				t.Errorf("the first list is %s, want %s in it", e.data, old)
			}
			first = false
			for _, v := range c.Changed {
				if v.ID == id {
					listed = v.State
				}
			}
		case "run":
			var v full
			if err := json.Unmarshal([]byte(e.data), &v); err != nil {
				t.Fatal(err)
			}
			if v.ID != id {
				t.Errorf("told of %s, want %s", v.ID, id)
			}
			told = v.State == workflows.StateDone && v.Reached != nil && len(v.Reached.Rows) == 3
		}
	}
	p.refused(http.MethodGet, "events?run=../x", "", http.StatusBadRequest)
}
