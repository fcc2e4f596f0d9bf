package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"espalier/config"
	"espalier/workers/local"
)

// oneSecondSpec takes about that long.
const oneSecondSpec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 64, optimizer: {sgd: {lr: 0.05}}}
prune:
  method: han
  schedule: {passes: 2, target: {sparsity: 80%}}
  finetune: {epochs: 1}
durability: {checkpoint_every: 250ms, heartbeat_timeout: 2s}
`

// mistake is something wrong and what is said about it.
type mistake struct {
	args []string
	env  []string // NAME=value
	code int
	want []string // regular expressions, one for each line of standard error
}

// check runs the command in folder and holds every line that it prints
// against what is wanted: nothing more may come out, no stack trace, no log.
func (m mistake) check(t *testing.T, folder string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, os.Args[0], m.args...)
	c.Dir, c.Stderr = folder, &errs
	c.Env = append(append(config.EmbeddedEnviron(), asCommand+"=1"), m.env...)
	name := strings.Join(append(slices.Clone(m.env), m.args...), " ")
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	if code := c.ProcessState.ExitCode(); code != m.code {
		t.Errorf("%s: exit code %d, want %d", name, code, m.code)
	}
	lines := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n")
	if len(lines) != len(m.want) {
		t.Errorf("%s: %d lines, want %d:\n%s", name, len(lines), len(m.want), errs.Bytes())
		return
	}
	for i, line := range lines {
		if !regexp.MustCompile("^" + m.want[i] + "$").MatchString(line) {
			t.Errorf("%s: line %d is\n%s\nwant\n%s", name, i+1, line, m.want[i])
		}
	}
}

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// with is the tiny spec with parts replaced.
func with(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(oneSecondSpec) }

func TestBadCommandLine(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{"tiny.yaml": oneSecondSpec})
	for name, m := range map[string]mistake{
		"unknown command":      {args: []string{"rnu", "tiny.yaml"}, want: []string{`espalier: unknown command "rnu" \(did you mean run\?\); see: espalier --help`}},
		"unknown help":         {args: []string{"help", "nothing"}, want: []string{`espalier: unknown command "nothing"; see: espalier --help`}},
		"unknown flag":         {args: []string{"run", "--fast", "tiny.yaml"}, want: []string{`espalier: unknown flag: --fast; see: espalier run --help`}},
		"no argument":          {args: []string{"run"}, want: []string{`espalier: run: SPEC is missing; see: espalier run --help`}},
		"many arguments":       {args: []string{"run", "a.yaml", "b.yaml"}, want: []string{`espalier: run: "b.yaml" is one argument too many; see: espalier run --help`}},
		"list of something":    {args: []string{"list", "runs"}, want: []string{`espalier: list: "runs" is one argument too many; see: espalier list --help`}},
		"flag of no number":    {args: []string{"list", "--limit", "all"}, want: []string{`espalier: invalid argument "all" for "--limit" flag: .*; see: espalier list --help`}},
		"limit of 0":           {args: []string{"list", "--limit", "0"}, want: []string{`espalier: --limit 0: at least 1 is allowed`}},
		"kills of 0":           {args: []string{"verify-resume", "tiny.yaml", "--kills", "0"}, want: []string{`espalier: --kills 0: at least 1 is allowed`}},
		"slots of 0":           {args: []string{"worker", "--slots", "0"}, want: []string{`espalier: --slots 0: at least 1 is allowed`}},
		"files of nowhere":     {args: []string{"worker", "--files", "/nowhere"}, want: []string{`espalier: --files /nowhere: a folder of this machine is allowed`}},
		"negative grace":       {args: []string{"gc", "--grace", "-1s"}, want: []string{`espalier: --grace -1s: at least 0s is allowed`}},
		"impossible queue":     {args: []string{"worker", "--queue", "my queue"}, want: []string{`espalier: --queue "my queue" does not match \[a-z0-9\].*`}},
		"slots of a queue":     {args: []string{"worker", "--queue", "cpu=0"}, want: []string{`espalier: --queue "cpu=0": slots are a whole number of at least 1`}},
		"a queue twice":        {args: []string{"worker", "--queue", "cpu", "--queue", "cpu=2"}, want: []string{`espalier: --queue cpu is given twice`}},
		"cores of -1":          {args: []string{"worker", "--cores", "-1"}, want: []string{`espalier: --cores -1: at least 0 is allowed`}},
		"short drain":          {args: []string{"worker", "--drain-within", "1ms"}, want: []string{`espalier: --drain-within 1ms: at least 1s is allowed`}},
		"notice of ftp":        {args: []string{"worker", "--drain-notice", "ftp://here"}, want: []string{`espalier: --drain-notice "ftp://here" is no file and no http URL`}},
		"half a version":       {args: []string{"worker", "--deployment", "x"}, want: []string{`espalier: --deployment and --version-name: only one of the two is given; want both or neither`}},
		"promoted nothing":     {args: []string{"worker", "--promote"}, want: []string{`espalier: --promote wants --deployment and --version-name`}},
		"GPU of no memory":     {args: []string{"worker", "--gpu", "a,b,much"}, want: []string{`espalier: --gpu: GPU a: memory "much" is not a number of MiB`}},
		"trainer of no =":      {args: []string{"worker", "--trainer", "pytorch"}, want: []string{`espalier: --trainer "pytorch": want NAME=COMMAND`}},
		"trainer of no ...":    {args: []string{"run", "tiny.yaml", "--trainer", "x=no-such-program -y"}, want: []string{`espalier: --trainer "x=no-such-program -y": exec: "no-such-program": executable file not found in \$PATH`}},
		"trainer's path":       {args: []string{"worker", "--trainer", "../x=sh"}, want: []string{`espalier: --trainer "../x=sh": "../x" does not match .*`}},
		"trainer's words":      {args: []string{"worker", "--trainer", "x=[1]"}, want: []string{`espalier: --trainer "x=\[1\]": the command is no JSON list of words: .*`}},
		"files of nothing":     {args: []string{"files", "nothing"}, want: []string{`espalier: nothing is no run and no digest \(its first 4 to 64 digits, 0-9 and a-f\)`}},
		"impossible port":      {args: []string{"server", "--s3-port", "70000"}, want: []string{`espalier: --s3-port 70000: 1 to 65535 are allowed, and 0 for a free one`}},
		"impossible bind":      {args: []string{"server", "--bind", "here"}, want: []string{`espalier: --bind "here": an IP address of this machine is allowed, as 127.0.0.1 or 0.0.0.0`}},
		"metrics of a name":    {args: []string{"worker", "--metrics", "here:9464"}, want: []string{`espalier: --metrics "here:9464": a port is allowed, as 9464, or an IP address and a port, as 0.0.0.0:9464`}},
		"metrics of no port":   {args: []string{"run", "tiny.yaml", "--metrics", "99999"}, want: []string{`espalier: --metrics "99999": a port is allowed, as 9464, or an IP address and a port, as 0.0.0.0:9464`}},
		"dashboard of a name":  {args: []string{"dashboard", "--address", "here:8790"}, want: []string{`espalier: --address "here:8790": IP:PORT is allowed, as 127.0.0.1:8790; port 0 takes a free one`}},
		"dashboard for all":    {args: []string{"dashboard", "--address", "0.0.0.0:8790"}, want: []string{`espalier: --address 0.0.0.0:8790 can be reached by other machines, so it needs --token-file of espalier dashboard, a file with a secret of 16 bytes at least`}},
		"Temporal's interface": {args: []string{"dashboard", "--temporal-ui", "localhost:8233"}, want: []string{`espalier: --temporal-ui "localhost:8233": an address as http://localhost:8233 is allowed`}},
		"log level":            {args: []string{"list", "--log-level", "loud"}, want: []string{`espalier: --log-level "loud": debug, info, warn and error are allowed`}},
		"log format":           {args: []string{"list", "--log-format", "xml"}, want: []string{`espalier: --log-format "xml": json and text are allowed`}},
		"progress":             {args: []string{"run", "tiny.yaml", "--progress", "bar"}, want: []string{`espalier: --progress "bar": auto, live, plain, json and none are allowed`}},
		"no bundle":            {args: []string{"reproduce", "none.tar"}, want: []string{`espalier: none.tar: no such file or directory`}},
		"all and a step":       {args: []string{"reproduce", "none.tar", "--all", "--step", "3f9a"}, want: []string{`espalier: --all and --step exclude each other; see: espalier reproduce --help`}},
		"unknown shell":        {args: []string{"completion", "tcsh"}, want: []string{`espalier: completion: shell "tcsh": bash, zsh, fish, powershell are allowed`}},
		"threads":              {args: []string{"version"}, env: []string{"ESPALIER_THREADS=many"}, want: []string{`espalier: environment: ESPALIER_THREADS: "many" is not a whole number from 0 \(all cores\) to 1024`}},
		"traces nowhere":       {args: []string{"version"}, env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}, want: []string{`espalier: environment: OTEL_EXPORTER_OTLP_ENDPOINT: the address of a collector is allowed, as http://localhost:4318`}},
		"traces by gRPC":       {args: []string{"version"}, env: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, want: []string{`espalier: environment: OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not http/protobuf, which collectors take on port 4318`}},
		"store":                {args: []string{"version"}, env: []string{"ESPALIER_S3=runs"}, want: []string{`espalier: environment: ESPALIER_S3: scheme "" is not s3; its form is s3://.*`}},
		"half of the keys":     {args: []string{"version"}, env: []string{"ESPALIER_S3=s3://runs", "AWS_ACCESS_KEY_ID=me"}, want: []string{`espalier: environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: only one of the two is set; want both or neither`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.code = exitUsage
			m.check(t, folder)
		})
	}
	t.Cleanup(func() { onlyFiles(t, folder, "tiny.yaml") })
}

