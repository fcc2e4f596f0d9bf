package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"espalier/config"
)

// interval is the spec's checkpoint interval: what one fault may repeat.
const interval = 500 * time.Millisecond

// spec is the sweep: small networks, each trial with a training of its own and
// two passes of pruning.
func (o *options) spec() string {
	var seeds strings.Builder
	for i := range (o.trials + 1) / 2 {
		fmt.Fprintf(&seeds, "%d, ", i+1)
	}
	return fmt.Sprintf(`name: chaos
network: {arch: mlp, hidden: [48]}
data: {name: digits, train: 4000, test: 500}
train: {epochs: %d, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, schedule: cosine, seed: 1}
prune:
  method: han
  schedule: {passes: 2, target: {sparsity: 90%%}}
  finetune: {epochs: %d}
durability: {checkpoint_every: %s, heartbeat_timeout: 3s}
sweep:
  search: grid
  params:
    prune.schedule.target.sparsity: [80%%, 90%%]
  seeds: [%s]
  concurrency: 3
`, o.epochs, max(1, o.epochs/3), interval, strings.TrimSuffix(seeds.String(), ", "))
}

// endpoint is what a server's process says of itself.
type endpoint struct {
	TemporalAddress string `json:"temporal_address"`
	S3Endpoint      string `json:"s3_endpoint"`
	AccessKey       string `json:"access_key"`
	SecretKey       string `json:"secret_key"`
}

func readEndpoint(home string) (endpoint, error) {
	var e endpoint
	text, err := os.ReadFile(filepath.Join(home, "server.json"))
	if errors.Is(err, os.ErrNotExist) {
		return e, errNotYet
	}
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

// lab is everything that runs.
type lab struct {
	o      *options
	folder string
	spec   string
	run    string // id of the sweep

	gateway, server, client *process
	workers                 []*process
	store                   *storeProxy
	temporal                *wire
	keys                    endpoint
	disk                    bool // the gateway's home is a disk of its own

	mu     sync.Mutex
	clocks int // clocks handed out
}

func (l *lab) home(name string) string { return filepath.Join(l.folder, name) }

// bucket is the gateway's folder of objects.
func (l *lab) bucket() string { return filepath.Join(l.home("gateway"), "s3", "espalier") }

// base is the environment of every process: one thread, since the bits depend
// on their number.
func base() []string { return append(config.EmbeddedEnviron(), "ESPALIER_THREADS=1") }

// environ leads a worker or a client through the proxies.
func (l *lab) environ() []string {
	return append(l.clock(base()),
		"TEMPORAL_ADDRESS="+l.temporal.address(),
		"ESPALIER_S3=s3://espalier?endpoint="+l.store.address+"&region=us-east-1&tls=false",
		"AWS_ACCESS_KEY_ID="+l.keys.AccessKey, "AWS_SECRET_ACCESS_KEY="+l.keys.SecretKey)
}

// clock gives every life of a process its own jumps, where there is a program
// whose clock can jump: by up to an hour forth, half of that back, and right
// again, since S3 refuses for good whoever's clock is a quarter of an hour off.
func (l *lab) clock(environ []string) []string {
	if l.o.clocked == "" {
		return environ
	}
	l.mu.Lock()
	l.clocks++
	n := l.clocks
	l.mu.Unlock()
	jump := (n * 7919) % 3600
	return append(environ, fmt.Sprintf("CHAOS_CLOCK=%d:%d,%d:%d,%d:0", 2+n%5, jump, 8+n%11, -jump/2, 20+n%7))
}

// program is the one that a role runs. The server's clock stays: a server's
// timers are its clock, so that an hour back would be an hour's wait.
func (l *lab) program(role string) string {
	if l.o.clocked != "" && role != "server" {
		return l.o.clocked
	}
	return l.o.binary
}

// newLab makes the folders and the spec.
func newLab(o *options) (*lab, error) {
	l := &lab{o: o, folder: o.home}
	var err error
	if l.folder == "" {
		l.folder, err = os.MkdirTemp("", "espalier-chaos-")
	} else {
		l.folder, err = filepath.Abs(l.folder)
	}
	if err == nil {
		err = os.MkdirAll(l.home("gateway"), 0o700)
	}
	if err != nil {
		return nil, err
	}
	l.spec = filepath.Join(l.folder, "spec.yaml")
	return l, os.WriteFile(l.spec, []byte(o.spec()), 0o600)
}

// mount gives the gateway a disk of its own, in memory.
func (l *lab) mount() {
	if !l.o.inside {
		return
	}
	l.disk = syscall.Mount("tmpfs", l.home("gateway"), "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", l.o.diskMB)) == nil
}

