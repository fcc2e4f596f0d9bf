package train

import (
	"fmt"
	"math"
	"slices"

	"espalier/models/engine"
	"espalier/models/engine/kernel"
)

// average is the exponential moving average of all parameters, running
// statistics included (Polyak and Juditsky 1992; the form of timm): after each
// step shadow = d*shadow + (1-d)*value.
type average struct {
	decay  float64
	params []engine.Param
	shadow [][]float32
}

// prefixAverage begins the names of the averages in a training state.
const prefixAverage = "ema/"

// newAverage begins with the parameters as they are; nil for a decay of 0.
func newAverage(decay float64, params []engine.Param) *average {
	if decay == 0 {
		return nil
	}
	a := &average{decay: decay, params: params}
	for _, p := range params {
		a.shadow = append(a.shadow, slices.Clone(p.Value))
	}
	return a
}

// step averages after optimizer step t, counted from 1. Early on the decay is
// smaller, so that the first, random weights are soon forgotten.
func (a *average) step(t int64) {
	if a == nil {
		return
	}
	d := math.Min(a.decay, float64(1+t)/float64(10+t))
	for i, p := range a.params {
		kernel.Scale(a.shadow[i], float32(d))
		kernel.AddScaled(a.shadow[i], p.Value, float32(1-d))
	}
}

// mask zeroes the averages of masked weights.
func (a *average) mask() {
	if a == nil {
		return
	}
	for i, p := range a.params {
		kernel.Mask(a.shadow[i], p.Mask)
	}
}

// tensors are the live averages by name: "ema/fc1.weight".
func (a *average) tensors() map[string][]float32 {
	tensors := map[string][]float32{}
	if a == nil {
		return tensors
	}
	for i, p := range a.params {
		tensors[prefixAverage+p.Name] = a.shadow[i]
	}
	return tensors
}

func validDecay(d float64) error {
	if !(d >= 0 && d < 1) {
		return fmt.Errorf("ema %g is not in [0, 1)", d)
	}
	return nil
}
