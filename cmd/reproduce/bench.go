package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// bench is the speed of a smaller network beside the dense one.
type bench struct {
	name, dense, small string // experiments, of their first seed
}

// benchmark is what espalier bench --json prints, as far as the page needs it.
type benchmark struct {
	Engine struct {
		CPU     string `json:"cpu"`
		Threads int    `json:"threads"`
	} `json:"engine"`
	Checkpoints []struct {
		Digest string  `json:"digest"`
		Speeds []speed `json:"speeds"`
	} `json:"checkpoints"`
	Layers []struct {
		Batch  int         `json:"batch"`
		Layers []layerPace `json:"layers"`
	} `json:"layers"`
}

// speed is a network's at one batch.
type speed struct {
	Batch   int           `json:"batch"`
	Median  time.Duration `json:"median_ns"`
	Speedup factors       `json:"speedup"`
	Reached float64       `json:"reached"` // of the theoretical speed-up
}

type factors struct {
	Theoretical float64 `json:"theoretical"`
	Measured    float64 `json:"measured"`
}

// layerPace is a layer's; lost is the time that the theory would have saved
// beyond what was.
type layerPace struct {
	Name string        `json:"name"`
	Lost time.Duration `json:"lost_ns"`
	Why  []string      `json:"why"`
}

func (r *runner) benchFile(name string) string {
	return filepath.Join(r.home, "results", "bench-"+name+".json")
}

// loadBenches reads the benchmarks that are kept.
func (r *runner) loadBenches(b *book) error {
	files, err := filepath.Glob(r.benchFile("*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		kept := &benchmark{}
		if _, err := read(file, kept); err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "bench-"), ".json")
		b.benches[name] = kept
	}
	return nil
}

// bench measures the networks that are there, each time anew.
func (r *runner) bench(ctx context.Context, b *book, benches []bench, only *regexp.Regexp) error {
	failed := 0
	for _, m := range benches {
		dense, small := b.results.first(m.dense), b.results.first(m.small)
		if !only.MatchString(m.name) || dense == nil || small == nil {
			continue
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		outcome, err := r.benchOne(ctx, b, m, dense.Final, small.Final)
		if err != nil {
			failed++
			outcome = "failed: " + err.Error()
		}
		fmt.Fprintf(r.out, "bench %s: %s\n", m.name, outcome)
	}
	if failed > 0 {
		return fmt.Errorf("%d benchmarks failed", failed)
	}
	return nil
}

func (r *runner) benchOne(ctx context.Context, b *book, m bench, dense, small string) (string, error) {
	text, err := r.espalier(ctx, "bench", dense, small, "--batch", "1,64", "--layers", "--json")
	if err != nil {
		return "", err
	}
	fresh := &benchmark{}
	if err := json.Unmarshal(text, fresh); err != nil || len(fresh.Checkpoints) != 2 {
		return "", fmt.Errorf("espalier printed no benchmark: %.200q", text)
	}
	if err := keep(r.benchFile(m.name), text); err != nil {
		return "", err
	}
	b.benches[m.name] = fresh
	var parts []string
	for _, s := range fresh.Checkpoints[1].Speeds {
		parts = append(parts, fmt.Sprintf("batch %d %.2fx of %.2fx", s.Batch, s.Speedup.Measured, s.Speedup.Theoretical))
	}
	return strings.Join(parts, ", "), nil
}

// enough is the share of the theoretical speed-up that counts as reached.
const enough = 0.8

// writeBenches writes the speeds of all of a table's networks, and the number of
// the machine that each was measured on.
func writeBenches(page *strings.Builder, b *book, benches []bench) {
	var rows [][]string
	var machines []string
	for _, m := range benches {
		kept := b.benches[m.name]
		if kept == nil || len(kept.Checkpoints) != 2 {
			rows = append(rows, []string{"`" + m.small + "`", "", notRun, notRun, notRun, "", ""})
			continue
		}
		machine := fmt.Sprintf("%s, %d threads", kept.Engine.CPU, kept.Engine.Threads)
		if !slices.Contains(machines, machine) {
			machines = append(machines, machine)
		}
		on := fmt.Sprint(1 + slices.Index(machines, machine))
		for _, s := range kept.Checkpoints[1].Speeds {
			verdict := "yes"
			if s.Reached < enough {
				verdict = kept.losers(s.Batch)
			}
			rows = append(rows, []string{"`" + m.small + "`", fmt.Sprint(s.Batch), fmt.Sprintf("%.2fx", s.Speedup.Theoretical),
				fmt.Sprintf("%.2fx", s.Speedup.Measured), fmt.Sprintf("%.0f %%", 100*s.Reached), on, verdict})
		}
	}
	for i := range machines {
		machines[i] = fmt.Sprintf("%d is %s", i+1, machines[i])
	}
	fmt.Fprintf(page, "Speed of the smaller networks, by `espalier bench`. Machines: %s.\n\n", cmp.Or(strings.Join(machines, "; "), "none yet"))
	markdown(page, []string{"", "batch", "theoretical", "measured", "of it", "on", "80 % or more, or what loses it"}, rows)
}

// losers are the layers that lose the most.
func (k *benchmark) losers(batch int) string {
	var layers []layerPace
	for _, l := range k.Layers {
		if l.Batch == batch {
			layers = append(layers, l.Layers...)
		}
	}
	slices.SortStableFunc(layers, func(a, b layerPace) int { return int(b.Lost - a.Lost) })
	var names []string
	for _, l := range layers[:min(3, len(layers))] {
		if l.Lost > 0 {
			names = append(names, fmt.Sprintf("%s (%s)", l.Name, strings.Join(append([]string{l.Lost.Round(time.Microsecond).String()}, l.Why...), "; ")))
		}
	}
	return "no: " + strings.Join(names, ", ")
}

// benchesOf lists those of all tables.
func benchesOf(chapters []chapter) []bench {
	var all []bench
	for _, c := range chapters {
		for _, t := range c.tables {
			all = append(all, t.benches...)
		}
	}
	return all
}