// onlyFiles checks that nothing else was left behind.
func onlyFiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+e.Name()+" ") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestBadSpec(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{
		"key.yaml":     with("epochs: 2", "epoch: 2"),
		"type.yaml":    with("batch: 64", "batch: many"),
		"several.yaml": with("80%", "120%", "passes: 2", "passes: 0", "mlp", "resnet"),
		"text.yaml":    "name: [",
		"empty.yaml":   "",
		"weights.yaml": with("{arch: mlp, hidden: [16]}", "{arch: resnet-20, weights: ./none.th}"),
	})
	if err := os.Mkdir(filepath.Join(folder, "folder.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"key.yaml":  {`espalier: key.yaml:4:9: train.epoch: unknown key; did you mean epochs\? .*`},
		"type.yaml": {`espalier: type.yaml:4:27: train.batch: "many" is not a whole number`},
		"several.yaml": {
			`espalier: several.yaml:2:17: network.arch: "resnet" is not known; allowed: .*`,
			`several.yaml:7:22: prune.schedule.passes: 0 is not .*`,
			`several.yaml:7:44: prune.schedule.target.sparsity: 120% is not between 0 % and 100 %, both excluded`,
		},
		"text.yaml":    {`espalier: text.yaml:2:1: not YAML: .*`},
		"empty.yaml":   {`espalier: empty.yaml:1.*`},
		"weights.yaml": {`espalier: weights.yaml:2:37: network.weights: open .*/none.th: no such file or directory`},
		"folder.yaml":  {`espalier: spec folder.yaml: is a directory`},
		"none.yaml":    {`espalier: spec none.yaml: there is no such file; write one with: espalier init none.yaml`},
	} {
		for _, verb := range []string{"run", "explain", "submit", "verify-resume"} {
			t.Run(verb+" "+name, func(t *testing.T) {
				t.Parallel()
				mistake{args: []string{verb, name}, code: exitUsage, want: want}.check(t, folder)
			})
		}
	}
	t.Cleanup(func() {
		onlyFiles(t, folder, "key.yaml", "type.yaml", "several.yaml", "text.yaml", "empty.yaml", "weights.yaml", "folder.yaml")
	})
}

