package trainer

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// heard are the messages and the log of an output that comes in pieces of n bytes.
func heard(output string, n int) ([]Message, string, *listener) {
	var kept bytes.Buffer
	messages, all := make(chan Message), make(chan []Message)
	go func() {
		var got []Message
		for m := range messages {
			got = append(got, m)
		}
		all <- got
	}()
	l := newListener(&kept, messages)
	for rest := []byte(output); len(rest) > 0; {
		piece := rest[:min(n, len(rest))]
		rest = rest[len(piece):]
		if took, err := l.Write(piece); took != len(piece) || err != nil {
			kept.WriteString(fmt.Sprintf("<%d of %d taken, %v>", took, len(piece), err))
		}
	}
	l.end()
	close(messages)
	return <-all, kept.String(), l
}

// However the system cuts an output, the same lines are messages and all else
// is log, to the byte and in order.
func TestMessagesAreFoundWhereverTheOutputIsCut(t *testing.T) {
	t.Parallel()
	const (
		step   = `{"espalier": "progress", "step": 1}` + "\n"
		end    = "  \t" + `{"espalier": "result", "dir": "end"}` + "\r\n"
		broken = `{"espalier": "dance"}` + "\n"
	)
	for name, test := range map[string]struct {
		output string
		want   []string // kinds
		log    string
	}{
		"nothing":             {"", nil, ""},
		"log alone":           {"a\n\n  b\nc", nil, "a\n\n  b\nc"},
		"messages alone":      {step + step + end, []string{"progress", "progress", "result"}, ""},
		"among each other":    {"a\n" + step + "b\n" + end + "c", []string{"progress", "result"}, "a\nb\nc"},
		"not at its begin":    {"a " + step + "{\n" + "}" + step, nil, "a " + step + "{\n" + "}" + step},
		"what is none":        {broken + step + "{}\n[" + step, []string{"progress"}, broken + "{}\n[" + step},
		"the last, unended":   {"a\n" + strings.TrimSpace(end), []string{"result"}, "a\n"},
		"blanks":              {" \n \t\n" + step + "   ", []string{"progress"}, " \n \t\n   "},
		"bars that are drawn": {"10 %\r20 %\r" + "\n" + step, []string{"progress"}, "10 %\r20 %\r\n"},
	} {
		for n := 1; n <= len(test.output)+1; n++ {
			messages, log, _ := heard(test.output, n)
			var kinds []string
			for _, m := range messages {
				kinds = append(kinds, m.Kind)
			}
			if diff := cmp.Diff(test.want, kinds); diff != "" || log != test.log {
				t.Errorf("%s in pieces of %d: log %q, want %q; messages (-want +got):\n%s", name, n, log, test.log, diff)
				break
			}
		}
	}
}

// What standard error prints stands between the lines of standard output.
func TestLinesOfTheLogStayWhole(t *testing.T) {
	t.Parallel()
	var kept bytes.Buffer
	l := newListener(&kept, nil)
	for _, piece := range []string{"one\ntwo\nth", "re", "e\nfo"} {
		_, _ = l.Write([]byte(piece))
		_, _ = l.plain().Write([]byte("!\n"))
	}
	l.end()
	if got, want := kept.String(), "one\ntwo\n!\n!\nthree\n!\nfo"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

// A line without end is log once it is too long for a message; no more of it is
// held in memory.
func TestLinesWithoutEndAreLog(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"x", `{"espalier": "`} {
		output := begin + strings.Repeat("x", 8*longestLine) + "\n" + `{"espalier": "progress", "step": 1}` + "\n"
		messages, log, l := heard(output, 32<<10)
		if len(messages) != 1 || len(log) != len(begin)+8*longestLine+1 || cap(l.line) > 2*longestLine {
			t.Errorf("%q and so on: %d messages, %d bytes of log, %d held; want 1, all of it, at most %d", begin, len(messages), len(log), cap(l.line), 2*longestLine)
		}
	}
}

// A line costs a look at its first byte, whatever it is.
func BenchmarkShortLines(b *testing.B) {
	piece := bytes.Repeat([]byte("epoch 12, 0.345\n"), 2048)
	b.SetBytes(int64(len(piece)))
	l := newListener(nil, nil)
	for b.Loop() {
		_, _ = l.Write(piece)
	}
}
