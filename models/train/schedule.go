package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The kinds of schedules.
const (
	Constant = "constant"  // the base rate throughout
	Cosine   = "cosine"    // half a cosine from the base rate down to Final of it (Loshchilov and Hutter 2017, without restarts)
	Steps    = "step"      // multiplied by Factor every Every epochs, or at the epochs At
	OneCycle = "one-cycle" // linear from base/25 up to base over the first 30 %, then linear down to Final (Smith 2018)
)

const (
	cycleRise  = 0.3      // share of a one-cycle schedule that rises
	cycleStart = 1.0 / 25 // share of the base rate at which it begins
)

// Schedule is the course of the learning rate over a training.
//
// Warmup is a number of epochs in which the rate grows linearly, from one
// part of base in the first step to base in the last one. Cosine begins after
// it; the drops of step count epochs from the start of the training. For
// one-cycle, which rises anyway, Warmup sets how long the rise lasts, in place
// of the 30 %.
type Schedule struct {
	Kind   string  // constant, cosine, step or one-cycle
	Warmup int     // epochs
	Every  int     // step: epochs between drops
	At     []int   // step, instead of Every: the epochs, from 0, that begin with a drop, in rising order
	Factor float64 // step: multiplier of each drop, in (0, 1]
	Final  float64 // cosine, one-cycle: share of base that is reached when the last step is done, in [0, 1]
}

// Schedules returns the kinds of schedules.
func Schedules() []string { return []string{Constant, Cosine, Steps, OneCycle} }

// Validate checks the schedule for a training of that many epochs.
func (s Schedule) Validate(epochs int) error {
	if !slices.Contains(Schedules(), s.Kind) {
		return fmt.Errorf("schedule %q is not known, want one of %s", s.Kind, strings.Join(Schedules(), ", "))
	}
	if s.Warmup < 0 || s.Warmup > epochs {
		return fmt.Errorf("schedule %s: warmup %d is not in 0 to %d, the epochs of the training", s.Kind, s.Warmup, epochs)
	}
	if s.Kind == Steps {
		if err := s.validateSteps(); err != nil {
			return err
		}
	}
	if !(s.Final >= 0 && s.Final <= 1) {
		return fmt.Errorf("schedule %s: final %g is not in [0, 1]", s.Kind, s.Final)
	}
	return nil
}

func (s Schedule) validateSteps() error {
	switch {
	case len(s.At) == 0 && s.Every < 1:
		return fmt.Errorf("schedule %s: every %d is not at least 1 epoch", s.Kind, s.Every)
	case len(s.At) > 0 && s.Every != 0:
		return fmt.Errorf("schedule %s: every %d and at %v are given together, want one of them", s.Kind, s.Every, s.At)
	case !(s.Factor > 0 && s.Factor <= 1):
		return fmt.Errorf("schedule %s: factor %g is not in (0, 1]", s.Kind, s.Factor)
	}
	last := 0
	for _, epoch := range s.At {
		if epoch <= last {
			return fmt.Errorf("schedule %s: at %v: want epochs from 1 in rising order", s.Kind, s.At)
		}
		last = epoch
	}
	return nil
}

// drops is how many drops of a step schedule lie before or at the start of an
// epoch.
func (s Schedule) drops(epoch int64) int64 {
	if len(s.At) == 0 {
		return epoch / int64(s.Every)
	}
	n := int64(0)
	for _, at := range s.At {
		if epoch >= int64(at) {
			n++
		}
	}
	return n
}

// LR returns the learning rate of optimizer step number step, from 0, of a
// training of epochs times stepsPerEpoch steps. It is a pure function, so that
// a resumed training goes on with the same rates. The schedule must be valid
// and step less than the total.
func LR(s Schedule, base float64, step int64, stepsPerEpoch, epochs int) float64 {
	at, total, warm := float64(step), float64(stepsPerEpoch)*float64(epochs), float64(stepsPerEpoch)*float64(s.Warmup)
	if s.Kind == OneCycle {
		return base * oneCycle(at, total, warm, s.Final)
	}
	if at < warm {
		return base * (at + 1) / warm
	}
	switch s.Kind {
	case Cosine:
		return base * (s.Final + (1-s.Final)*(1+math.Cos(math.Pi*(at-warm)/(total-warm)))/2)
	case Steps:
		return base * math.Pow(s.Factor, float64(s.drops(step/int64(stepsPerEpoch))))
	default:
		return base
	}
}

// oneCycle is the one-cycle schedule as a share of the base rate.
func oneCycle(at, total, rise, final float64) float64 {
	if rise == 0 {
		rise = cycleRise * total
	}
	if at < rise {
		return cycleStart + (1-cycleStart)*at/rise
	}
	return 1 - (1-final)*(at-rise)/(total-rise)
}