func TestBadSweeps(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{
		"sweep.yaml": oneSecondSpec + "sweep: {search: grid, params: {prune.method: [han, slimming]}}\n",
		"huge.yaml":  oneSecondSpec + "sweep: {search: grid, params: {train.seed: {min: 0, max: 1000000000000000}}}\n",
	})
	mistake{args: []string{"verify-resume", "sweep.yaml"}, code: exitUsage, want: []string{
		"espalier: spec sweep.yaml has a sweep; verify-resume wants one without",
	}}.check(t, folder)
	mistake{args: []string{"explain", "sweep.yaml"}, code: exitUsage, want: []string{
		`espalier: trial 1 \(prune.method=slimming\) cannot run:`, `sweep.yaml:10:52: prune.method: .*`,
	}}.check(t, folder)
	for _, verb := range []string{"explain", "run", "submit"} {
		mistake{args: []string{verb, "huge.yaml"}, code: exitUsage, want: []string{`espalier: sweep: the grid has more than \d+ trials`}}.check(t, folder)
	}
	t.Cleanup(func() { onlyFiles(t, folder, "sweep.yaml", "huge.yaml") })
}

func TestBadData(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{
		"none.yaml":  with("{name: digits,", "{name: mnist, path: ./none,"),
		"empty.yaml": with("{name: digits,", "{name: mnist, path: ./empty,"),
		"many.yaml":  with("train: 600", "train: 600000"),
	})
	if err := os.Mkdir(filepath.Join(folder, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	none := `data mnist: path .*/none: want a folder with the files train-images-idx3-ubyte, .*: no such file or directory`
	empty := `data mnist: path .*/empty: the folder has no train-images-idx3-ubyte, .*`
	many := `data digits: train 600000: there are only 60000 samples; use 0 for all of them`
	for name, want := range map[string]string{"none.yaml": none, "empty.yaml": empty, "many.yaml": many} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mistake{args: []string{"explain", name}, code: exitError, want: []string{"espalier: " + want}}.check(t, folder)
			mistake{args: []string{"run", name, "--progress", "none", "--home", name + ".home"}, code: exitRunFailed, want: []string{"espalier: run tiny-[0-9a-f]{12}: " + want}}.check(t, folder)
		})
	}
}

