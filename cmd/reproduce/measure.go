package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/gonum/stat"
)

// measure is one number of a run after a pass; false if the run has none.
type measure func(r *result, pass int) (float64, bool)

// of makes a measure of what a row says.
func of(value func(dense, at row) float64) measure {
	return func(r *result, pass int) (float64, bool) {
		at, ok := r.at(pass)
		if !ok {
			return 0, false
		}
		v := value(r.Rows[0], at)
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
}

// Errors and accuracies are in percent, differences in points.
var (
	denseError    = of(func(dense, _ row) float64 { return 100 * (1 - dense.Accuracy) })
	finalError    = of(func(_, at row) float64 { return 100 * (1 - at.Accuracy) })
	moreError     = of(func(dense, at row) float64 { return 100 * (dense.Accuracy - at.Accuracy) })
	denseAccuracy = of(func(dense, _ row) float64 { return 100 * dense.Accuracy })
	finalAccuracy = of(func(_, at row) float64 { return 100 * at.Accuracy })
	gained        = of(func(dense, at row) float64 { return 100 * (at.Accuracy - dense.Accuracy) })

	// Right after the pruning, before any fine-tuning.
	prunedAccuracy = of(func(_, at row) float64 { return 100 * at.pruned() })
	prunedError    = of(func(_, at row) float64 { return 100 * (1 - at.pruned()) })
	prunedGained   = of(func(dense, at row) float64 { return 100 * (at.pruned() - dense.Accuracy) })

	weightsLeft  = of(func(_, at row) float64 { return float64(at.NonZero) })
	weightsTimes = of(func(dense, at row) float64 { return float64(dense.NonZero) / float64(at.NonZero) })
	paramsLeft   = of(func(_, at row) float64 { return float64(at.Params) })
	paramsTimes  = of(func(dense, at row) float64 { return float64(dense.Params) / float64(at.Params) })
	paramsGone   = of(func(dense, at row) float64 { return 100 * (1 - float64(at.Params)/float64(dense.Params)) })
	macsLeft     = of(func(_, at row) float64 { return float64(at.MACs) })
	macsShare    = of(func(dense, at row) float64 { return 100 * float64(at.MACs) / float64(dense.MACs) })
)

// pruned is the accuracy before fine-tuning, not a number if it was not measured.
func (r row) pruned() float64 {
	if r.Pruned == nil {
		return math.NaN()
	}
	return *r.Pruned
}

// values measures all runs that have it.
func values(runs []*result, pass int, m measure) []float64 {
	var all []float64
	for _, r := range runs {
		if v, ok := m(r, pass); ok {
			all = append(all, v)
		}
	}
	return all
}

// writer writes values of several seeds as one text.
type writer func(values []float64) string

// percents writes 1.30 ± 0.03 %: mean and sample deviation.
func percents(values []float64) string { return spread("%.2f", "%.2f", values) + " %" }

// points writes +0.07 ± 0.02.
func points(values []float64) string { return spread("%+.2f", "%.2f", values) }

// times writes 12.07x.
func times(values []float64) string { return fmt.Sprintf("%.4gx", stat.Mean(values, nil)) }

// counts writes 85,000, or the mean where seeds differ.
func counts(values []float64) string {
	text := humanize.Comma(int64(math.Round(stat.Mean(values, nil))))
	if slices.Min(values) != slices.Max(values) {
		return "about " + text
	}
	return text
}

func spread(format, deviation string, values []float64) string {
	if len(values) < 2 {
		return fmt.Sprintf(format, values[0])
	}
	mean, d := stat.MeanStdDev(values, nil)
	return fmt.Sprintf(format+" ± "+deviation, mean, d)
}