// remove leaves nothing behind.
func (l *lab) remove() error {
	if l.disk {
		if err := syscall.Unmount(l.home("gateway"), syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount the gateway's disk: %w", err)
		}
	}
	return os.RemoveAll(l.folder)
}

// calm runs the sweep to its end without a fault.
func (l *lab) calm(ctx context.Context) (*swept, error) {
	out, err := l.command(ctx, l.o.binary, base(), "run", l.spec, "--home", l.home("calm"), "--json", "--progress", "none")
	if err != nil {
		return nil, fmt.Errorf("the sweep without faults: %w", err)
	}
	return parseSwept(out)
}

func (l *lab) command(ctx context.Context, program string, environ []string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = environ
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("espalier %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// open starts every process and submits the sweep.
func (l *lab) open(ctx context.Context) error {
	serve := func(name string) *process {
		p := &process{name: name, program: l.program(name), environ: func() []string { return base() },
			args: []string{"server", "--home", l.home(name), "--temporal-port", "0", "--s3-port", "0"}}
		p.ready = func() error { _, err := readEndpoint(l.home(name)); return err }
		return p
	}
	l.gateway, l.server = serve("gateway"), serve("server")
	l.gateway.environ = func() []string { return l.clock(base()) }
	for _, p := range []*process{l.gateway, l.server} {
		if err := p.start(ctx, l.folder); err != nil {
			return err
		}
	}
	var err error
	if l.keys, err = readEndpoint(l.home("gateway")); err != nil {
		return err
	}
	temporal, err := readEndpoint(l.home("server"))
	if err != nil {
		return err
	}
	if l.store, err = newStoreProxy(strings.TrimPrefix(l.keys.S3Endpoint, "http://")); err != nil {
		return err
	}
	if l.temporal, err = newWire(temporal.TemporalAddress); err != nil {
		return err
	}
	for i := range 2 {
		name := fmt.Sprintf("worker-%d", i+1)
		w := &process{name: name, program: l.program(name), environ: l.environ, args: []string{"worker", "--home", l.home(name), "--log-level", "debug"}}
		if err := w.start(ctx, l.folder); err != nil {
			return err
		}
		l.workers = append(l.workers, w)
	}
	if err := l.submit(ctx); err != nil {
		return err
	}
	return l.watch(ctx)
}

// submit hands the sweep in.
func (l *lab) submit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := l.command(ctx, l.o.binary, l.environ(), "submit", l.spec, "--json", "--home", l.home("client"))
	if err != nil {
		return err
	}
	var answer struct{ Run string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return err
	}
	switch l.run {
	case "":
		l.run = answer.Run
	case answer.Run:
	default:
		return fmt.Errorf("the sweep is %s, and submitted again %s", l.run, answer.Run)
	}
	return nil
}

// watch sets a client to watch the sweep.
func (l *lab) watch(ctx context.Context) error {
	l.client = &process{name: "client", program: l.program("client"), environ: l.environ,
		args: []string{"watch", l.run, "--json", "--progress", "none", "--home", l.home("client")}}
	return l.client.start(ctx, l.folder)
}

// status asks for the sweep's state once.
func (l *lab) status(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := l.command(ctx, l.o.binary, l.environ(), "status", l.run, "--json", "--home", l.home("client"))
	if err != nil {
		return "", err
	}
	var v struct{ State string }
	return v.State, json.Unmarshal(out, &v)
}

// control asks something of the sweep.
func (l *lab) control(ctx context.Context, what string, flags ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_, err := l.command(ctx, l.o.binary, l.environ(), append([]string{what, l.run, "--home", l.home("client")}, flags...)...)
	return err
}

// result is what the finished sweep ended with.
func (l *lab) result(ctx context.Context) (*swept, error) {
	out, err := l.command(ctx, l.o.binary, l.environ(), "watch", l.run, "--json", "--progress", "none", "--home", l.home("client"))
	if err != nil {
		return nil, err
	}
	return parseSwept(out)
}

// close stops every process, those that use others first.
func (l *lab) close() {
	for _, p := range append([]*process{l.client}, append(l.workers, l.server, l.gateway)...) {
		if p != nil && p.done != nil {
			p.end()
		}
	}
}

// quiet takes what the proxies' libraries have to say.
func quiet() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) }

// tell writes a line with the time of day.
func tell(out io.Writer, format string, args ...any) {
	fmt.Fprintf(out, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
