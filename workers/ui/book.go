package ui

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"espalier/config"
	"espalier/workers/results"
	"espalier/workers/runs"
	"espalier/workflows"
)

// book keeps the rows of a sweep's trials in the order in which they changed,
// so that a page is sent what is new to it and no row again that is not.
type book struct {
	id   string
	life string // of the sweep
	name string // tells this book from others of the sweep, whose versions are not its own
	spec *config.Spec

	mutex   sync.Mutex // held while trials are read
	lines   *results.Lines
	rows    []bookRow              // by trial
	version int64                  // of the newest row
	params  []string               // that trials set
	of      *workflows.SweepResult // the newest look

	told  sync.Mutex // guards the rest, which is asked for while trials are read
	mark  bookMark
	taken time.Time // when the newest look began
}

// bookRow is a row as it is sent; nothing if there is none yet.
type bookRow struct {
	json    json.RawMessage
	version int64
}

// bookMark is how far a book is.
type bookMark struct {
	Book    string `json:"book"`
	Version int64  `json:"version"`
	Reading int    `json:"reading,omitempty"` // trials that have ended and were not read yet
}

// The bounds of books.
const (
	mostBooks  = 8
	mostTrials = 10_000 // that have rows
	freshFor   = 1500 * time.Millisecond
	readFor    = 250 * time.Millisecond // of a request
)

// books are those of the sweeps that were looked at last.
type books struct {
	mutex sync.Mutex
	all   []*book // the one used last behind
}

// of is the book of a sweep, nil if there is none.
func (b *books) of(id string) *book {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	i := slices.IndexFunc(b.all, func(one *book) bool { return one.id == id })
	if i < 0 {
		return nil
	}
	one := b.all[i]
	b.all = append(slices.Delete(b.all, i, i+1), one)
	return one
}

// add adds a book, in the place of an older one of the same sweep.
func (b *books) add(one *book) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.all = append(slices.DeleteFunc(b.all, func(other *book) bool { return other.id == one.id }), one)
	b.all = slices.Delete(b.all, 0, max(0, len(b.all)-mostBooks))
}

// bookOf is the book of a sweep in its present life.
func (s *Server) bookOf(ctx context.Context, v *runs.View) (*book, error) {
	one, err := s.shared(ctx, "book "+v.ID, func(ctx context.Context) (any, error) {
		if b := s.books.of(v.ID); b != nil && b.life == v.Life {
			return b, nil
		}
		spec, err := s.Runs.Spec(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		b := &book{id: v.ID, life: v.Life, name: rand.Text(), spec: spec}
		b.lines = results.Source{Repo: s.Repo, Runs: s.Runs}.Lines(v.ID, spec, mostTrials, b.put)
		b.mark.Book = b.name
		s.books.add(b)
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	return one.(*book), nil
}

// put takes over a line. The caller holds the lock.
func (b *book) put(one workflows.SweptTrial) {
	row := rowOf(one, b.spec)
	text, err := json.Marshal(row)
	if err != nil { // all numbers were seen to be finite
		return
	}
	for path := range row.Values {
		if !slices.Contains(b.params, path) {
			b.params = append(b.params, path)
			slices.Sort(b.params)
		}
	}
	if short := row.Trial + 1 - len(b.rows); short > 0 {
		b.rows = append(b.rows, make([]bookRow, short)...)
	}
	b.version++
	b.rows[row.Trial] = bookRow{text, b.version}
}

// take takes in a look at the sweep that began at a time. Unless it may wait it
// does nothing while trials are read.
func (b *book) take(r *workflows.SweepResult, at time.Time, wait bool) error {
	if wait {
		b.mutex.Lock()
	} else if !b.mutex.TryLock() {
		return nil
	}
	defer b.mutex.Unlock()
	if at.Before(b.lastTaken()) {
		return nil // somebody had a newer one
	}
	b.of = r
	err := b.lines.Take(r)
	b.told.Lock()
	b.taken = at
	b.told.Unlock()
	b.tell()
	return err
}

func (b *book) lastTaken() time.Time {
	b.told.Lock()
	defer b.told.Unlock()
	return b.taken
}

// read reads trials that have ended, for a moment. The caller holds the lock.
func (b *book) read(ctx context.Context) error {
	err := b.lines.Read(ctx, time.Now().Add(readFor))
	b.tell()
	return err
}

func (b *book) tell() {
	b.told.Lock()
	defer b.told.Unlock()
	b.mark.Version, b.mark.Reading = b.version, b.lines.Left()
}

// at is how far the book is.
func (b *book) at() *bookMark {
	b.told.Lock()
	defer b.told.Unlock()
	mark := b.mark
	return &mark
}

// since are the rows that are newer than a version, oldest first and at most
// limit of them, the version of the last one, and whether there are more.
func (b *book) since(version int64, limit int) (rows []json.RawMessage, last int64, more bool) {
	var found []bookRow
	for _, row := range b.rows {
		if row.version > version {
			found = append(found, row)
		}
	}
	slices.SortFunc(found, func(a, b bookRow) int { return int(a.version - b.version) })
	last, more = version, len(found) > limit
	rows = []json.RawMessage{}
	for _, row := range found[:min(limit, len(found))] {
		rows, last = append(rows, row.json), row.version
	}
	return rows, last, more
}
