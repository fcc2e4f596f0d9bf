package main

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// chapter is a part of the page.
type chapter struct {
	title  string
	tables []table
}

// table is a claim of a paper or several: the experiments that test it, and how
// their results are shown.
type table struct {
	id, title   string
	text        string // what the paper did, and what is done here
	experiments []experiment
	shown       string // the experiment whose spec stands for all
	listings    []listing
	grids       []grid
	claims      []claim
	benches     []bench
	plot        *plot
}

// notRun stands where a number is missing.
const notRun = "not run"

// listing has one experiment a line.
type listing struct {
	columns []column
	lines   []line
}

type column struct {
	head string
	of   measure
	as   writer
}

type line struct {
	label string
	of    string // the experiment
	paper string // what is published, as text
	pass  int    // 0 is the last that is kept
	goals []goal // what counts as reached; none makes no judgement
}

// at is the experiment after the line's pass.
func (l line) at() ref {
	if l.pass == 0 {
		return last(l.of)
	}
	return ref{l.of, l.pass}
}

// goal is a bound on the mean over the seeds.
type goal struct {
	says string
	of   measure
	met  func(mean float64) bool
}

// within: at most so many points worse than the dense network.
func within(points float64) goal {
	return goal{fmt.Sprintf("at most %.2f points lost", points), moreError, func(mean float64) bool { return mean <= points+1e-9 }}
}

// exactly: a count that arithmetic fixes.
func exactly(m measure, count float64, what string) goal {
	return goal{fmt.Sprintf("%s %s", counts([]float64{count}), what), m, func(mean float64) bool { return mean == count }}
}

// atLeast: a number that is reached or passed.
func atLeast(m measure, bound float64, as writer, what string) goal {
	return goal{fmt.Sprintf("at least %s %s", as([]float64{bound}), what), m, func(mean float64) bool { return mean >= bound }}
}

// judge says whether the goals are reached: by the seeds that there are.
func (l line) judge(b *book) (asked, reached string) {
	reached = "yes"
	var says []string
	for _, g := range l.goals {
		says = append(says, g.says)
		mean, ok := b.mean(l.at(), g.of)
		switch {
		case !ok:
			reached = notRun
		case reached != notRun && !g.met(mean):
			reached = "no"
		}
	}
	if len(l.goals) == 0 {
		reached = ""
	}
	return strings.Join(says, ", "), reached
}

// grid has a cell for a pass of an experiment; several grids may show other
// numbers of the same cells.
type grid struct {
	title string
	heads []string // of the first column and the others
	of    measure
	as    writer
	lines []gridLine
}

type gridLine struct {
	label string
	cells []ref
}

// ref is an experiment after a pass; the zero ref is of none, where there cannot
// be one.
type ref struct {
	of   string
	pass int
}

// last is an experiment after its last pass.
func last(id string) ref { return ref{id, lastPass} }

// mean is the mean over the seeds; false if there is none.
func (b *book) mean(at ref, m measure) (float64, bool) {
	found := values(b.runs(at.of), at.pass, m)
	if len(found) == 0 {
		return 0, false
	}
	return stat.Mean(found, nil), true
}

// cell is a measure as text.
func (b *book) cell(at ref, m measure, as writer) string {
	runs := b.runs(at.of)
	found := values(runs, at.pass, m)
	switch {
	case len(runs) == 0 && at.of != "":
		return notRun
	case len(found) == 0:
		return "-"
	}
	return as(found)
}

// claim says that some means are in order.
type claim struct {
	text  string
	of    measure
	pairs [][2]ref // the first has the smaller mean
}

// check says how many pairs are so; those of which a side is missing are told.
func (c claim) check(b *book) string {
	holds, known := 0, 0
	for _, pair := range c.pairs {
		lower, ok := b.mean(pair[0], c.of)
		higher, too := b.mean(pair[1], c.of)
		if !ok || !too {
			continue
		}
		known++
		if lower < higher {
			holds++
		}
	}
	verdict := "no"
	switch {
	case known == 0:
		return notRun
	case holds == known:
		verdict = "yes"
	case holds > 0:
		verdict = "in part"
	}
	text := fmt.Sprintf("%s, in %d of %d comparisons", verdict, holds, known)
	if missing := len(c.pairs) - known; missing > 0 {
		text += fmt.Sprintf(" (%d not run)", missing)
	}
	return text
}

// pairwise compares cells at the same place.
func pairwise(lower, higher []ref) [][2]ref {
	var pairs [][2]ref
	for i := range min(len(lower), len(higher)) {
		pairs = append(pairs, [2]ref{lower[i], higher[i]})
	}
	return pairs
}

// lines lists the cells of grid lines with these labels, one after the other.
func cellsOf(lines []gridLine, labels ...string) []ref {
	var cells []ref
	for _, l := range lines {
		if slices.Contains(labels, l.label) {
			cells = append(cells, l.cells...)
		}
	}
	return cells
}
