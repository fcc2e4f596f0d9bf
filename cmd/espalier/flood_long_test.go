//go:build long && linux

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"espalier/workflows"
)

// floodScript is a trainer that prints a file of each kind many times over in
// its training, and fails in its pruning after one that no line ends.
const floodScript = `#!/bin/sh
set -e
kind=$(sed -n 's/^  "kind": "\(.*\)",$/\1/p' "$1") output=$(sed -n 's/^  "output": "\(.*\)",$/\1/p' "$1")
flood() { i=0; while [ $i -lt $2 ]; do cat "$(dirname "$0")/$1"; i=$((i + 1)); done; }
case $kind in
train) for lines in long short none; do flood $lines %[1]d; flood $lines %[1]d >&2; done; echo
  mkdir "$output/end"; echo 1 > "$output/end/state"; echo '{"espalier":"result","dir":"end"}';;
evaluate) echo '{"espalier":"result","metrics":{"test_accuracy":0.5}}';;
*) flood none 10; echo; for i in 1 2 3; do echo "last words $i"; done; exit 1;;
esac
`

// A trainer that prints 10 GB in one step, in lines longer than any message, in
// short ones and in none, costs the worker no more memory and disk than one
// that prints little; the step ends well, and what a failure shows is the end of
// what was printed.
func TestTenGigabytesOfLog(t *testing.T) {
	const (
		piece    = 16 << 20
		each     = 100 // pieces of a kind, to each of the outputs
		printed  = 6 * each * piece
		mostMore = 100 << 20 // of memory than before the first step
	)
	l := newLab(t, "name: flood\nexec: {trainer: flood, passes: 1, target: 50%, attempts: 1}\n")
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(l.home, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("long", bytes.Repeat(append(bytes.Repeat([]byte("y"), piece/8-1), '\n'), 8))
	write("short", bytes.Repeat([]byte("epoch 12, 0.345\n"), piece/16))
	write("none", bytes.Repeat([]byte("x"), piece))
	write("flood.sh", fmt.Appendf(nil, floodScript, each))
	l.serve(t)
	worker := start(t, l.args("worker", "--trainer", "flood=sh "+filepath.Join(l.home, "flood.sh"))...)
	eventually(t, "the worker", func() bool {
		return strings.Contains(command(t, l.args("workers")...).out.String(), "flood")
	})
	before := counted(t, worker, "status", `VmHWM:\s+(\d+) kB`) << 10
	id := l.submit(t)
	began := time.Now()

	mostKept := int64(0)
	deadline := began.Add(40 * time.Minute)
	for v := l.status(t, id); v.Closed.IsZero(); v = l.status(t, id) {
		for next := time.Now().Add(time.Second); time.Now().Before(next); time.Sleep(10 * time.Millisecond) {
			mostKept = max(mostKept, weigh(t, filepath.Join(l.home, "trainers")))
		}
		if time.Now().After(deadline) {
			t.Fatalf("the run has not ended within %s", deadline.Sub(began))
		}
	}
	peak, read := counted(t, worker, "status", `VmHWM:\s+(\d+) kB`)<<10, counted(t, worker, "io", `rchar: (\d+)`)
	kept := weigh(t, filepath.Join(l.home, "trainers"))
	t.Logf("%.1f GB printed, %.1f GB read of files and pipes, in %s; the worker's peak is %d MB, before it %d MB; the log has %.1f MB, at most %.1f MB on the way",
		float64(printed)/1e9, float64(read)/1e9, time.Since(began).Round(time.Second), peak>>20, before>>20, float64(kept)/(1<<20), float64(mostKept)/(1<<20))
	// The kernel adds what the trainer has read of the files.
	if read < 2*printed || printed < 10e9 {
		t.Errorf("the worker and its trainer have read %d bytes, want twice the %d that were printed, of 10e9", read, int64(printed))
	}
	if peak-before > mostMore {
		t.Errorf("the worker's peak is %d MB, before it %d; want at most %d more", peak>>20, before>>20, mostMore>>20)
	}
	if mostKept > 2*trainerLogBytes || kept < trainerLogBytes/2 {
		t.Errorf("the log has %d bytes, and had %d on the way; want at most twice %d, and half of that at least", kept, mostKept, trainerLogBytes)
	}

	v := l.status(t, id)
	if v.State != workflows.StateFailed || v.Reached == nil || len(v.Reached.Rows) != 1 {
		t.Fatalf("the run is %s with %+v, want it failed after the row of its training", v.State, v.Reached)
	}
	said := start(t, l.args("watch", id)...)
	if code := said.wait(t); code != exitRunFailed {
		t.Errorf("watch: exit code %d, want %d", code, exitRunFailed)
	}
	want := strings.Repeat("x", 160) + "...\nlast words 1\nlast words 2\nlast words 3"
	if !strings.Contains(said.errs.String(), want) {
		t.Errorf("the failure is told as\n%s\nwant in it\n%s", &said.errs, want)
	}
}

// weigh is how many bytes the files of a folder have; it may not be there yet,
// and they may go meanwhile.
func weigh(t *testing.T, folder string) (total int64) {
	t.Helper()
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// counted is a number that the kernel keeps of a process.
func counted(t *testing.T, p *process, file, pattern string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Process.Pid, file))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, text)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
