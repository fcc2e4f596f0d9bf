package trainer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"espalier/activities/trainer"
)

// However much is written, by however many, two files of the size that was asked
// for are there at any time, with the newest of it.
func TestLogKeepsTheNewestInTwoFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trainers", "toy.log")
	log := &trainer.Log{Path: path, Max: 100}
	t.Cleanup(func() { _ = log.Close() })
	var all []byte
	for i := range 1000 {
		piece := fmt.Appendf(nil, "%0*d\n", i%60, i)
		all = append(all, piece...)
		if n, err := log.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("%d, %v; want %d", n, err, len(piece))
		}
		if i == 500 { // a process that ended, and its heir
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			log = &trainer.Log{Path: path, Max: 100}
		}
		now, older := size(t, path), size(t, path+".1")
		if now > 100 || older > 100 || now+older < min(100, len(all)) {
			t.Fatalf("after %d pieces the files have %d and %d bytes, want at most 100 each, and that together", i, now, older)
		}
	}
	kept := string(read(t, path+".1")) + string(read(t, path))
	if !strings.HasSuffix(string(all), kept) {
		t.Errorf("kept is %q, want the end of what was written", kept)
	}
	huge := bytes.Repeat([]byte("x"), 1000)
	if n, err := log.Write(append(huge, "end"...)); n != 1003 || err != nil || size(t, path) != 100 || !bytes.HasSuffix(read(t, path), []byte("xend")) {
		t.Errorf("%d, %v and %q; want the end of a piece that is too large", n, err, read(t, path))
	}
}

// Workers of one home write into the same files.
func TestLogIsSharedByProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "toy.log")
	one, other := &trainer.Log{Path: path, Max: 1000}, &trainer.Log{Path: path, Max: 1000}
	var both sync.WaitGroup
	for _, log := range []*trainer.Log{one, other} {
		t.Cleanup(func() { _ = log.Close() })
		for range 20 {
			if _, err := log.Write([]byte("some words\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if size(t, path) != 40*11 {
		t.Errorf("the file has %d bytes, want those of both", size(t, path))
	}
	for _, log := range []*trainer.Log{one, other} {
		both.Go(func() {
			for range 2000 {
				_, _ = log.Write([]byte("some words\n")) // one may remove what the other is about to
			}
		})
	}
	both.Wait()
	if now, older := size(t, path), size(t, path+".1"); now+older < 11 || now+older > 4*1000 {
		t.Errorf("the files have %d and %d bytes, want about 1000 each at most", now, older)
	}
}

func size(t *testing.T, path string) int { return len(read(t, path)) }

// read is a file, empty if it is not there.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return text
}
