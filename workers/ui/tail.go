package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"

	"espalier/workers/runs"
)

// line is one of the log of this machine's workers.
type line struct {
	Time  string         `json:"time"`
	Level string         `json:"level"`
	Msg   string         `json:"msg"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// The bounds of a look at the log, in lines and bytes from its end.
const (
	mostLines = 5000
	mostRead  = 32 << 20
	readChunk = 256 << 10
)

// tail are the last lines of the log that are of a run, or of a sweep's trials.
func (s *Server) tail(_ context.Context, v *runs.View, r *http.Request) (any, error) {
	most, err := whole(r, "tail", 500, mostLines)
	if err != nil {
		return nil, err
	}
	type answer struct {
		Lines []line `json:"lines"`
		Why   string `json:"why,omitempty"`
	}
	file, err := os.Open(s.LogFile)
	if errors.Is(err, fs.ErrNotExist) {
		return answer{[]line{}, "this machine has no log of workers"}, nil
	}
	if err != nil {
		return nil, errors.New("the log of workers cannot be read")
	}
	defer file.Close()
	lines, err := lastOf(file, runs.OfRun(v.ID), most)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return answer{[]line{}, "no worker of this machine has written of the run lately"}, nil
	}
	return answer{Lines: lines}, nil
}

// lastOf are the last lines that are of a run, oldest first. The file is read
// from its end.
func lastOf(file *os.File, own func(run string) bool, most int) ([]line, error) {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	lines := []line{}
	var rest []byte // the beginning of what was read, whose own beginning was not
	for at, read := end, int64(0); at > 0 && len(lines) < most && read < mostRead; {
		size := min(readChunk, at)
		at, read = at-size, read+size
		chunk := make([]byte, size, size+int64(len(rest)))
		if _, err := file.ReadAt(chunk, at); err != nil {
			return nil, err
		}
		chunk = append(chunk, rest...)
		parts := bytes.Split(chunk, []byte("\n"))
		first := 0
		if at > 0 {
			rest, first = parts[0], 1
		}
		for _, part := range slices.Backward(parts[first:]) {
			if l, ok := lineOf(part, own); ok && len(lines) < most {
				lines = append(lines, l)
			}
		}
	}
	slices.Reverse(lines)
	return lines, nil
}

// lineOf reads a line if it is of the run.
func lineOf(text []byte, own func(run string) bool) (line, bool) {
	if !bytes.Contains(text, []byte(`"run":"`)) { // or else JSON would be read in vain
		return line{}, false
	}
	var all map[string]any
	if json.Unmarshal(text, &all) != nil {
		return line{}, false
	}
	if run, ok := all["run"].(string); !ok || !own(run) {
		return line{}, false
	}
	var l line
	for key, to := range map[string]*string{"time": &l.Time, "level": &l.Level, "msg": &l.Msg} {
		*to, _ = all[key].(string)
		delete(all, key)
	}
	l.Attrs = all
	return l, true
}
