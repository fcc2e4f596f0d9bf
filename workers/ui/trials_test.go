package ui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"

	"espalier/activities"
	"espalier/workflows"
)

// trial is a row of a sweep's trials.
type trial struct {
	Trial           int
	Run, State, Why string
	Values          map[string]any
	Seed            uint64
	Rung            int
	Best            map[string]float64
}

// answer is what a page is told of the trials at once.
type answer struct {
	Book       string
	Version    int64
	Reading    int
	Parameters []string
	Front      []int
	Trials     []trial
	More       bool
	LeftOut    int `json:"left_out"`
	Why        string
}

// table is what a page has of a sweep's trials.
type table struct {
	answer
	rows []trial
	sent []int // rows in each answer
}

// trials are all of a sweep.
func (p *page) trials(id string) *table {
	p.Helper()
	t := &table{}
	p.catchUp(id, t, 0)
	return t
}

// catchUp asks for what is new until there is no more, limit rows at once if
// that is given.
func (p *page) catchUp(id string, t *table, limit int) {
	p.Helper()
	t.sent = nil
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if said := p.next(id, t, limit); said != "" {
			p.Fatal(said)
		}
		if !t.More && t.Reading == 0 {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("%s: %d trials are still being read", id, t.Reading)
		}
	}
}

// next asks for what is new once, and says what is answered if that is no
// success.
func (p *page) next(id string, t *table, limit int) (refused string) {
	p.Helper()
	query := url.Values{"book": {t.Book}, "since": {fmt.Sprint(t.Version)}}
	if limit > 0 {
		query.Set("limit", fmt.Sprint(limit))
	}
	said, data := p.do(p.request(http.MethodGet, "/api/v1/sweeps/"+id+"/trials?"+query.Encode(), nil))
	if said.StatusCode != http.StatusOK {
		return fmt.Sprintf("the trials of %s: %s %s", id, said.Status, data)
	}
	book := t.Book
	t.answer = answer{}
	p.read(said, data, http.StatusOK, &t.answer)
	if t.Book != book {
		t.rows = nil
	}
	t.sent = append(t.sent, len(t.Trials))
	for _, row := range t.Trials {
		i, had := slices.BinarySearchFunc(t.rows, row.Trial, func(r trial, n int) int { return r.Trial - n })
		if !had {
			t.rows = slices.Insert(t.rows, i, row)
		}
		t.rows[i] = row
	}
	return ""
}

// begun is a sweep whose own table has room for so few trials, and that soon
// continues in another history.
func (l *lab) begun(t testing.TB, spec string, room int) string {
	t.Helper()
	parsed := parse(t, spec)
	id := fmt.Sprintf("%s-room-%d", parsed.Name, room)
	_, err := l.runs.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: activities.QueueRuns},
		workflows.NameSweep, workflows.SweepInput{Spec: *parsed, Tabled: room, Events: 60})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (l *lab) end(t testing.TB, id string) {
	t.Helper()
	if err := l.runs.Temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// crowd is a small spec for sweeps, of one pass unless they have rungs.
func crowd(name, search string) string {
	passes := 1 + strings.Count(search, "asha")
	return fmt.Sprintf(`name: %s
network: {arch: mlp, hidden: [4]}
data: {name: digits, train: 128, test: 100}
train: {epochs: 1, batch: 64, optimizer: {sgd: {lr: 0.05}}, seed: 5}
prune: {method: han, schedule: {passes: %d, target: {sparsity: 80%%}}, finetune: {epochs: 1}}
sweep:
%s`, name, passes, search)
}

// alike are the rows as they are but for the sweep's name.
func alike(t *table, id string) []trial {
	rows := slices.Clone(t.rows)
	for i := range rows {
		rows[i].Run = strings.TrimPrefix(rows[i].Run, id)
	}
	return rows
}

// What the table has no room for is told by the store as the table would have.
func TestTrialsBeyondTheTableAreToldAsThoseInIt(t *testing.T) {
	l := theLab(t)
	p := l.dashboard(t)
	for name, search := range map[string]string{
		"grid":  "  search: grid\n  params: {prune.method: [han, random], prune.schedule.target.sparsity: [50%, 70%, 90%]}\n  concurrency: 2\n",
		"seeds": "  search: {random: {trials: 2, seed: 3}}\n  params: {prune.schedule.target.sparsity: {min: 0.5, max: 0.95}}\n  seeds: [1, 2, 3]\n",
		"rungs": "  search: {asha: {by: random, trials: 6, eta: 2, from: 1, seed: 4}}\n  params: {prune.schedule.target.sparsity: {min: 0.5, max: 0.95}}\n  concurrency: 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			spec := crowd("crowd-"+name, search)
			whole := l.finished(t, spec)
			want := p.trials(whole)
			id := l.begun(t, spec, 2)
			live := p.trials(id) // as it goes on
			l.end(t, id)
			// What was looked at just before the end is told for a moment longer.
			told := func() bool {
				return cmp.Equal(alike(want, whole), alike(live, id)) && slices.Equal(live.Front, want.Front)
			}
			for end := time.Now().Add(time.Minute); !told() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				p.catchUp(id, live, 0)
			}
			fresh := l.dashboard(t).trials(id) // and from the store alone
			for how, got := range map[string]*table{"live": live, "at the end": fresh} {
				if diff := cmp.Diff(alike(want, whole), alike(got, id)); diff != "" || len(got.rows) != 6 || got.LeftOut != 0 {
					t.Errorf("%s, with %d left out, less those of the whole table:\n%s", how, got.LeftOut, diff)
				}
				if !slices.Equal(got.Front, want.Front) || !slices.Equal(got.Parameters, want.Parameters) {
					t.Errorf("%s the front is %v over %v, want %v over %v", how, got.Front, got.Parameters, want.Front, want.Parameters)
				}
			}
		})
	}
}