func TestBadHome(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{"tiny.yaml": oneSecondSpec, "file": ""})
	mistake{args: []string{"run", "tiny.yaml", "--home", "file"}, code: exitError, want: []string{`espalier: home .*/file: .*: not a directory`}}.check(t, folder)
	mistake{args: []string{"run", "tiny.yaml", "--home", "file/below"}, code: exitError, want: []string{`espalier: home .*/file/below: .*: not a directory`}}.check(t, folder)
	for _, verb := range []string{"list", "worker"} {
		mistake{args: []string{verb}, code: exitError, want: []string{`espalier: home .*/\.espalier: no embedded server runs there; start one with espalier server, or name another home`}}.check(t, folder)
	}
}

func TestUnreachableServers(t *testing.T) {
	t.Parallel()
	folder := write(t, map[string]string{"tiny.yaml": oneSecondSpec, "bad.toml": "nonsense = [", "good.toml": "[profile.here]\naddress = \"127.0.0.1:1\"\n"})
	nobody := `espalier: temporal at 127\.0\.0\.1:1 does not answer: .*connection refused; mend the server, or `
	for name, m := range map[string]mistake{
		"run":         {args: []string{"run", "tiny.yaml"}, env: []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, code: exitError, want: []string{nobody + "TEMPORAL_ADDRESS"}},
		"submit":      {args: []string{"submit", "tiny.yaml"}, env: []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, code: exitError, want: []string{nobody + "TEMPORAL_ADDRESS"}},
		"worker":      {args: []string{"worker"}, env: []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, code: exitError, want: []string{nobody + "TEMPORAL_ADDRESS"}},
		"profile":     {args: []string{"list"}, env: []string{"TEMPORAL_CONFIG_FILE=good.toml", "TEMPORAL_PROFILE=here"}, code: exitError, want: []string{nobody + "TEMPORAL_CONFIG_FILE good.toml, TEMPORAL_PROFILE"}},
		"no profile":  {args: []string{"list"}, env: []string{"TEMPORAL_CONFIG_FILE=good.toml", "TEMPORAL_PROFILE=there"}, code: exitUsage, want: []string{`espalier: temporal's configuration \(TEMPORAL_CONFIG_FILE good.toml, TEMPORAL_PROFILE\): .*there.*`}},
		"bad profile": {args: []string{"list"}, env: []string{"TEMPORAL_CONFIG_FILE=bad.toml"}, code: exitUsage, want: []string{`espalier: temporal's configuration \(TEMPORAL_CONFIG_FILE bad.toml\): .*toml: line 1.*`}},
		"no file":     {args: []string{"list"}, env: []string{"TEMPORAL_CONFIG_FILE=none.toml"}, code: exitUsage, want: []string{`espalier: TEMPORAL_CONFIG_FILE none.toml: no such file or directory`}},
		"store": {args: []string{"run", "tiny.yaml"}, env: []string{"ESPALIER_S3=s3://runs?endpoint=127.0.0.1:1&tls=false", "AWS_ACCESS_KEY_ID=me", "AWS_SECRET_ACCESS_KEY=hushhush"}, code: exitError,
			want: []string{`espalier: open s3://runs at 127\.0\.0\.1:1: nothing listens at 127\.0\.0\.1:1: connection refused; mend ESPALIER_S3 or the AWS_ variables`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.check(t, folder)
		})
	}
}

