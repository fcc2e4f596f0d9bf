package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/engine/gorgonia"
	"espalier/workers/telemetry"
)

func begin(t *testing.T, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	told := &telemetry.Telemetry{}
	if err := told.Begin(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(told.Close)
	return told
}

// scraped is what Prometheus reads.
type scraped struct {
	kinds  map[string]string  // by metric
	values map[string]float64 // by metric and labels
}

func scrape(t *testing.T, address string) scraped {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", address, answer.Status, err)
	}
	s := scraped{map[string]string{}, map[string]float64{}}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		s.kinds[m[1]] = m[2]
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][^ #]*(?:\{.*\})?) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		if s.values[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
	return s
}

// holds checks values, each by metric and labels.
func (s scraped) holds(t *testing.T, want map[string]float64) {
	t.Helper()
	got := map[string]float64{}
	for name := range want {
		if v, ok := s.values[name]; ok {
			got[name] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// steps are a worker's, over a folder and the real engine.
func steps(t *testing.T, told *telemetry.Telemetry) *activities.Steps {
	t.Helper()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &activities.Steps{
		Repo: &checkpoint.Repo{Store: store, Damaged: told.Damaged}, Engine: engine, Worker: "test", Version: "test",
		Log: slog.New(slog.DiscardHandler), Observer: told.Observer(),
	}
}

var (
	digits = config.Data{Name: "digits", Train: 640, Test: 200}
	sgd    = config.Train{
		Epochs: 3, Batch: 64, Seed: 1, Schedule: config.Schedule{Kind: "constant"},
		Optimizer: config.Optimizer{SGD: &config.SGD{LR: 0.05}},
	}
)

// trained prepares and trains a small network.
func trained(t *testing.T, s *activities.Steps, how config.Train) (activities.StepResult, error) {
	t.Helper()
	head := activities.Head{Run: "r", Durability: config.Durability{
		CheckpointEvery: config.Duration(time.Hour), HeartbeatTimeout: config.Duration(time.Second),
	}}
	prepared, err := s.Prepare(t.Context(), activities.PrepareInput{Head: head, Network: config.Network{Arch: "mlp", Hidden: []int{16}}, Data: digits, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	head.Parent = prepared.Checkpoint
	return s.Perform(t.Context(), activities.NameTrain, activities.TrainInput{Head: head, Data: digits, DataDigest: prepared.DataDigest, Train: how})
}

func TestStepsAreCounted(t *testing.T) {
	t.Parallel()
	told := begin(t, telemetry.Options{Version: "1.2", Metrics: true})
	s := steps(t, told)
	for range 2 { // the second finds what the first has done
		if _, err := trained(t, s, sgd); err != nil {
			t.Fatal(err)
		}
	}
	hot := sgd
	hot.Optimizer = config.Optimizer{SGD: &config.SGD{LR: 1e20}}
	if _, err := trained(t, s, hot); err == nil {
		t.Fatal("a training of rate 1e20 converged")
	}
	at, err := told.Serve("0")
	if err != nil {
		t.Fatal(err)
	}
	got := scrape(t, at)
	got.holds(t, map[string]float64{
		`espalier_build_info{version="1.2"}`:                                1,
		`espalier_steps_started_total{activity="Prepare"}`:                  3,
		`espalier_steps_started_total{activity="Train"}`:                    3,
		`espalier_steps_done_total{activity="Train",how="computed"}`:        1,
		`espalier_steps_done_total{activity="Train",how="reused"}`:          1,
		`espalier_steps_failed_total{activity="Train",failure="Diverged"}`:  1,
		`espalier_steps_running{activity="Train"}`:                          0,
		`espalier_step_seconds_count{activity="Train"}`:                     1,
		`espalier_step_attempts_sum{activity="Train"}`:                      1,
		`espalier_step_part_seconds_count{activity="Train",part="compute"}`: 2,
		`espalier_training_epochs_total{activity="Train"}`:                  3,
		`espalier_training_repeated_batches_total{activity="Train"}`:        0,
	})
	if n := got.values[`espalier_training_batches_total{activity="Train"}`]; n < 30 {
		t.Errorf("%g batches are counted, want the 30 of three epochs and those until the other diverged", n)
	}
}

func at(step int64, epoch int) checkpoint.Cursor { return checkpoint.Cursor{Step: step, Epoch: epoch} }

// What attempts tell adds up, whatever the order in which it comes.
func TestTrainingIsCountedOnce(t *testing.T) {
	t.Parallel()
	told := begin(t, telemetry.Options{Metrics: true})
	_, one := told.Observer().Begin(t.Context(), activities.Begun{Activity: "Train", Attempt: 2})
	tell := func(c checkpoint.Cursor) {
		one.Progress(activities.Progress{Cursor: c, Epochs: 4, Rate: 1000, Loss: 0.25, SavedAt: time.Now().Add(-time.Minute)})
	}
	tell(at(100, 1)) // where it goes on from
	one.Resumed(100, 7)
	for _, c := range []checkpoint.Cursor{at(100, 1), at(130, 1), at(120, 1), at(150, 2)} {
		tell(c)
	}
	_, end := one.Part(t.Context(), activities.PartCommit)
	end(4096, nil)
	_, end = one.Part(t.Context(), activities.PartCommit)
	end(1, errors.New("no room"))
	address, err := told.Serve("0")
	if err != nil {
		t.Fatal(err)
	}
	got := scrape(t, address)
	got.holds(t, map[string]float64{
		`espalier_training_batches_total{activity="Train"}`:          50,
		`espalier_training_epochs_total{activity="Train"}`:           1,
		`espalier_training_repeated_batches_total{activity="Train"}`: 7,
		`espalier_steps_resumed_total{activity="Train"}`:             1,
		`espalier_training_images_per_second{activity="Train"}`:      1000,
		`espalier_training_loss{activity="Train"}`:                   0.25,
		`espalier_steps_running{activity="Train"}`:                   1,
		`espalier_checkpoint_bytes_total`:                            4096,
		`espalier_checkpoint_seconds_count`:                          1,
	})
	if age := got.values["espalier_checkpoint_age_seconds"]; age < 60 || age > 120 {
		t.Errorf("the checkpoint is %g s old, want a minute", age)
	}
	one.End(activities.Ended{})
	scrape(t, address).holds(t, map[string]float64{
		`espalier_step_attempts_sum{activity="Train"}`: 2,
		`espalier_steps_running{activity="Train"}`:     0,
		`espalier_checkpoint_age_seconds`:              0,
	})
}

// requests asks a store that answers 503 to every first try, and tries twice.
func requests(t *testing.T, told *telemetry.Telemetry) (ask func(method, path, body string)) {
	t.Helper()
	tried := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Method + r.URL.String(); !tried[name] {
			tried[name] = true
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "12345")
	}))
	t.Cleanup(server.Close)
	c := &http.Client{Transport: told.Transport(http.DefaultTransport)}
	return func(method, path, body string) {
		t.Helper()
		for range 2 {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		}
	}
}

func TestStoreRequestsAreCounted(t *testing.T) {
	t.Parallel()
	told := begin(t, telemetry.Options{Metrics: true})
	ask := requests(t, told)
	ask("GET", "/b/checkpoints/x", "")
	ask("PUT", "/b/checkpoints/x", "body")
	ask("PUT", "/b/checkpoints/x?partNumber=1&uploadId=u", "part one")
	ask("POST", "/b/checkpoints/x?uploads=", "")
	ask("HEAD", "/b/checkpoints/x", "")
	ask("GET", "/b/?list-type=2&prefix=steps", "")
	ask("DELETE", "/b/checkpoints/x", "")
	told.Damaged("checkpoints/x")
	at, err := told.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"espalier_store_damaged_objects_total": 1,
		"espalier_store_sent_bytes_total":      2 * float64(len("body")+len("part one")),
		"espalier_store_received_bytes_total":  6 * float64(len("12345")+len("later\n")),
	}
	for _, operation := range []string{"get", "put", "part", "multipart", "stat", "list", "delete"} {
		want[fmt.Sprintf(`espalier_store_requests_total{operation=%q,status="5xx"}`, operation)] = 1
		want[fmt.Sprintf(`espalier_store_requests_total{operation=%q,status="2xx"}`, operation)] = 1
		want[fmt.Sprintf(`espalier_store_retries_total{operation=%q}`, operation)] = 1
		want[fmt.Sprintf(`espalier_store_request_seconds_count{operation=%q}`, operation)] = 2
	}
	scrape(t, at).holds(t, want)
}

func TestWhatIsOffCostsNothing(t *testing.T) {
	t.Parallel()
	told := begin(t, telemetry.Options{})
	if told.Observer() != nil {
		t.Error("steps are observed, and nobody asks")
	}
	if next := http.DefaultTransport; told.Transport(next) != next {
		t.Error("requests are heard, and nobody asks")
	}
	told.Serving("cpu", 1)
	told.Damaged("x")
	if _, err := told.Serve("0"); err == nil {
		t.Error("metrics are served without any")
	}
	ctx, end := told.Command(context.Background(), "x")
	end(nil)
	if ctx != context.Background() {
		t.Error("a command has a span, and nobody asks")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"9464": true, ":9464": true, "127.0.0.1:9464": true, "0.0.0.0:0": true, "[::1]:9464": true, "localhost:9464": true,
		"": false, "x": false, "65536": false, "-1": false, "here:9464": false, "1.2.3.4": false, "::1:9464": false, "1.2.3.4:": false,
	} {
		if err := telemetry.CheckAddress(address); (err == nil) != good {
			t.Errorf("CheckAddress(%q) = %v, want good %t", address, err, good)
		}
	}
	one, other := begin(t, telemetry.Options{Metrics: true}), begin(t, telemetry.Options{Metrics: true})
	at, err := one.Serve("0")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(at, "http://127.0.0.1:") {
		t.Errorf("metrics are served at %s, want this machine alone", at)
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/metrics")
	if _, err := other.Serve(taken); err == nil || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Serve where another does = %v, want an error that says so", err)
	}
}