// A trial beyond the table that fails says why, and one that never began too.
func TestFailedTrialsBeyondTheTableSayWhy(t *testing.T) {
	l := theLab(t)
	p := l.dashboard(t)
	id := l.begun(t, crowd("crowd-failed", `  search:
    list: {trials: [{train.optimizer.sgd.lr: 0.05}, {train.optimizer.sgd.lr: 1e30}, {prune.method: slimming}, {train.optimizer.sgd.lr: 0.1}]}
`), 1)
	l.end(t, id)
	got := p.trials(id)
	if len(got.rows) != 4 {
		t.Fatalf("%+v, want 4 trials", got)
	}
	for i, c := range []struct{ state, why string }{
		{workflows.StateDone, ""}, {workflows.StateFailed, "lower the learning rate"}, {workflows.StateFailed, "cannot run"}, {workflows.StateDone, ""},
	} {
		row := got.rows[i]
		if row.State != c.state || !strings.Contains(row.Why, c.why) || (row.Best == nil) != (c.why != "") {
			t.Errorf("trial %d is %+v, want it %s for %q", i, row, c.state, c.why)
		}
	}
}

// A page is sent each trial once, and again only when it has changed.
func TestAPageIsSentWhatIsNew(t *testing.T) {
	l := theLab(t)
	p := l.dashboard(t)
	id := l.begun(t, crowd("crowd-new", "  search: {random: {trials: 8, seed: 9}}\n  params: {prune.schedule.target.sparsity: {min: 0.5, max: 0.95}}\n  concurrency: 1\n"), 3)
	events := p.stream("events?run=" + id)
	var got table
	var books []string
	rows, answers := 0, 0
	for state := ""; state != workflows.StateDone; {
		e, open := <-events
		if !open {
			t.Fatal("the stream ended")
		}
		if e.name != "run" {
			continue
		}
		var v struct {
			State  string
			Sweep  *workflows.SweepResult
			Trials *struct {
				Book    string
				Version int64
			}
		}
		if err := json.Unmarshal([]byte(e.data), &v); err != nil {
			t.Fatal(err)
		}
		if v.Sweep == nil || v.Trials == nil {
			continue
		}
		if state = v.State; v.Sweep.Trials != nil || v.Sweep.UnderWay != nil || v.Sweep.Front != nil {
			t.Errorf("an event has the sweep's trials: %s", e.data)
		}
		if got.Book == v.Trials.Book && got.Version == v.Trials.Version && state != workflows.StateDone {
			continue
		}
		if !slices.Contains(books, v.Trials.Book) {
			books = append(books, v.Trials.Book)
		}
		p.catchUp(id, &got, 0)
		for _, n := range got.sent {
			rows, answers = rows+n, answers+1
		}
	}
	if len(got.rows) != 8 {
		t.Errorf("%d trials, want 8", len(got.rows))
	}
	at, err := l.runs.Temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	if info := at.GetWorkflowExecutionInfo(); info.GetFirstRunId() == info.GetExecution().GetRunId() || len(books) != 1 {
		t.Errorf("the books are %v over the histories from %s to %s, want one over several", books, info.GetFirstRunId(), info.GetExecution().GetRunId())
	}
	// Each was waiting, running, at its dense network, and done.
	if rows > 5*8 {
		t.Errorf("%d rows were sent in %d answers, want each of 8 trials at most five times", rows, answers)
	}
	p.catchUp(id, &got, 0)
	if len(got.rows) != 8 || !slices.Equal(got.sent, []int{0}) {
		t.Errorf("at the end %v rows are sent, want none", got.sent)
	}
	paged := &table{}
	p.catchUp(id, paged, 3)
	if diff := cmp.Diff(got.rows, paged.rows); diff != "" || !slices.Equal(paged.sent, []int{3, 3, 2}) {
		t.Errorf("pages of %v, less the whole:\n%s", paged.sent, diff)
	}
	other := &table{answer: answer{Book: "of a server before", Version: 1000}}
	if p.catchUp(id, other, 0); len(other.rows) != 8 {
		t.Errorf("with another book %d trials are sent, want all 8", len(other.rows))
	}
	for _, query := range []string{"since=-1", "since=x", "limit=0", "limit=10001"} {
		p.refused(http.MethodGet, "sweeps/"+id+"/trials?"+query, "", http.StatusBadRequest)
	}
	p.refused(http.MethodGet, "sweeps/none-such/trials", "", http.StatusNotFound)
}
