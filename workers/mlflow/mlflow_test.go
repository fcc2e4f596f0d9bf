package mlflow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/workers/mlflow"
	"espalier/workers/mlflow/mlflowtest"
)

func each(all ...mlflow.Run) iter.Seq2[mlflow.Run, error] {
	return func(yield func(mlflow.Run, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// grown is a run after some passes.
func grown(passes int) mlflow.Run {
	r := mlflow.Run{
		ID: "tiny-1", Name: "tiny-1", Status: mlflow.StatusRunning,
		Params: []mlflow.Pair{{Key: "train.batch", Value: "64"}}, Tags: []mlflow.Pair{{Key: "espalier.state", Value: fmt.Sprint(passes)}},
	}
	for step := range passes {
		r.Points = append(r.Points, mlflow.Point{Key: "accuracy_share", Value: 1 / float64(step+3), Step: step}, mlflow.Point{Key: "weights", Value: 1e9 + 1, Step: step})
	}
	return r
}

func client(s *mlflowtest.Server) *mlflow.Client {
	return &mlflow.Client{URL: s.URL, Pause: time.Nanosecond}
}

func TestWhatWasWrittenIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	s := mlflowtest.New(t)
	for i, passes := range []int{1, 1, 3, 3} {
		e, err := client(s).Export(t.Context(), "tiny", each(grown(passes)))
		if err != nil {
			t.Fatal(err)
		}
		want := mlflow.Exported{Experiment: "tiny", ExperimentID: "1", URL: s.URL + "/#/experiments/1", Runs: 1, Created: []int{1, 0, 0, 0}[i], Points: []int{2, 0, 4, 0}[i]}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("export %d (-want +got)\n%s", i, diff)
		}
	}
	done := grown(3)
	done.Status = mlflow.StatusFinished
	if _, err := client(s).Export(t.Context(), "tiny", each(done)); err != nil {
		t.Fatal(err)
	}
	runs := s.Runs()
	if len(runs) != 1 || len(runs[0].Points) != 6 || runs[0].Status != mlflow.StatusFinished || runs[0].End == 0 || runs[0].Tags["espalier.state"] != "3" {
		t.Errorf("the server has %d runs, the first %+v", len(runs), runs[0])
	}
}

func TestARunWithOtherNumbersIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*mlflow.Run){
		"has train.batch \"64\", and it is \"65\"; delete":               func(r *mlflow.Run) { r.Params[0].Value = "65" },
		"has accuracy_share at step 0 0.3333333333333333, and it is 0.5": func(r *mlflow.Run) { r.Points[0].Value = 0.5 },
	}
	for want, change := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := mlflowtest.New(t)
			if _, err := client(s).Export(t.Context(), "tiny", each(grown(1))); err != nil {
				t.Fatal(err)
			}
			other, next := grown(1), grown(1)
			change(&other)
			next.ID = "tiny-2"
			e, err := client(s).Export(t.Context(), "tiny", each(other, next))
			var conflict *mlflow.ConflictError
			if !errors.As(err, &conflict) || !strings.Contains(err.Error(), want) || e.Runs != 1 {
				t.Errorf("wrote %+v: %v", e, err)
			}
			if runs := s.Runs(); len(runs) != 2 || runs[0].Params["train.batch"] != "64" || len(runs[0].Points) != 2 {
				t.Errorf("the server has %d runs, the first %+v", len(runs), runs[0])
			}
		})
	}
}

func TestTrialsAreChildrenOfTheirSweep(t *testing.T) {
	t.Parallel()
	s := mlflowtest.New(t)
	trial := grown(1)
	trial.Parent = "sweep"
	for range 2 {
		if _, err := client(s).Export(t.Context(), "tiny", each(mlflow.Run{ID: "sweep", Status: mlflow.StatusFinished}, trial)); err != nil {
			t.Fatal(err)
		}
	}
	if runs := s.Runs(); len(runs) != 2 || runs[1].Tags["mlflow.parentRunId"] != runs[0].ID {
		t.Errorf("the server has %d runs, the first %+v", len(runs), runs[0])
	}
}

// Requests stay within MLflow's limits, which the server keeps, and nothing is
// lost or doubled on the way.
func TestLongRunsAreSplit(t *testing.T) {
	t.Parallel()
	s := mlflowtest.New(t)
	r := mlflow.Run{ID: "long", Status: mlflow.StatusFinished}
	for i := range 250 {
		r.Params = append(r.Params, mlflow.Pair{Key: fmt.Sprint("p", i), Value: strings.Repeat("\"", 7000)})
		r.Tags = append(r.Tags, mlflow.Pair{Key: fmt.Sprint("t", i), Value: strings.Repeat("é", 4000)})
	}
	for step := range 300 {
		for m := range 9 {
			r.Points = append(r.Points, mlflow.Point{Key: fmt.Sprint("m", m, strings.Repeat("x", 300)), Value: float64(step), Step: step})
		}
	}
	if _, err := client(s).Export(t.Context(), "long", each(r)); err != nil {
		t.Fatal(err)
	}
	got := s.Runs()[0]
	if len(got.Params) != 250 || len(got.Tags) != 252 || len(got.Points) != 2700 || got.Tags["t9"] != strings.Repeat("é", 2500) {
		t.Errorf("the server has %d params, %d tags and %d points", len(got.Params), len(got.Tags), len(got.Points))
	}
}

