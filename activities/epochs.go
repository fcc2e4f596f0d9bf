package activities

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"espalier/models/checkpoint"
)

// Epoch is what a training's journal tells of an epoch, counted from 1.
type Epoch struct {
	CurvePoint
	Looked  bool    // Loss and Accuracy are known: the network was evaluated then
	LR      float64 // learning rate of the last optimizer step
	Seconds float64 // since the attempt began
}

// Epochs are those that entries of a training's journal tell of, in order. What
// an attempt repeats has the same numbers, and those of the newest count.
func Epochs(entries []checkpoint.Entry) []Epoch {
	all := map[int]*Epoch{}
	for _, entry := range entries {
		for key, v := range entry.Metrics {
			rest, ok := strings.CutPrefix(key, "curve/")
			number, what, cut := strings.Cut(rest, "/")
			n, err := strconv.Atoi(number)
			if !ok || !cut || err != nil || n < 1 {
				continue
			}
			if all[n] == nil {
				all[n] = &Epoch{CurvePoint: CurvePoint{Epoch: n}}
			}
			all[n].take(what, v)
		}
	}
	epochs := make([]Epoch, 0, len(all))
	for _, e := range all {
		epochs = append(epochs, *e)
	}
	slices.SortFunc(epochs, func(a, b Epoch) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return epochs
}

func (e *Epoch) take(what string, v float64) {
	switch what {
	case curveTrainLoss:
		e.TrainLoss = v
	case curveTrainAcc:
		e.TrainAccuracy = v
	case curveLoss:
		e.Loss, e.Looked = v, true
	case curveAcc:
		e.Accuracy, e.Looked = v, true
	case curveRate:
		e.LR = v
	case curveSeconds:
		e.Seconds = v
	}
}
