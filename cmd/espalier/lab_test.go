package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/workers/local"
	"espalier/workers/runs"
	"espalier/workflows"
)

// smallSpec takes some seconds: long enough to be hit at any point, short
// enough to be run often.
const smallSpec = `name: small
network: {arch: lenet-300-100}
data: {name: digits, train: 6000, test: 1000}
train:
  epochs: 12
  batch: 64
  optimizer: {sgd: {lr: 0.05, momentum: 0.9, weight_decay: 5e-4}}
  schedule: cosine
  seed: 7
prune:
  method: han
  schedule: {passes: 3, target: {sparsity: 90%}, shape: cubic}
  finetune: {epochs: 6}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`

// process is a real espalier process.
type process struct {
	*exec.Cmd
	name      string
	out, errs bytes.Buffer
	ended     chan struct{}
	err       error
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), name: "espalier " + strings.Join(args, " "), ended: make(chan struct{})}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Stdout, p.Stderr = &p.out, &p.errs
	// A test that ends early must leave no process behind.
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.send(syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("%s\n%v\n%s%s", p.name, p.err, p.out.Bytes(), p.errs.Bytes())
		}
	})
	return p
}

// send signals the process; one that has ended already takes no harm.
func (p *process) send(s syscall.Signal) { _ = p.Process.Signal(s) }

// wait waits for the process to end by itself and answers with its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(3 * time.Minute):
		t.Fatalf("%s does not end", p.name)
		return -1
	}
}

// command runs an espalier command to its end.
func command(t *testing.T, args ...string) *process {
	t.Helper()
	p := start(t, args...)
	if code := p.wait(t); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", p.name, code, p.errs.Bytes())
	}
	return p
}

// lab is a home folder with a spec in it.
type lab struct{ home, spec string }

func newLab(t *testing.T, spec string) lab {
	t.Helper()
	l := lab{home: t.TempDir()}
	l.spec = filepath.Join(l.home, "spec.yaml")
	if err := os.WriteFile(l.spec, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("worker.log, without its progress:\n%s", l.told())
		}
	})
	return l
}

// told is the worker log without the lines that tell progress.
func (l lab) told() []byte {
	log, err := os.ReadFile(filepath.Join(l.home, "worker.log"))
	if err != nil {
		return []byte(err.Error())
	}
	var told []byte
scan:
	for line := range bytes.Lines(log) {
		for _, noise := range []string{`"msg":"training"`, `"msg":"checkpoint"`, `"msg":"ExecuteActivity"`} {
			if bytes.Contains(line, []byte(noise)) {
				continue scan
			}
		}
		told = append(told, line...)
	}
	return told
}

func (l lab) args(args ...string) []string {
	return append(args, "--home", l.home, "--log-level", "debug")
}

// run starts `espalier run` on the lab's spec.
func (l lab) run(t *testing.T) *process {
	t.Helper()
	return start(t, l.args("run", l.spec, "--json", "--progress", "none")...)
}

// finish runs the spec to its end.
func (l lab) finish(t *testing.T) *workflows.Result {
	t.Helper()
	return l.result(t, l.run(t))
}

func (l lab) result(t *testing.T, p *process) *workflows.Result {
	t.Helper()
	if code := p.wait(t); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", p.name, code, p.errs.Bytes())
	}
	var r workflows.Result
	if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v in %q", p.name, err, p.out.Bytes())
	}
	return &r
}

// reference is the result of the small spec without any interruption.
var reference = sync.OnceValues(func() (*workflows.Result, error) {
	home, err := os.MkdirTemp("", "espalier-reference-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	spec := filepath.Join(home, "spec.yaml")
	if err := os.WriteFile(spec, []byte(smallSpec), 0o600); err != nil {
		return nil, err
	}
	c := exec.Command(os.Args[0], "run", spec, "--home", home, "--json", "--progress", "none")
	c.Env = append(os.Environ(), asCommand+"=1")
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("uninterrupted run: %w", err)
	}
	var r workflows.Result
	return &r, json.Unmarshal(out, &r)
})

// same checks a result against the uninterrupted one, to the bit.
func same(t *testing.T, got *workflows.Result) {
	t.Helper()
	want, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

func equal(t *testing.T, got, want *workflows.Result) {
	t.Helper()
	if got.Final != want.Final {
		t.Errorf("final checkpoint %s, uninterrupted %s", got.Final, want.Final)
	}
	if len(got.Rows) != len(want.Rows) {
		t.Fatalf("%d rows, want %d", len(got.Rows), len(want.Rows))
	}
	for i := range want.Rows {
		if !reflect.DeepEqual(got.Rows[i], want.Rows[i]) {
			t.Errorf("row %d: %+v, uninterrupted %+v", i, got.Rows[i], want.Rows[i])
		}
	}
}

// eventually polls until done says so; the time is a safety net, not a measure.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// logged counts the lines of the home's worker log that have every part.
func (l lab) logged(t *testing.T, parts ...string) int {
	t.Helper()
	file, err := os.Open(filepath.Join(l.home, "worker.log"))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	count := 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
scan:
	for lines.Scan() {
		for _, part := range parts {
			if !strings.Contains(lines.Text(), part) {
				continue scan
			}
		}
		count++
	}
	return count
}

// store reads the embedded gateway's objects while no server runs.
func (l lab) store(t *testing.T) *checkpoint.Repo {
	t.Helper()
	s, err := dirstore.New(filepath.Join(l.home, "s3", local.Bucket))
	if err != nil {
		t.Fatal(err)
	}
	return &checkpoint.Repo{Store: s}
}

// checkpoints are the files of all checkpoints.
func (l lab) checkpoints(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(l.home, "s3", local.Bucket, "checkpoints", "*.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// journals are the step keys that have one.
func (l lab) journals(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(l.home, "s3", local.Bucket, "manifests"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range entries {
		if e.IsDir() && fs.ValidPath(e.Name()) {
			keys = append(keys, e.Name())
		}
	}
	return keys
}

// entries is a step's journal.
func entries(t *testing.T, r *checkpoint.Repo, key string) []checkpoint.Entry {
	t.Helper()
	var list []checkpoint.Entry
	for e, err := range r.History(context.Background(), key) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// status looks at a run through the command line.
func (l lab) status(t *testing.T, id string) *runs.View {
	t.Helper()
	var v runs.View
	p := command(t, l.args("status", id, "--json")...)
	if err := json.Unmarshal(p.out.Bytes(), &v); err != nil {
		t.Fatalf("%v in %q", err, p.out.Bytes())
	}
	return &v
}

// serve starts `espalier server` on free ports and waits until it answers.
func (l lab) serve(t *testing.T) *process {
	t.Helper()
	p := start(t, l.args("server", "--temporal-port", "0", "--s3-port", "0")...)
	eventually(t, "the server", func() bool {
		_, err := local.Find(l.home)
		return err == nil
	})
	return p
}

// submit submits the lab's spec and answers with the run's id.
func (l lab) submit(t *testing.T) string {
	t.Helper()
	var answer struct{ Run string }
	p := command(t, l.args("submit", l.spec, "--json")...)
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Run
}
