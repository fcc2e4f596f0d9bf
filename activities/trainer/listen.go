package trainer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"espalier/models/checkpoint"
)

// Message is a line of standard output that speaks to the worker: a JSON object
// whose member espalier says of what. All other lines are log.
type Message struct {
	Kind string `json:"espalier"` // one of the Message constants

	// Of progress, and of checkpoints where they stand. All may be left out.
	Epoch    int                `json:"epoch"` // completed epochs
	Epochs   int                `json:"epochs"`
	Batch    int                `json:"batch"` // completed batches of the epoch
	Batches  int                `json:"batches"`
	Step     int64              `json:"step"` // completed optimizer steps
	Phase    string             `json:"phase"`
	Loss     float64            `json:"loss"`
	Accuracy float64            `json:"accuracy"`
	LR       float64            `json:"lr"`
	Rate     float64            `json:"rate"` // images a second
	Metrics  checkpoint.Numbers `json:"metrics"`

	// Of checkpoints and results: the folder in the request's output, complete,
	// and the SHA-256 of its files, which are checked where they are given.
	Dir   string            `json:"dir"`
	Files map[string]string `json:"files"`
}

// The kinds of messages.
const (
	MessageProgress   = "progress"
	MessageCheckpoint = "checkpoint"
	MessageResult     = "result"
)

const (
	longestLine = 1 << 20  // of a message; what is longer is log
	tailBytes   = 16 << 10 // of the log that is remembered
	tailLines   = 12       // of it that is shown
	tailWidth   = 160      // characters of a line
)

// listener takes what a program prints: messages go to the channel, the rest
// to the log and its end to a buffer.
type listener struct {
	messages chan<- Message
	log      io.Writer
	line     []byte // of standard output, unfinished
	long     bool   // the line is too long for a message: the rest of it is log

	mu    sync.Mutex
	ring  []byte
	heard time.Time
	wrong string
}

func newListener(log io.Writer, messages chan<- Message) *listener {
	return &listener{messages: messages, log: log, heard: time.Now()}
}

// Write takes a piece of standard output. It blocks while a message waits to
// be received, and so lets the program wait. What is log goes there in whole
// lines, so that those of standard error come between, and as many of them at a
// time as came: a program may print millions.
func (l *listener) Write(data []byte) (int, error) {
	l.hear()
	n, logged := 0, 0 // bytes that were looked at, and that are no log to keep
	for n < len(data) {
		at := n
		end := bytes.IndexByte(data[at:], '\n') + 1
		complete := end > 0
		if n = at + end; !complete {
			n = len(data)
		}
		if l.long || complete && len(l.line) == 0 && !mayBeMessage(data[at:n]) {
			l.long = !complete
			continue
		}
		l.keep(data[logged:at])
		l.line = append(l.line, data[at:n]...)
		logged = n
		if complete || len(l.line) > longestLine {
			l.finish(complete)
		}
	}
	l.keep(data[logged:])
	return n, nil
}

// mayBeMessage is a first look at a line, of which most are log.
func mayBeMessage(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\v\f"), []byte("{"))
}

// finish takes the line that was gathered.
func (l *listener) finish(complete bool) {
	line := l.line
	l.line, l.long = l.line[:0], !complete
	if m, ok := l.message(line); ok && complete {
		l.messages <- m
		return
	}
	l.keep(line)
}

// message reads a line as a message.
func (l *listener) message(line []byte) (Message, bool) {
	var m Message
	if trimmed := bytes.TrimSpace(line); !bytes.HasPrefix(trimmed, []byte("{")) || !bytes.Contains(trimmed, []byte(`"espalier"`)) {
		return m, false
	}
	err := json.Unmarshal(line, &m)
	if err == nil && m.Kind != MessageProgress && m.Kind != MessageCheckpoint && m.Kind != MessageResult {
		err = fmt.Errorf("espalier %.40q is none of progress, checkpoint and result", m.Kind)
	}
	if err != nil {
		l.mu.Lock()
		l.wrong = fmt.Sprintf("%s: %v", clip(string(bytes.TrimSpace(line))), err)
		l.mu.Unlock()
		return m, false
	}
	return m, true
}

// end takes a last line that nothing ends.
func (l *listener) end() {
	if len(l.line) > 0 {
		l.finish(true)
	}
}

// keep sends a piece to the log.
func (l *listener) keep(piece []byte) {
	if len(piece) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = time.Now()
	if l.log != nil {
		// A log that cannot be written is no reason to stop a training.
		_, _ = l.log.Write(piece)
	}
	if len(piece) > tailBytes {
		piece = piece[len(piece)-tailBytes:]
	}
	if over := len(l.ring) + len(piece) - tailBytes; over > 0 {
		l.ring = append(l.ring[:0], l.ring[min(over, len(l.ring)):]...)
	}
	l.ring = append(l.ring, piece...)
}

func (l *listener) hear() {
	l.mu.Lock()
	l.heard = time.Now()
	l.mu.Unlock()
}

func (l *listener) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.heard)
}

func (l *listener) misread() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrong
}

// tail is the end of the log in printable lines.
func (l *listener) tail() string {
	l.mu.Lock()
	text := strings.TrimSpace(string(l.ring))
	l.mu.Unlock()
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for i, line := range lines {
		lines[i] = clip(line)
	}
	return strings.Join(lines, "\n")
}

// clip is a line as far as it is shown, without what would upset a terminal.
// Of one that draws over itself, as bars of progress do, it is the last state.
func clip(line string) string {
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	line = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > tailWidth {
		return string(runes[:tailWidth]) + "..."
	}
	return line
}

// plain takes standard error, which has no messages.
func (l *listener) plain() io.Writer { return plain{l} }

type plain struct{ l *listener }

func (p plain) Write(data []byte) (int, error) {
	p.l.keep(data)
	return len(data), nil
}
