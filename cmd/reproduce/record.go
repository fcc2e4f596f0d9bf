package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// recorded is a line of the record that lies beside the page: a run or a
// benchmark. The record is committed, so that a machine without the others'
// HOME adds its own runs to the page and loses none of theirs.
type recorded struct {
	Experiment string `json:"experiment,omitempty"`
	Seed       uint64 `json:"seed,omitempty"`
	Spec       string `json:"spec,omitempty"` // digest of the spec; a run of another one does not count
	Rounded    bool   `json:"rounded,omitempty"`
	Rows       []row  `json:"rows,omitempty"`

	Bench     string     `json:"bench,omitempty"`
	Benchmark *benchmark `json:"benchmark,omitempty"`
}

// recordOf is the path of a page's record.
func recordOf(page string) string { return strings.TrimSuffix(page, filepath.Ext(page)) + ".jsonl" }

// readRecord adds what a record has of experiments that are as they were.
func (b *book) readRecord(path string, experiments []experiment) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	specs := map[string]experiment{}
	for _, e := range experiments {
		specs[e.id] = e
	}
	lines := json.NewDecoder(bytes.NewReader(text))
	for {
		var line recorded
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if line.Bench != "" {
			b.benches[line.Bench] = line.Benchmark
			continue
		}
		e, ok := specs[line.Experiment]
		if !ok || len(line.Rows) == 0 {
			continue
		}
		digest, err := e.digest(line.Seed)
		if err != nil {
			return err
		}
		if digest != line.Spec {
			continue
		}
		on := b.recorded
		if !slices.Contains(b.planned(e), line.Seed) {
			on = b.aside
		}
		on.put(e.id, line.Seed, &result{Rows: line.Rows, rounded: line.Rounded})
	}
}

// writeRecord writes all that the page shows, and what was put aside.
func (b *book) writeRecord(path string, experiments []experiment) error {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, e := range experiments {
		seeds := slices.AppendSeq(b.seedsOf(e.id), maps.Keys(b.aside[e.id]))
		slices.Sort(seeds)
		for _, seed := range seeds {
			digest, err := e.digest(seed)
			if err != nil {
				return err
			}
			r := b.run(e.id, seed)
			if r == nil {
				r = b.aside[e.id][seed]
			}
			line := recorded{Experiment: e.id, Seed: seed, Spec: digest, Rounded: r.rounded, Rows: slices.Clone(r.Rows)}
			for i := range line.Rows {
				line.Rows[i].Checkpoint = ""
			}
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.benches)) {
		if err := lines.Encode(recorded{Bench: name, Benchmark: b.benches[name]}); err != nil {
			return err
		}
	}
	return keep(path, text.Bytes())
}

// digest tells an experiment's specs apart, wherever they are run.
func (e experiment) digest(seed uint64) (string, error) {
	spec, err := e.write(specData{Seed: seed, Data: "DATA"}, symbolic)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(spec))
	return hex.EncodeToString(sum[:6]), nil
}

// symbolic stands for the result of another experiment where a spec is only shown
// or compared.
func symbolic(id string) (*result, error) {
	return &result{Final: "FINAL-CHECKPOINT-OF-" + id, Rows: []row{{MACs: 1, Kept: true}}}, nil
}
