package report

import (
	"bytes"
	"fmt"
	"strings"

	"gonum.org/v1/plot/plotter"
)

// seedSettings are what runs of one choice of values may differ in.
var seedSettings = map[string]bool{"train.seed": true, "exec.seed": true}

// seeded puts runs together that differ in nothing but the seed; the names are
// those of their specs. Sweeps do so by themselves.
func (s *Study) seeded() (all []*group, names []string) {
	at := map[string]int{}
	for i := range s.Parts {
		p := &s.Parts[i]
		if p.Sweep || len(p.Trials) != 1 || len(p.Facts) == 0 {
			continue
		}
		key := ""
		for _, f := range p.Facts {
			if !seedSettings[f.Name] {
				key += f.Name + "\x00" + f.Value + "\x00"
			}
		}
		k, ok := at[key]
		if !ok {
			k = len(all)
			at[key], all, names = k, append(all, &group{}), append(names, p.Name)
		} else if names[k] != p.Name {
			names[k] += ", " + p.Name
		}
		if t := &p.Trials[0]; t.Last() != nil {
			all[k].trials = append(all[k].trials, t)
		} else {
			all[k].failed++
		}
	}
	return all, names
}

// means are the runs of the study over their seeds, nil where each has its own
// values.
func (s *Study) means() *grid {
	g := heads("runs")
	for _, title := range reachedHeads {
		g.head(title)
	}
	all, names := s.seeded()
	for i, one := range all {
		if len(one.trials) > 1 {
			g.row(append(plain(names[i]), one.reached()...)...)
		}
	}
	if len(g.rows) == 0 {
		return nil
	}
	return g
}

// beside draws the best trial of every part, pass by pass, nil where fewer than
// two of them are known by bytes.
func (s *Study) beside() ([]byte, error) {
	c := newPlot("")
	c.X.Label.Text, c.Y.Label.Text = worded("bytes"), "accuracy, %"
	var entries []entry
	var all plotter.XYs
	for i := range s.Parts {
		p := &s.Parts[i]
		at := Better(p.Trials, p.Objectives)
		if at < 0 {
			continue
		}
		var points plotter.XYs
		for k := range p.Trials[at].Passes {
			if pass := &p.Trials[at].Passes[k]; pass.Kept && pass.smallest() > 0 {
				points = append(points, plotter.XY{X: float64(pass.smallest()), Y: 100 * pass.Accuracy})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("passes of %s: %w", p.ID, err)
		}
		dress(line, marks, len(entries))
		c.Add(line, marks)
		entries, all = append(entries, entry{p.Name, line, marks}), append(all, points...)
	}
	if len(entries) < 2 {
		return nil, nil
	}
	scale(&c.X, all, func(at plotter.XY) float64 { return at.X })
	scale(&c.Y, all, func(at plotter.XY) float64 { return at.Y })
	var svg bytes.Buffer
	if err := write(&svg, c, entries); err != nil {
		return nil, err
	}
	return svg.Bytes(), nil
}

// reachedHeads are the columns of what a choice of values reached.
var reachedHeads = strings.Split(">seeds;>accuracy, %;>sparsity, %;>parameters;>multiply-adds;>bytes;>loss", ";")

// reached are the cells below reachedHeads.
func (g *group) reached() []cell {
	seeds := fmt.Sprint(len(g.trials))
	if g.failed > 0 {
		seeds += fmt.Sprintf(" of %d", len(g.trials)+g.failed)
	}
	return plain(seeds,
		g.over(func(t *Trial) (float64, bool) { return t.Last().Accuracy, true }).write(shared),
		g.over(func(t *Trial) (float64, bool) { return t.Last().Sparsity, true }).write(shared),
		g.over(last(func(p *Pass) float64 { return float64(p.Params) })).write(rounded),
		g.over(last(func(p *Pass) float64 { return float64(p.EffectiveMACs) })).write(rounded),
		g.over(last(func(p *Pass) float64 { return float64(p.smallest()) })).write(rounded),
		g.over(func(t *Trial) (float64, bool) { return t.Last().Loss, true }).write(func(x float64) string { return fmt.Sprintf("%.4f", x) }),
	)
}
