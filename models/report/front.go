package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"
)

// point is what a choice of values reached at a pass, the mean of its seeds.
type point struct {
	of     *group
	pass   int
	seeds  int
	values []float64 // of the objectives
	front  bool
}

// mostFront bounds the points of a front that are told in the table.
const mostFront = 60

// front tells which passes no other one beats, as chart and table.
func (p *Part) front() (section, error) {
	s := section{level: 3, title: "Front"}
	points := p.points(p.Objectives)
	if len(points) == 0 {
		s.say("No network was kept, so there is no front.")
		return s, nil
	}
	y, x := p.axes()
	svg, err := p.chart(p.points([]Objective{y, x}), y, x)
	if err != nil {
		return s, err
	}
	s.draw(svg, fmt.Sprintf("Every pass that was kept, the mean of its seeds: %s against %s. The line joins those that no other beats in both.", p.worded(y.Name), p.worded(x.Name)))
	paths := varied(p.Trials)
	g := &grid{}
	for _, path := range paths {
		g.head(Short(path, paths))
	}
	g.head(">pass")
	g.head(">seeds")
	for _, o := range p.Objectives {
		g.head(">" + p.worded(o.Name))
	}
	best := slices.DeleteFunc(points, func(q point) bool { return !q.front })
	for _, q := range best[:min(len(best), mostFront)] {
		var row []cell
		for _, path := range paths {
			row = append(row, cell{text: valueAt(q.of.settings, path)})
		}
		row = append(row, plain(fmt.Sprint(q.pass), fmt.Sprint(q.seeds))...)
		for i, o := range p.Objectives {
			row = append(row, cell{text: objective(o.Name, q.values[i])})
		}
		g.row(row...)
	}
	s.tabulate(g)
	s.say(fmt.Sprintf("%s of %s, by all objectives: %s.", plural(len(best), "point"), grouped(int64(len(points))), p.directions()))
	return s, nil
}

func (p *Part) directions() string {
	var all []string
	for _, o := range p.Objectives {
		word := "least "
		if o.Maximize {
			word = "most "
		}
		all = append(all, word+p.worded(o.Name))
	}
	return strings.Join(all, ", ")
}

// worded is an objective in words; the accuracy that is compared is that of the
// samples which were held out, where there are any.
func (p *Part) worded(name string) string {
	held := slices.ContainsFunc(p.Trials, func(t Trial) bool { return len(t.Passes) > 0 && t.Passes[0].Validation > 0 })
	if name == "accuracy" && held {
		return "accuracy on held-out samples"
	}
	return worded(name)
}

// axes are the objectives of a chart: the first two, or what is told beside a
// single one.
func (p *Part) axes() (y, x Objective) {
	y = Objective{Name: "accuracy", Maximize: true}
	if len(p.Objectives) > 0 {
		y = p.Objectives[0]
	}
	if len(p.Objectives) > 1 {
		return y, p.Objectives[1]
	}
	if y.Name == "sparsity" {
		return y, Objective{Name: "accuracy", Maximize: true}
	}
	return y, Objective{Name: "sparsity", Maximize: true}
}

// points are those of every choice of values and pass whose objectives are all
// known, the best by the first objective first.
func (p *Part) points(objectives []Objective) []point {
	var all []point
	for _, g := range groups(p.Trials) {
		for pass := range g.longest() + 1 {
			if q, ok := g.at(pass, objectives); ok {
				all = append(all, q)
			}
		}
	}
	for i := range all {
		all[i].front = !slices.ContainsFunc(all, func(q point) bool { return q.dominates(all[i], objectives) }) &&
			!slices.ContainsFunc(all[:i], func(q point) bool { return slices.Equal(q.values, all[i].values) })
	}
	slices.SortStableFunc(all, func(a, b point) int {
		if objectives[0].Maximize {
			a, b = b, a
		}
		return cmp.Compare(a.values[0], b.values[0])
	})
	return all
}

func (g *group) longest() int {
	longest := -1
	for _, t := range g.trials {
		for _, pass := range t.Passes {
			longest = max(longest, pass.Number)
		}
	}
	return longest
}

// at is the mean over the seeds that have kept a pass.
func (g *group) at(pass int, objectives []Objective) (point, bool) {
	q := point{of: g, pass: pass, values: make([]float64, len(objectives))}
	for _, t := range g.trials {
		i := slices.IndexFunc(t.Passes, func(p Pass) bool { return p.Number == pass && p.Kept })
		if i < 0 {
			continue
		}
		q.seeds++
		for k, o := range objectives {
			v, known := t.Passes[i].Reached(o.Name)
			if !known {
				return q, false
			}
			q.values[k] += v
		}
	}
	for k := range q.values {
		q.values[k] /= float64(max(q.seeds, 1))
	}
	return q, q.seeds > 0
}

// dominates says whether q is nowhere worse than r and somewhere better.
func (q point) dominates(r point, objectives []Objective) bool {
	some := false
	for i, o := range objectives {
		a, b := q.values[i], r.values[i]
		if !o.Maximize {
			a, b = -a, -b
		}
		if a < b {
			return false
		}
		some = some || a > b
	}
	return some
}

// chart draws the points, and a line through those of the front.
func (p *Part) chart(points []point, y, x Objective) ([]byte, error) {
	c := newPlot("")
	var rest, front plotter.XYs
	unitY, unitX := unitOf(y.Name), unitOf(x.Name)
	c.X.Label.Text, c.Y.Label.Text = p.worded(x.Name)+unitX.name, p.worded(y.Name)+unitY.name
	for _, q := range points {
		at := plotter.XY{X: q.values[1] * unitX.scale, Y: q.values[0] * unitY.scale}
		if q.front {
			front = append(front, at)
		} else {
			rest = append(rest, at)
		}
	}
	slices.SortFunc(front, func(a, b plotter.XY) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	entries := []entry{}
	for i, part := range []struct {
		name string
		of   plotter.XYs
	}{{"no other pass is better", front}, {"other passes", rest}} {
		if len(part.of) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(part.of)
		if err != nil {
			return nil, err
		}
		dress(line, marks, i)
		if marks.Radius = 3; i == 0 {
			c.Add(line)
		} else {
			line.Width, line.Color = 0, colours[i]
		}
		c.Add(marks)
		entries = append(entries, entry{part.name, line, marks})
	}
	scale(&c.X, slices.Concat(front, rest), func(at plotter.XY) float64 { return at.X })
	scale(&c.Y, slices.Concat(front, rest), func(at plotter.XY) float64 { return at.Y })
	var svg bytes.Buffer
	if err := write(&svg, c, entries); err != nil {
		return nil, err
	}
	return svg.Bytes(), nil
}
