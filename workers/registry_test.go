package workers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/workers"
)

func TestWorkersAreListedWhileTheyLive(t *testing.T) {
	t.Parallel()
	store, err := dirstore.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	repo := &checkpoint.Repo{Store: store}
	r := workers.Record{Identity: "espalier@gpu-1.example#12@34", Queues: []workers.Served{{Queue: "gpu", Slots: 2}}, Version: "1"}
	ctx, leave := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() { workers.Announce(ctx, repo, r, func(err error) { t.Error(err) }) })
	alive := func(string) bool { return false }
	listed := func(dead func(string) bool) []workers.Record {
		live, err := workers.Live(t.Context(), repo, dead)
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	for len(listed(alive)) == 0 {
		time.Sleep(time.Millisecond)
	}
	got := listed(alive)[0]
	got.Seen = time.Time{}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	if left := listed(func(string) bool { return true }); len(left) > 0 {
		t.Errorf("dead workers are listed: %v", left)
	}
	leave()
	gone.Wait()
	if left := listed(alive); len(left) > 0 {
		t.Errorf("workers that left are listed: %v", left)
	}
	// One that was killed leaves its record, which gets old.
	r.Seen = time.Now().Add(-time.Minute)
	if err := repo.PutJSON(t.Context(), "workers/killed.json", r); err != nil {
		t.Fatal(err)
	}
	if left := listed(alive); len(left) > 0 {
		t.Errorf("silent workers are listed: %v", left)
	}
}

func TestPlacedSaysWhyNoWorkerTakesAStep(t *testing.T) {
	t.Parallel()
	live := []workers.Record{
		{Identity: "a", Queues: []workers.Served{{Queue: "cpu"}}, Has: activities.Capability{Cores: 2}},
		{Identity: "b", Queues: []workers.Served{{Queue: "cpu"}, {Queue: "gpu"}}, Has: activities.Capability{Cores: 8, Trainers: []string{"pytorch"}, GPUs: []activities.GPU{{UUID: "x", Memory: 40}}}},
	}
	for name, test := range map[string]struct {
		queue string
		needs *activities.Needs
		want  string
	}{
		"any":            {"cpu", nil, ""},
		"one has it":     {"cpu", &activities.Needs{Demands: &config.Resources{Cores: 4}}, ""},
		"nobody serves":  {"tpu", nil, "no live worker serves queue tpu; start one with: espalier worker --queue tpu"},
		"nobody has it":  {"cpu", &activities.Needs{Demands: &config.Resources{Cores: 16}}, "of a: it has 2 cores of 16; of b: it has 8 cores of 16"},
		"the wrong one":  {"gpu", &activities.Needs{Trainer: "jax"}, "of b: it does not allow trainer jax"},
		"its GPU is new": {"gpu", &activities.Needs{Trainer: "pytorch", Demands: &config.Resources{GPUs: 1, GPUMemory: 40}}, ""},
	} {
		got := workers.Placed(live, test.queue, test.needs)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestReadGPUsAsNvidiaSMIWritesThem(t *testing.T) {
	t.Parallel()
	got, err := workers.ReadGPUs("GPU-5f0a, NVIDIA H200, 143771\nGPU-77, \"NVIDIA A100, PCIe\", 40960\nMIG-1\n")
	want := []activities.GPU{{UUID: "GPU-5f0a", Name: "NVIDIA H200", Memory: 143771.0 / 1024}, {UUID: "GPU-77", Name: "NVIDIA A100, PCIe", Memory: 40}, {UUID: "MIG-1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{", name, 1", "a, b, much", "a\na", "a, b, -1"} {
		if got, err := workers.ReadGPUs(bad); err == nil {
			t.Errorf("ReadGPUs(%q) = %v, want an error", bad, got)
		}
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"": false, "FALSE": false, "NONE\n": false, "TRUE": true, "TERMINATE_ON_HOST_MAINTENANCE": true,
		`{"action": "terminate", "time": "2026-11-29T00:00:00Z"}`: true,
		`{"DocumentIncarnation": 1, "Events": []}`:                false,
		`{"Events": [{"EventType": "Reboot"}]}`:                   false,
		`{"Events": [{"EventType": "Preempt"}]}`:                  true,
	} {
		if got := workers.Noticed(body); got != want {
			t.Errorf("Noticed(%q) = %t", body, got)
		}
	}
	for source, ok := range map[string]bool{"/run/notice": true, "http://169.254.169.254/x": true, "": false, "ftp://x/y": false, "http://": false} {
		if err := workers.CheckNotice(source); (err == nil) != ok {
			t.Errorf("CheckNotice(%q) = %v", source, err)
		}
	}
}

// The metadata service of Amazon wants a token, and says 404 until the notice.
func TestAwaitNoticeOfAURLAndOfAFile(t *testing.T) {
	t.Parallel()
	asked := 0
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("let-me-in")) })
	mux.HandleFunc("GET /latest/meta-data/spot/instance-action", func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case r.Header.Get("X-aws-ec2-metadata-token") != "let-me-in":
			w.WriteHeader(http.StatusUnauthorized)
		case asked == 1:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(`{"action": "stop"}`))
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	if said := workers.AwaitNotice(t.Context(), server.URL+"/latest/meta-data/spot/instance-action"); !strings.Contains(said, "stop") || asked != 2 {
		t.Errorf("%q after %d questions, want the action at the second", said, asked)
	}
	file := filepath.Join(t.TempDir(), "notice")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := workers.AwaitNotice(t.Context(), file); !strings.Contains(said, file) {
		t.Errorf("%q, want the file named", said)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if said := workers.AwaitNotice(ended, file+".not"); said != "" {
		t.Errorf("%q without a notice", said)
	}
}
