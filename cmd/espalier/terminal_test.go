package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// longSweep takes longer than anybody watches it.
const longSweep = `name: watched
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 640, test: 100}
train: {epochs: 100000, batch: 64, optimizer: {sgd: {lr: 0.05}}, seed: 7}
prune: {method: han, schedule: {passes: 3, target: {sparsity: 90%}}, finetune: {epochs: 6}}
durability: {checkpoint_every: 1s, heartbeat_timeout: 20s}
sweep:
  search: grid
  params: {train.seed: [1, 2, 3]}
  concurrency: 3
`

// terminal is a pseudo-terminal with an emulator behind it.
type terminal struct {
	master, slave *os.File
	mu            sync.Mutex
	screen        *vt.Emulator
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	e := &terminal{master: master, slave: slave, screen: vt.NewEmulator(width, height)}
	e.resize(t, width, height)
	go func() {
		for chunk := make([]byte, 1<<16); ; {
			n, err := master.Read(chunk)
			e.mu.Lock()
			_, _ = e.screen.Write(chunk[:n]) // the emulator takes everything
			e.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { slave.Close(); master.Close() })
	return e
}

func (e *terminal) resize(t *testing.T, width, height int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.screen.Resize(width, height)
	if err := pty.Setsize(e.master, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
		t.Fatal(err)
	}
}

// lines are those on the screen, without blanks at their ends.
func (e *terminal) lines() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := strings.Split(e.screen.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Split(strings.Trim(strings.Join(lines, "\n"), "\n"), "\n")
}

// A sweep is drawn as wide and as high as the terminal is, leaves nothing of
// that behind when it is interrupted, and says how to go on.
func TestASweepOnATerminal(t *testing.T) {
	t.Parallel()
	l, screen := newLab(t, longSweep), newTerminal(t, 80, 24)
	c := exec.Command(os.Args[0], "run", l.spec, "--home", l.home, "--progress", "live", "--dashboard", "off")
	c.Env = append(os.Environ(), asCommand+"=1")
	var out bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = screen.slave, &out, screen.slave
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it has ended, where the test is well
		if t.Failed() {
			t.Logf("on the screen:\n%s\nin standard output:\n%s", strings.Join(screen.lines(), "\n"), out.Bytes())
		}
	})
	// A frame is a line of the sweep, one of its trials, and one for each trial.
	framed := func(width int, first string) func() bool {
		return func() bool {
			lines := screen.lines()
			if len(lines) < 4 || !strings.HasPrefix(lines[0], first) || !strings.HasPrefix(lines[1], "0 of 3 trials ended") {
				return false
			}
			if !strings.HasPrefix(lines[2], "trial  pass") || !strings.Contains(strings.Join(lines[3:], ""), "/100000, ") {
				return false
			}
			for _, line := range lines {
				if ansi.StringWidth(line) >= width { // drawn before the terminal's size changed
					return false
				}
			}
			return true
		}
	}
	eventually(t, "a frame of 80 columns", framed(80, "watched-"))
	screen.resize(t, 40, 10)
	eventually(t, "a frame of 40 columns", func() bool {
		return framed(40, "watched-")() && !strings.Contains(screen.lines()[2], "images/s")
	})
	screen.resize(t, 200, 30)
	eventually(t, "a frame of 200 columns", func() bool {
		return framed(200, "watched-")() && strings.Contains(screen.lines()[2], "worker")
	})
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if got := c.ProcessState.ExitCode(); got != exitInterrupted {
		t.Errorf("exit code %d, want %d", got, exitInterrupted)
	}
	want := " waits, since its servers were in this process\ngo on with: " + typedAs(c.Args[1:])
	eventually(t, "the last words", func() bool { return strings.HasSuffix(strings.Join(screen.lines(), "\n"), want) })
	if lines := screen.lines(); len(lines) != 2 || !strings.HasPrefix(lines[0], "stopped; watched-") {
		t.Errorf("at the end there is more than the last words:\n%s", strings.Join(lines, "\n"))
	}
}
