package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// interval is a range of numbers in the notation of mathematics: "[0,1)" is at
// least 0 and below 1, "(0,)" above 0. The zero value is all numbers. Bounds
// are kept as they were written, so that messages can show them.
type interval struct {
	low, high         string // empty: none
	lowOpen, highOpen bool   // the bound itself is not allowed
}

func newInterval(tag string) interval {
	low, high, ok := strings.Cut(tag, ",")
	if !ok {
		return interval{}
	}
	return interval{low: low[1:], lowOpen: low[0] == '(', high: high[:len(high)-1], highOpen: high[len(high)-1] == ')'}
}

// contains says whether x, in nanoseconds for durations, is inside.
func (i interval) contains(x float64) bool {
	if i.low != "" {
		if low := bound(i.low); !(x > low || (x == low && !i.lowOpen)) {
			return false
		}
	}
	if i.high != "" {
		if high := bound(i.high); !(x < high || (x == high && !i.highOpen)) {
			return false
		}
	}
	return true
}

// bound is the value of a written bound. One that cannot be read is not a
// number, and no value is inside it.
func bound(text string) float64 {
	if d, err := ParseDuration(text); err == nil {
		return float64(d)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// phrase says in words what is inside: "at least 0 % and below 100 %".
func (i interval) phrase(fraction bool) string {
	low, high := i.low, i.high
	if fraction {
		low, high = percent(low), percent(high)
	}
	switch {
	case low == "" && high == "":
		return ""
	case high == "":
		return atLeast(i.lowOpen) + low
	case low == "":
		return atMost(i.highOpen) + high
	case i.lowOpen && i.highOpen:
		return fmt.Sprintf("between %s and %s, both excluded", low, high)
	case !i.lowOpen && !i.highOpen:
		return fmt.Sprintf("between %s and %s", low, high)
	default:
		return atLeast(i.lowOpen) + low + " and " + atMost(i.highOpen) + high
	}
}

func atLeast(open bool) string {
	if open {
		return "above "
	}
	return "at least "
}

func atMost(open bool) string {
	if open {
		return "below "
	}
	return "at most "
}

func percent(text string) string {
	if text == "" {
		return ""
	}
	return strconv.FormatFloat(bound(text)*100, 'g', -1, 64) + " %"
}
