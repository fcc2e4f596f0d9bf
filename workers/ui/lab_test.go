package ui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/engine/gorgonia"
	"espalier/workers"
	"espalier/workers/local"
	"espalier/workers/runs"
	"espalier/workers/ui"
)

const token = "a token of enough bytes"

// lab is a server and a worker that the tests of the package share; a process
// can embed one server at a time.
type lab struct {
	runs  *runs.Client
	repo  *checkpoint.Repo
	home  string
	steps *activities.Steps
	stop  func() error
}

var shared struct {
	sync.Mutex
	*lab
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.lab != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func theLab(t testing.TB) *lab {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.lab == nil {
		l, err := newLab()
		if err != nil {
			t.Fatal(err)
		}
		shared.lab = l
	}
	return shared.lab
}

func newLab() (*lab, error) {
	home, err := os.MkdirTemp("", "espalier-ui")
	if err != nil {
		return nil, err
	}
	stack, err := local.Start(context.Background(), local.Options{Home: home})
	if err != nil {
		return nil, err
	}
	endpoint := stack.Endpoint()
	dialled, err := client.Dial(client.Options{
		HostPort: endpoint.TemporalAddress, Namespace: endpoint.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, err
	}
	store, err := dirstore.New(filepath.Join(home, "store"))
	if err != nil {
		return nil, err
	}
	engine, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(home, "worker.log"))
	if err != nil {
		return nil, err
	}
	l := &lab{runs: &runs.Client{Temporal: dialled, Namespace: endpoint.Namespace}, repo: &checkpoint.Repo{Store: store}, home: home}
	l.steps = &activities.Steps{
		Repo: l.repo, Engine: engine, Worker: workers.Identity(time.Now()), CacheDir: filepath.Join(home, "data"), Log: slog.New(slog.NewJSONHandler(file, nil)),
	}
	ctx, cancel := context.WithCancel(context.Background())
	worked := make(chan error, 1)
	go func() { worked <- workers.New(workers.Options{Client: dialled, Queue: "cpu", Steps: l.steps}).Run(ctx) }()
	l.stop = func() error {
		cancel()
		err := <-worked
		dialled.Close()
		return errors.Join(err, stack.Stop(context.Background()), os.RemoveAll(home))
	}
	return l, nil
}

const tiny = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 3, batch: 64, optimizer: {sgd: {lr: 0.05}}, seed: 5}
prune: {method: han, schedule: {passes: 2, target: {sparsity: 80%}}, finetune: {epochs: 2}}
`

func parse(t testing.TB, text string) *config.Spec {
	t.Helper()
	spec, err := config.Parse("spec.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func (l *lab) submit(t testing.TB, text string) string {
	t.Helper()
	id, err := l.runs.Submit(t.Context(), parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// finished is a run of a spec that has ended. The same spec is the same run.
func (l *lab) finished(t testing.TB, text string) string {
	t.Helper()
	id := l.submit(t, text)
	if err := l.runs.Temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return id
}

// page is a browser that looks at a dashboard.
type page struct {
	testing.TB
	*http.Client
	base string
	csrf string
}

// dashboard is one with its poller, and a page that has logged in.
func (l *lab) dashboard(t testing.TB, change ...func(*ui.Options)) *page {
	t.Helper()
	o := ui.Options{
		Runs: l.runs, Repo: l.repo, Version: "v0", Home: l.home, LogFile: filepath.Join(l.home, "worker.log"),
		User: "ann@dashboard", Token: token, TemporalURL: "http://temporal.example",
	}
	for _, c := range change {
		c(&o)
	}
	s, err := ui.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { s.Run(ctx) })
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() { cancel(); server.CloseClientConnections(); server.Close(); watching.Wait() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{TB: t, Client: &http.Client{Jar: jar}, base: server.URL}
	var in struct{ CSRF string }
	p.post("login", map[string]string{"token": o.Token}, http.StatusOK, &in)
	p.csrf = in.CSRF
	return p
}

// do sends a request, with the session's headers unless they are there.
func (p *page) do(r *http.Request) (*http.Response, []byte) {
	p.Helper()
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if _, given := r.Header["X-Csrf-Token"]; !given {
		r.Header.Set("X-CSRF-Token", p.csrf)
	}
	answer, err := p.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	return answer, data
}

func (p *page) request(method, path string, body io.Reader) *http.Request {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.base+path, body)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// get asks the interface and reads its JSON.
func (p *page) get(path string, into any) {
	p.Helper()
	answer, data := p.do(p.request(http.MethodGet, "/api/v1/"+path, nil))
	p.read(answer, data, http.StatusOK, into)
}

func (p *page) post(path string, in any, status int, into any) {
	p.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		p.Fatal(err)
	}
	answer, data := p.do(p.request(http.MethodPost, "/api/v1/"+path, bytes.NewReader(text)))
	p.read(answer, data, status, into)
}

func (p *page) read(answer *http.Response, data []byte, status int, into any) {
	p.Helper()
	if answer.StatusCode != status {
		p.Fatalf("%s %s: %s %s", answer.Request.Method, answer.Request.URL, answer.Status, data)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(data, into); err != nil {
		p.Fatalf("%s: %v in %s", answer.Request.URL, err, data)
	}
}

// refused asks for what is answered with an error, and has what it says.
func (p *page) refused(method, path string, body string, status int) string {
	p.Helper()
	answer, data := p.do(p.request(method, "/api/v1/"+path, strings.NewReader(body)))
	var said struct{ Error string }
	p.read(answer, data, status, &said)
	if said.Error == "" || strings.Contains(said.Error, "\n") {
		p.Errorf("%s %s: the error is %q, want one sentence", method, path, said.Error)
	}
	return said.Error
}
