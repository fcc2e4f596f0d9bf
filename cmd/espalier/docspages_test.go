package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"espalier/models/export"
	"espalier/models/export/exporttest"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
	"espalier/workers/local"
)

// page is how the commands of a page are followed on a machine that has Go, a
// shell and nothing else: by what stands for its placeholders here, and what has
// to be there before.
type page struct {
	path    string            // below the repository
	needs   []string          // programs without which it is skipped
	torch   bool              // it takes PyTorch
	fenced  bool              // what is indented is no command
	alone   bool              // on servers of its own, with .espalier in its folder
	env     []string          // for all of its commands
	before  string            // a script that makes what the page takes for granted
	words   []string          // what the page says and what is meant, by turns
	instead map[string]string // lines that are typed otherwise, to be short or to name what is here
	left    map[string]string // how lines begin that are not run here, and why
	after   string            // a script that looks at what has become of it
}

// notHere are programs that this machine need not have, and what is done about it.
var notHere = map[string]string{
	"docker":   "the files of Compose are checked by compose_test.go",
	"ssh":      "there is no other machine",
	"temporal": "a program of others that reads the embedded server, which workers/local checks by its SDK",
	"aws":      "a program of others that reads the gateway, which models/checkpoint/s3store checks by its client",
}

// followed are the pages that a test of their own follows: TestTutorial, by its
// marks, and TestRoundTripOfPyTorch.
var followed = []string{"docs/tutorial.md", "examples/pytorch-roundtrip/README.md"}

// checkMarks finds the blocks of commands that a page with marks does not mark.
func checkMarks(t *testing.T, path, text string) {
	t.Helper()
	if !strings.Contains(text, "<!-- run -->") {
		return
	}
	for _, b := range blocksOf(text) {
		if (b.language == "sh" || b.language == "console") && b.mark != "run" {
			t.Errorf("%s:%d: commands that are not marked with <!-- run -->", path, b.line)
		}
	}
}

// Every command that a page shows is typed into a shell, in the order of the
// page, with the real program, on real servers. What cannot be run is named with
// its reason, and nothing is named that no page has.
func TestPagesAreFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	known := map[string]page{}
	for _, p := range slices.Concat(s.guides(t), s.features(t), s.references(t), measurements()) {
		known[p.path] = p
	}
	skipped, typed := map[string]bool{}, map[string]bool{}
	for _, file := range append(docPages(t), filepath.Join("..", "..", "docs", "commands.md")) {
		path, err := filepath.Rel(filepath.Join("..", ".."), file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := known[path]
		lines := commandLines(string(text), p.fenced)
		switch delete(known, path); {
		case slices.Contains(followed, path):
			checkMarks(t, path, string(text))
			continue
		case !ok && len(lines) == 0:
			continue
		case !ok:
			t.Errorf("%s has commands, and nothing says how they are followed: %q", path, lines)
			continue
		}
		script, err := p.script(lines, skipped)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if err := addUses(typed, p.before+"\n"+script+p.after); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if script != "" {
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				s.follow(t, p, string(text), script)
			})
		}
	}
	for path := range known {
		t.Errorf("%s is not a page", path)
	}
	checkMentions(t, typed)
	for program := range notHere {
		if !skipped[program] {
			t.Errorf("no page has a command of %s", program)
		}
	}
}

var (
	tableHead  = regexp.MustCompile(`^\| command \|`)
	tableCell  = regexp.MustCompile(`^\| ((?:` + "`[^`]*`" + `(?:, )?)+) \|`)
	codeSpan   = regexp.MustCompile("`([^`]*)`")
	remark     = regexp.MustCompile(`(^|\s+)# .*$`)
	longLived  = regexp.MustCompile(`^(bin/)?espalier (worker|server|dashboard)\b`)
	loopBegins = regexp.MustCompile(`^for .*[^e]$`)
)

// commandLines are the lines of a page's shells, without remarks, those that go
// over several lines as one, and the commands in the first column of a table.
func commandLines(text string, fenced bool) []string {
	type found struct {
		at    int
		lines []string
	}
	var all []found
	for _, b := range blocksOf(text) {
		if (b.language == "sh" || b.language == "console") && !(fenced && b.indented) {
			all = append(all, found{b.line, b.lines()})
		}
	}
	inTable := false
	for i, line := range strings.Split(text, "\n") {
		inTable = tableHead.MatchString(line) || inTable && strings.HasPrefix(line, "|")
		if m := tableCell.FindStringSubmatch(line); inTable && m != nil {
			var spans []string
			for _, span := range codeSpan.FindAllStringSubmatch(m[1], -1) {
				spans = append(spans, "espalier "+strings.TrimPrefix(span[1], "espalier "))
			}
			all = append(all, found{i + 1, spans})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.at - b.at })
	var lines []string
	for _, f := range all {
		lines = append(lines, f.lines...)
	}
	return lines
}

