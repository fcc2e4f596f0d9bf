package report

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// unit is what a value of an objective is told in.
type unit struct {
	name  string
	scale float64
}

func unitOf(objective string) unit {
	switch objective {
	case "accuracy", "sparsity":
		return unit{", %", 100}
	case "latency":
		return unit{", s", 1}
	}
	return unit{"", 1}
}

// scale makes an axis reach round numbers, logarithmic where its values differ
// by ten times and more.
func scale(axis *plot.Axis, points plotter.XYs, of func(plotter.XY) float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, of(p)), max(high, of(p))
	}
	axis.Padding = vg.Points(4)
	if low > 0 && high >= 10*low {
		axis.Scale = plot.LogScale{}
		axis.Tick.Marker, axis.Min, axis.Max = decades(low, high)
		return
	}
	if high-low < 1e-9*math.Abs(high) || high == low {
		low, high = low-max(1e-9, math.Abs(low)/10), high+max(1e-9, math.Abs(high)/10)
	}
	ten := math.Pow(10, math.Floor(math.Log10((high-low)/2)))
	step := ten
	for _, wider := range []float64{2, 5, 10} {
		if (high-low)/step > 8 {
			step = wider * ten
		}
	}
	var marks plot.ConstantTicks
	from, to := math.Floor(low/step), math.Ceil(high/step)
	for k := from; k <= to; k++ {
		marks = append(marks, plot.Tick{Value: k * step, Label: short10(k * step)})
	}
	axis.Tick.Marker, axis.Min, axis.Max = marks, from*step, to*step
}

// decades are the marks 1, 2, 5, 10 and so on around a range.
func decades(low, high float64) (marks plot.ConstantTicks, from, to float64) {
	from, to = low, high
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			at := m * math.Pow(10, e)
			if at < low/2.6 || at > high*2.6 {
				continue
			}
			marks = append(marks, plot.Tick{Value: at, Label: short10(at)})
		}
	}
	for _, m := range marks {
		if m.Value <= low {
			from = m.Value
		}
	}
	for _, m := range slices.Backward(marks) {
		if m.Value >= high {
			to = m.Value
		}
	}
	return slices.DeleteFunc(marks, func(m plot.Tick) bool { return m.Value < from || m.Value > to }), from, to
}

// short10 writes a number of an axis with k, M or G.
func short10(x float64) string {
	for _, s := range []struct {
		of   float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= s.of {
			return strconv.FormatFloat(x/s.of, 'g', 4, 64) + s.name
		}
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
