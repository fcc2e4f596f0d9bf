package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// result is what espalier run --json prints, as far as the page needs it.
type result struct {
	Rows  []row  `json:"rows"`
	Final string `json:"final"` // digest of the last checkpoint that is kept

	rounded bool // known only as a page before the record wrote it
}

// row is the network after a pass; pass 0 is the dense one.
type row struct {
	Pass     int      `json:"pass"`
	Weights  int64    `json:"weights"`                   // that the network has, zeros too, without biases
	NonZero  int64    `json:"nonzero_weights"`           // that remain
	Params   int64    `json:"parameters"`                // that remain, with biases
	Accuracy float64  `json:"accuracy"`                  // on the test set
	Pruned   *float64 `json:"pruned_accuracy,omitempty"` // the same, before fine-tuning; nil if it was not measured
	MACs     int64    `json:"macs"`                      // multiply-adds of one sample

	// Of a quantized network, by the rules of Han et al. 2016.
	DenseBytes   int64 `json:"dense_bytes,omitempty"`
	PrunedBytes  int64 `json:"pruned_bytes,omitempty"`
	CodedBytes   int64 `json:"quantized_bytes,omitempty"`
	HuffmanBytes int64 `json:"huffman_bytes,omitempty"` // above 0 if it is one

	Kept       bool   `json:"kept"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

// lastPass stands for the last pass that is kept.
const lastPass = -1

// at is the row of a pass.
func (r *result) at(pass int) (row, bool) {
	for _, row := range slices.Backward(r.Rows) {
		if row.Pass == pass || pass == lastPass && row.Kept {
			return row, true
		}
	}
	return row{}, false
}

// first is the result with the smallest seed, nil if there is none.
func (s shelf) first(id string) *result {
	if len(s[id]) == 0 {
		return nil
	}
	return s[id][slices.Min(slices.Collect(maps.Keys(s[id])))]
}

// book is what there is: results and benchmarks.
type book struct {
	results  shelf                 // of HOME, which has their checkpoints too
	recorded shelf                 // of the page's record
	aside    shelf                 // of the record too, of seeds that are not asked for
	seeds    []uint64              // instead of the experiments' own
	benches  map[string]*benchmark // by name
}

// shelf has results by experiment and seed.
type shelf map[string]map[uint64]*result

func (s shelf) put(id string, seed uint64, r *result) {
	if s[id] == nil {
		s[id] = map[uint64]*result{}
	}
	s[id][seed] = r
}

// planned are the seeds that an experiment is run with.
func (b *book) planned(e experiment) []uint64 {
	if len(b.seeds) > 0 {
		return b.seeds
	}
	var seeds []uint64
	for i := range e.seeds {
		seeds = append(seeds, uint64(i)+1)
	}
	return seeds
}

// seedsOf are the seeds that there are results of, ascending.
func (b *book) seedsOf(id string) []uint64 {
	seeds := slices.AppendSeq(slices.Collect(maps.Keys(b.results[id])), maps.Keys(b.recorded[id]))
	slices.Sort(seeds)
	return slices.Compact(seeds)
}

// run is HOME's result, or else the record's.
func (b *book) run(id string, seed uint64) *result {
	if r := b.results[id][seed]; r != nil {
		return r
	}
	return b.recorded[id][seed]
}

// runs are an experiment's results, by ascending seed.
func (b *book) runs(id string) []*result {
	var runs []*result
	for _, seed := range b.seedsOf(id) {
		runs = append(runs, b.run(id, seed))
	}
	return runs
}

// file is the path of a kept file of a run.
func (r *runner) file(id string, seed uint64, ending string) string {
	return filepath.Join(r.home, "results", fmt.Sprintf("%s-%d%s", id, seed, ending))
}

// load reads the results that are kept, and a page's record.
func (r *runner) load(experiments []experiment, record string) (*book, error) {
	b := &book{results: shelf{}, recorded: shelf{}, aside: shelf{}, benches: map[string]*benchmark{}, seeds: r.seeds}
	if err := b.readRecord(record, experiments); err != nil {
		return nil, err
	}
	for _, e := range experiments {
		for _, seed := range b.planned(e) {
			kept := &result{}
			found, err := read(r.file(e.id, seed, ".json"), kept)
			if err != nil {
				return nil, err
			}
			if found {
				b.results.put(e.id, seed, kept)
			}
		}
	}
	return b, r.loadBenches(b)
}

// read reads a JSON file; it is false if there is none.
func read(path string, into any) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return true, nil
}

// keep writes a file whole or not at all.
func keep(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