// lines are those of a block that a shell is given.
func (b docBlock) lines() []string {
	var lines []string
	loop := false
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		typed, prompt := strings.CutPrefix(line, "$ ")
		if line = strings.TrimSpace(remark.ReplaceAllString(strings.TrimSuffix(typed, "\n"), "")); line == "" || b.language == "console" && !prompt {
			continue
		}
		if loop {
			lines[len(lines)-1] += "\n" + line
		} else {
			lines = append(lines, line)
		}
		loop = (loop || loopBegins.MatchString(line)) && !strings.HasPrefix(line, "done")
	}
	return lines
}

// script is what is run of a page's lines; empty if nothing is. What the page
// says of lines that it does not have is an error.
func (p page) script(lines []string, skipped map[string]bool) (string, error) {
	script, unused := "", map[string]bool{}
	for name := range maps.Keys(p.left) {
		unused[name] = true
	}
	for line := range maps.Keys(p.instead) {
		unused[line] = true
	}
	for i := 0; i < len(p.words); i += 2 {
		unused[p.words[i]] = true
	}
	for _, line := range lines {
		program, _, _ := strings.Cut(line, " ")
		if _, ok := notHere[program]; ok {
			skipped[program] = true
			continue
		}
		if begins, ok := beginning(p.left, line); ok {
			delete(unused, begins)
			continue
		}
		typed, ok := p.instead[line]
		if ok {
			delete(unused, line)
		} else {
			for i := 0; i < len(p.words); i += 2 {
				if strings.Contains(line, p.words[i]) {
					delete(unused, p.words[i])
				}
			}
			typed = strings.NewReplacer(p.words...).Replace(line)
		}
		if longLived.MatchString(typed) {
			typed = "serve " + typed
		}
		script += typed + "\n"
	}
	if len(unused) > 0 {
		return "", fmt.Errorf("none of its commands has %q", slices.Sorted(maps.Keys(unused)))
	}
	return script, nil
}

func beginning(of map[string]string, line string) (string, bool) {
	for begins := range of {
		if strings.HasPrefix(line, begins) {
			return begins, true
		}
	}
	return "", false
}

// stage has the servers, a worker and the finished runs that pages share.
type stage struct {
	home         string
	at           *local.Endpoint
	quick, sweep string // runs of examples/quickstart.yaml and examples/sweep-digits.yaml, cut down
	toy          string // a run of a trainer
	dense, final string // the first and the last checkpoint of quick, their first digits
	resnet       []byte // a ResNet-20 as PyTorch saves it
}

// cutDown is an example in the size of a test: drawn digits, and few of them, for
// an epoch and three passes at most.
func cutDown(text string) string {
	text = regexp.MustCompile(`(?m)^data:.*\n(?:  .*\n)*`).ReplaceAllLiteralString(text, "data: {name: digits, train: 600, test: 200}\n")
	text = regexp.MustCompile(`\bepochs: \d+`).ReplaceAllLiteralString(text, "epochs: 1")
	return regexp.MustCompile(`\bpasses: [4-9]\b`).ReplaceAllLiteralString(text, "passes: 3")
}

func newStage(t *testing.T) *stage {
	t.Helper()
	l := lab{home: t.TempDir()}
	l.serve(t)
	at, err := local.Find(l.home)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	lay(t, folder, map[string]string{"trainer.sh": trainerScript, "toy.yaml": trainerSpec, "quickstart.yaml": example(t, "quickstart.yaml"), "sweep.yaml": example(t, "sweep-digits.yaml")})
	start(t, l.args("worker", "--queue", "cpu=2", "--trainer", "toy=sh "+filepath.Join(folder, "trainer.sh"))...)
	ids := map[string]string{}
	for _, name := range []string{"quickstart", "sweep", "toy"} {
		l.spec = filepath.Join(folder, name+".yaml")
		ids[name] = l.submit(t)
	}
	for _, id := range ids {
		command(t, l.args("watch", id, "--progress", "none")...)
	}
	s := &stage{home: l.home, at: at, quick: ids["quickstart"], sweep: ids["sweep"], toy: ids["toy"]}
	rows := l.status(t, s.quick).Reached.Rows
	s.dense, s.final = string(rows[0].Checkpoint)[:12], string(rows[len(rows)-1].Checkpoint)[:12]
	if s.resnet, err = export.PyTorch(zootest.Drawn(t, zoo.Options{Arch: "resnet-20"}, 1)); err != nil {
		t.Fatal(err)
	}
	return s
}

// example is one of examples, cut down.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return cutDown(string(text))
}