// Wherever an answer is lost or a request fails, there is one run in the end.
func TestPassingFaultsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"experiments/get-by-name", "experiments/create", "runs/create", "runs/search", "runs/update"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(call, after), func(t *testing.T) {
				t.Parallel()
				s := mlflowtest.New(t)
				left := 3
				s.Answer = func(asked string) (int, bool) {
					if asked != call || left == 0 {
						return 0, false
					}
					left--
					return http.StatusServiceUnavailable, after
				}
				done := grown(2)
				done.Status = mlflow.StatusFinished
				if _, err := client(s).Export(t.Context(), "tiny", each(done)); err != nil {
					t.Fatal(err)
				}
				if runs := s.Runs(); len(runs) != 1 || runs[0].Status != mlflow.StatusFinished || len(runs[0].Points) != 4 || left == 3 {
					t.Errorf("the server has %d runs, the first %+v, and %d faults are left", len(runs), runs[0], left)
				}
			})
		}
	}
}

// An export that was cut off goes on where it was.
func TestAnExportThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	s := mlflowtest.New(t)
	batches := 0
	s.Answer = func(call string) (int, bool) {
		if call != "runs/log-batch" {
			return 0, false
		}
		if batches++; batches == 2 {
			return http.StatusTeapot, false
		}
		return 0, false
	}
	if _, err := client(s).Export(t.Context(), "tiny", each(grown(800))); err == nil {
		t.Fatal("no error")
	}
	e, err := client(s).Export(t.Context(), "tiny", each(grown(800)))
	if err != nil {
		t.Fatal(err)
	}
	if runs := s.Runs(); len(runs) != 1 || len(runs[0].Points) != 1600 || e.Created != 0 {
		t.Errorf("wrote %+v", e)
	}
}

func TestErrorsSayWhatHelps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*mlflowtest.Server, *mlflow.Client)
		tries  int
		want   string
	}{
		"not let in": {func(s *mlflowtest.Server, _ *mlflow.Client) { s.Authorization = "Bearer hush" }, 1,
			"MLflow: GET experiments/get-by-name: 401 Unauthorized; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"},
		"another address": {func(_ *mlflowtest.Server, c *mlflow.Client) { c.URL += "/elsewhere" }, 0,
			"MLflow: GET experiments/get-by-name: 404 Not Found; is this the address of a tracking server?"},
		"a login page": {func(s *mlflowtest.Server, _ *mlflow.Client) {
			s.Answer = func(string) (int, bool) { return http.StatusFound, false }
		}, 1, "MLflow: GET experiments/get-by-name: 302 Found; is this the address of a tracking server?"},
		"down for good": {func(s *mlflowtest.Server, _ *mlflow.Client) {
			s.Answer = func(string) (int, bool) { return http.StatusBadGateway, false }
		}, 5, "MLflow: GET experiments/get-by-name: 502 Bad Gateway"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mlflowtest.New(t)
			c := client(s)
			test.change(s, c)
			_, err := c.Export(t.Context(), "tiny", each(grown(1)))
			if err == nil || err.Error() != test.want || len(s.Calls()) != test.tries {
				t.Errorf("after %d tries: %v", len(s.Calls()), err)
			}
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	c := &mlflow.Client{URL: "http://" + listener.Addr().String(), Pause: time.Nanosecond}
	if _, err := c.Export(t.Context(), "tiny", each()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a server that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Export(ctx, "tiny", each()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestServersAreAskedWithTheNameOrTheToken(t *testing.T) {
	t.Parallel()
	for want, auth := range map[string]config.MLflow{
		"":                   {},
		"Bearer hush":        {Token: config.NewSecret("hush")},
		"Basic bWU6c2VjcmV0": {User: "me", Password: config.NewSecret("secret"), Token: config.NewSecret("hush")},
	} {
		s := mlflowtest.New(t)
		s.Authorization = want
		c := client(s)
		c.Auth = auth
		if _, err := c.Export(t.Context(), "tiny", each(grown(1))); err != nil {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestNamesAreThoseThatMLflowAllows(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"prune.schedule.target": "prune.schedule.target", "layers/conv 1-a_b": "layers/conv 1-a_b",
		"top@5 %": "top_5 _", "a//b": "a__b", "/a": "_a", "a/../b": "a_.._b", "": "_", "..": "_..", "...a": "_...a", "ü": "_",
	} {
		got := mlflow.Name(in)
		if got != want || path.Clean(got) != got {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
	if got := mlflow.Name(strings.Repeat("a", 300)); len(got) != 250 {
		t.Errorf("a long name has %d bytes", len(got))
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://localhost:5000", "https://example.org/mlflow/"} {
		if err := mlflow.CheckURL(address); err != nil {
			t.Error(err)
		}
	}
	for _, address := range []string{"", "localhost:5000", "ftp://example.org", "http://me:hush@example.org", "http://a?b=c", "http://a/#b", "sqlite:///a.db"} {
		if err := mlflow.CheckURL(address); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
