package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/models/engine"
	"espalier/models/predict"
)

// best are the likeliest classes; of equal ones the first.
func best(probabilities []float32, n int) []guess {
	all := make([]guess, len(probabilities))
	for i, v := range probabilities {
		all[i] = guess{i, v}
	}
	slices.SortStableFunc(all, func(a, b guess) int {
		switch {
		case a.Probability > b.Probability:
			return -1
		case a.Probability < b.Probability:
			return 1
		}
		return 0
	})
	return all[:min(n, len(all))]
}

func (a *app) printPredictions(p *predictions) {
	fmt.Fprintf(a.out, "network    %s, %s; %s\n", p.Network, shape(p.Input), formsOf(p.Layers))
	if p.Labelled > 0 {
		fmt.Fprintf(a.out, "accuracy   %s, %d of %d images with a class\n", percent(float64(p.Correct)/float64(p.Labelled)), p.Correct, p.Labelled)
	}
	fmt.Fprintln(a.out)
	header := []string{"image"}
	if p.Labelled > 0 {
		header = append(header, ">is")
	}
	t := newTable(a.out, append(header, ">class", ">probability", "or")...)
	for _, one := range p.Images {
		name := one.File
		if one.many {
			name = fmt.Sprintf("%s %d", name, one.Index)
		}
		row := table.Row{name}
		if p.Labelled > 0 {
			label := ""
			if one.Label != nil {
				label = fmt.Sprint(*one.Label)
			}
			row = append(row, label)
		}
		var others []string
		for _, g := range one.Guesses[1:] {
			others = append(others, fmt.Sprintf("%d (%s)", g.Class, percent(float64(g.Probability))))
		}
		t.AppendRow(append(row, one.Guesses[0].Class, percent(float64(one.Guesses[0].Probability)), strings.Join(others, ", ")))
	}
	t.Render()
}

// formsOf writes 4 layers: 2 sparse, 2 dense.
func formsOf(layers []predict.Layer) string {
	var parts []string
	for _, form := range []engine.Form{engine.Dense, engine.Sparse, engine.Shared} {
		n := 0
		for _, l := range layers {
			if l.Form == form {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, form))
		}
	}
	return fmt.Sprintf("layers: %s", strings.Join(parts, ", "))
}