// prelude has what page scripts may call: serve starts a command that goes on
// until it is told to leave, and waits until it is ready; until waits for a
// command to print something; leave ends all that serve has started.
const prelude = `{ set +x; } 2> /dev/null
n=0 served=
# A test that ends early leaves no process behind.
(while kill -0 $PPID; do sleep 1; done; kill -KILL 0) > /dev/null 2>&1 &
serve() {
  { set +x; } 2> /dev/null
  n=$((n + 1))
  (echo 'echo $$ > pid.'$n'; exec "$@"' > serve.$n; sh serve.$n "$@" && echo ended well || echo ended with $?) > served.$n 2>&1 &
  served="$served $!"
  comes '^dashboard |^S3 |working on|^ended' cat served.$n
  if grep -q '^ended' served.$n; then cat served.$n; exit 1; fi
}
comes() {
  { set +x; } 2> /dev/null
  want=$1; shift; tries=0
  until "$@" 2>&1 | grep -Eq "$want"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then echo "$want never comes"; "$@"; exit 1; fi
    sleep 0.1
  done
  set -x
}
leave() {
  { set +x; } 2> /dev/null
  for i in $(seq $n); do kill -TERM $(cat pid.$i) || true; done
  [ -z "$served" ] || wait $served
  for i in $(seq $n); do tail -n 1 served.$i | grep -q 'ended well' || { cat served.$i; exit 1; }; done
}
set -x
`

// follow runs a page's script in a folder with what pages speak of.
func (s *stage) follow(t *testing.T, p page, text, script string) {
	t.Helper()
	for _, program := range p.needs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not here", program)
		}
	}
	if p.torch {
		exporttest.Python(t, []string{"torch"}, "")
	}
	folder := t.TempDir()
	s.furnish(t, folder, text)
	env := append(p.env, "GO=true")
	if !p.alone {
		env = append(env, "ESPALIER_HOME="+s.home)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c := shellCommand(ctx, t, folder, prelude+p.before+"\n"+script+p.after+"\nleave", env...)
	// Whatever a script that failed has left goes with it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // nothing is left where all went well
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.path, err, out)
	}
	t.Logf("%s", time.Since(began).Round(100*time.Millisecond))
}

// furnish fills a folder: the repository's files as far as pages name them, with
// the examples cut down, specs, a trainer, an image, and the files of the page.
func (s *stage) furnish(t *testing.T, folder, text string) {
	t.Helper()
	files := map[string]string{
		"spec.yaml":   strings.Replace(example(t, "quickstart.yaml"), "name: quickstart", "name: spec", 1),
		"sweep.yaml":  example(t, "sweep-digits.yaml"),
		"long.yaml":   longSpec,
		"toy.yaml":    strings.ReplaceAll(trainerSpec, "toy", "pytorch") + "resources: {queue: toy}\n",
		"resnet20.th": string(s.resnet),
		// Five records of CIFAR-10: a label and the image.
		"test_batch.bin": strings.Repeat("\x07"+strings.Repeat("\x40", 3*32*32), 5),
		"bin/espalier":   "#!/bin/sh\nexec espalier \"$@\"\n",
		"trainer.sh":     trainerScript,
		"slow.sh":        strings.NewReplacer("-lt 30", "-lt 1000000", "0.02", "0.3").Replace(trainerScript),
		"trainer.py":     "import os, sys\nos.execv('/bin/sh', ['sh', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'trainer.sh')] + sys.argv[1:])\n",
	}
	for _, name := range []string{"quickstart.yaml", "sweep-digits.yaml", "mnist.yaml"} {
		files["examples/"+name] = example(t, name)
	}
	for _, name := range []string{"Makefile", "deploy/.env.example"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	for _, b := range blocksOf(text) {
		if name, ok := strings.CutPrefix(b.mark, "file: "); ok {
			files[name] = b.text
		}
	}
	lay(t, folder, files)
	if err := os.CopyFS(filepath.Join(folder, "examples", "pytorch"), os.DirFS("../../examples/pytorch")); err != nil {
		t.Fatal(err)
	}
	drawSeven(t, filepath.Join(folder, "seven.png"))
}

// lay writes files into a folder. Those in bin can be run.
func lay(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path, mode := filepath.Join(folder, name), fs.FileMode(0o600)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o700
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// drawSeven writes an image of a digit.
func drawSeven(t *testing.T, path string) {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range 14 {
		picture.SetGray(7+i, 6, color.Gray{255})
		picture.SetGray(20-i/2, 7+i, color.Gray{255})
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(file, picture); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// longSpec is that of a run which goes on until somebody ends it.
const longSpec = `name: NAME
exec: {trainer: slow, seed: 7, passes: 1, target: 50%, attempts: 9}
durability: {checkpoint_every: 250ms, heartbeat_timeout: 2s}
resources: {queue: QUEUE}
`
