package live_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"

	"espalier/cmd/espalier/live"
)

// terminal is an emulated one with a screen on it.
type terminal struct {
	*vt.Emulator
	screen *live.Screen
}

func newTerminal(width, height int) terminal {
	e := vt.NewEmulator(width, height)
	return terminal{e, live.NewScreen(newlines{e}, func() (int, int) { return e.Width(), e.Height() })}
}

// newlines goes to the first column with each line, as a terminal's driver does.
type newlines struct{ *vt.Emulator }

func (n newlines) Write(b []byte) (int, error) {
	_, err := n.Emulator.Write([]byte(strings.ReplaceAll(string(b), "\n", "\r\n")))
	return len(b), err
}

// shows is the text on the screen without blanks at the ends.
func (s terminal) shows() string {
	var lines []string
	for line := range strings.Lines(s.Emulator.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (s terminal) look(l live.Look) {
	s.screen.Draw(func(width, height int) []string { return frame(l, width, height, live.Style{Colour: true}) })
}

func TestScreenKeepsItsFrameInPlace(t *testing.T) {
	t.Parallel()
	s := newTerminal(80, 24)
	fmt.Fprint(newlines{s.Emulator}, "$ espalier run sweep.yaml\n")
	for running := range 9 {
		s.look(lookAt(sweep(2, 9-running), 20))
	}
	s.screen.Say("trial 3 waits: no worker")
	s.look(lookAt(sweep(3, 1), 20))
	want := `$ espalier run sweep.yaml
trial 3 waits: no worker
sweep-2  running  ~3h left
3 of 12 trials ended, 2 under way  1 failed
best trial 1, pass 3: accuracy 96.00 %, sparsity 50.00 %
trial  pass  step          epoch    loss  accuracy  images/s   saved
    3   2/3  finetune  1/8, 25 %  0.2500   97.50 %      40 k  0s ago`
	if got := s.shows(); got != want {
		t.Errorf("it shows\n%s\nwant\n%s", got, want)
	}
	s.screen.Clear()
	if got, want := s.shows(), "$ espalier run sweep.yaml\ntrial 3 waits: no worker"; got != want {
		t.Errorf("cleared it shows\n%s\nwant\n%s", got, want)
	}
}

// However the terminal's size changes, what stands there is the newest frame,
// once, and nothing of those before.
func TestScreenFollowsTheSizeOfTheTerminal(t *testing.T) {
	t.Parallel()
	sizes := [][2]int{{80, 24}, {40, 10}, {100, 30}, {20, 3}, {80, 24}, {1, 1}, {79, 8}, {40, 24}}
	for from := range sizes {
		for to := range sizes {
			s := newTerminal(sizes[from][0], sizes[from][1])
			l := lookAt(sweep(2, 9), 20)
			s.look(l)
			s.Resize(sizes[to][0], sizes[to][1])
			s.look(l)
			s.look(l)
			want := frame(l, sizes[to][0], sizes[to][1], live.Style{})
			got := strings.Split(s.shows(), "\n")
			if len(got) > len(want) {
				got = got[len(got)-len(want):]
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") || strings.Count(s.shows(), "running") > 1 {
				t.Errorf("from %v to %v it shows\n%s\nwant\n%s", sizes[from], sizes[to], s.shows(), strings.Join(want, "\n"))
			}
		}
	}
}

func TestAScreenWithoutAFrameClearsNothing(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := live.NewScreen(&out, func() (int, int) { return 80, 24 })
	s.Clear()
	s.Draw(func(int, int) []string { return []string{"one", "two"} })
	s.Clear()
	s.Clear()
	if got, want := out.String(), "\rone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J\r\x1b[2A\x1b[J"; got != want {
		t.Errorf("it writes %q, want %q", got, want)
	}
}
