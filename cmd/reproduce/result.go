package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// result is what espalier run --json prints, as far as the page needs it.
type result struct {
	Rows  []row  `json:"rows"`
	Final string `json:"final"` // digest of the last checkpoint that is kept
}

// row is the network after a pass; pass 0 is the dense one.
type row struct {
	Pass     int      `json:"pass"`
	Weights  int64    `json:"weights"`         // that the network has, zeros too, without biases
	NonZero  int64    `json:"nonzero_weights"` // that remain
	Params   int64    `json:"parameters"`      // that remain, with biases
	Accuracy float64  `json:"accuracy"`        // on the test set
	Pruned   *float64 `json:"pruned_accuracy"` // the same, before fine-tuning; nil if it was not measured
	MACs     int64    `json:"macs"`            // multiply-adds of one sample

	// Of a quantized network, by the rules of Han et al. 2016.
	DenseBytes   int64 `json:"dense_bytes"`
	PrunedBytes  int64 `json:"pruned_bytes"`
	CodedBytes   int64 `json:"quantized_bytes"`
	HuffmanBytes int64 `json:"huffman_bytes"` // above 0 if it is one

	Kept       bool   `json:"kept"`
	Checkpoint string `json:"checkpoint"`
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

// book is what there is: results and benchmarks.
type book struct {
	results map[string]map[uint64]*result // by experiment and seed
	seeds   []uint64                      // instead of the experiments' own
	benches map[string]*benchmark         // by name
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

// runs are an experiment's results, by ascending seed.
func (b *book) runs(id string) []*result {
	var seeds []uint64
	for seed := range b.results[id] {
		seeds = append(seeds, seed)
	}
	slices.Sort(seeds)
	var runs []*result
	for _, seed := range seeds {
		runs = append(runs, b.results[id][seed])
	}
	return runs
}

func (b *book) add(id string, seed uint64, r *result) {
	if b.results[id] == nil {
		b.results[id] = map[uint64]*result{}
	}
	b.results[id][seed] = r
}

// file is the path of a kept file of a run.
func (r *runner) file(id string, seed uint64, ending string) string {
	return filepath.Join(r.home, "results", fmt.Sprintf("%s-%d%s", id, seed, ending))
}

// load reads the results that are kept.
func (r *runner) load(experiments []experiment) (*book, error) {
	b := &book{results: map[string]map[uint64]*result{}, benches: map[string]*benchmark{}, seeds: r.seeds}
	for _, e := range experiments {
		for _, seed := range b.planned(e) {
			kept := &result{}
			found, err := read(r.file(e.id, seed, ".json"), kept)
			if err != nil {
				return nil, err
			}
			if found {
				b.add(e.id, seed, kept)
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