// A running server shows what is wrong with the way to it.
func TestWrongWayToServers(t *testing.T) {
	t.Parallel()
	l := newLab(t, oneSecondSpec)
	p := l.serve(t)
	e, err := local.Find(l.home)
	if err != nil {
		t.Fatal(err)
	}
	s3 := strings.TrimPrefix(e.S3Endpoint, "http://")
	store := func(bucket, id, secret string) []string {
		return []string{"ESPALIER_S3=s3://" + bucket + "?endpoint=" + s3 + "&tls=false", "AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret}
	}
	slow := slowClock(t)
	tail := `; mend ESPALIER_S3 or the AWS_ variables`
	run := l.args("run", l.spec)
	_, taken, _ := net.SplitHostPort(e.TemporalAddress)
	for name, m := range map[string]mistake{
		"secret":    {args: run, env: store(e.S3Bucket, e.AccessKey, "hushhush"), code: exitError, want: []string{`espalier: open s3://espalier at \S+: access denied: the secret key does not belong to access key id ` + e.AccessKey + `: .*` + tail}},
		"key":       {args: run, env: store(e.S3Bucket, "nobody", e.SecretKey), code: exitError, want: []string{`espalier: open s3://espalier at \S+: access denied: the server does not know access key id nobody: .*` + tail}},
		"bucket":    {args: run, env: store("other", e.AccessKey, e.SecretKey), code: exitError, want: []string{`espalier: open s3://other at \S+: there is no bucket other: .*` + tail}},
		"TLS":       {args: run, env: append(store(e.S3Bucket, e.AccessKey, e.SecretKey), "ESPALIER_S3=s3://espalier?endpoint="+s3), code: exitError, want: []string{`espalier: open s3://espalier at \S+: \S+ speaks HTTP, not HTTPS: turn TLS off` + tail}},
		"clock":     {args: run, env: append(store(e.S3Bucket, e.AccessKey, e.SecretKey), "ESPALIER_S3=s3://espalier?tls=false&endpoint="+slow), code: exitError, want: []string{`espalier: open s3://espalier at \S+: the clocks of this machine and of \S+ are apart, this one is 1h0m0s ahead, so that it refuses what is asked of it; set them right`}},
		"no store":  {args: run, env: []string{"TEMPORAL_ADDRESS=" + e.TemporalAddress}, code: exitUsage, want: []string{`espalier: no store is configured for this Temporal server; set ESPALIER_S3, as s3://bucket/prefix\?endpoint=host:port`}},
		"namespace": {args: []string{"list"}, env: []string{"TEMPORAL_ADDRESS=" + e.TemporalAddress, "TEMPORAL_NAMESPACE=other"}, code: exitError, want: []string{`espalier: temporal at \S+ has no namespace other; mend the server, or TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE`}},
		"Temporal's port": {args: []string{"server", "--temporal-port", taken, "--s3-port", "0", "--home", t.TempDir()}, code: exitError,
			want: []string{`espalier: port ` + taken + ` on 127.0.0.1 is in use; choose another with --temporal-port`}},
		"S3's port": {args: []string{"server", "--temporal-port", "0", "--s3-port", taken, "--home", t.TempDir()}, code: exitError,
			want: []string{`espalier: port ` + taken + ` on 127.0.0.1 is in use; choose another with --s3-port`}},
		"home": {args: l.args("server", "--temporal-port", "0", "--s3-port", "0"), code: exitError,
			want: []string{`espalier: \S+ is in use by process ` + strconv.Itoa(p.Process.Pid) + `; stop it, or choose another home`}},
		"run": {args: l.args("status", "tiny-000000000000"), code: exitUsage, want: []string{`espalier: no such run: tiny-000000000000`}},
	} {
		t.Run(name, func(t *testing.T) { m.check(t, t.TempDir()) })
	}
	// Nothing of all that was submitted.
	if out := command(t, l.args("list")...).out.String(); !strings.HasPrefix(out, "no runs yet") {
		t.Errorf("runs were submitted although they could not work:\n%s", out)
	}
	p.send(syscall.SIGINT)
	if code := p.wait(t); code != exitOK || p.errs.Len() > 0 {
		t.Errorf("the server ended with exit code %d and printed %q", code, p.errs.Bytes())
	}
}

// slowClock is the address of a store that refuses everything, an hour ago.
func slowClock(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
