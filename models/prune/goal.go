package prune

import (
	"strings"

	"espalier/models/prune/channel"
)

// A goal is what a share is a share of.
const (
	goalNone     = ""
	goalSparsity = "sparsity"
	goalChannels = "channels"
	goalParams   = "params"
	goalMACs     = "macs"
	goalLatency  = "latency"
)

type target struct {
	goal  string
	share float64
}

func (o Options) goals() []target {
	return []target{{goalSparsity, o.Sparsity}, {goalChannels, o.Channels}, {goalParams, o.Params}, {goalMACs, o.MACs}, {goalLatency, o.Latency}}
}

// goal is the one that is set.
func (o Options) goal() (string, float64) {
	for _, g := range o.goals() {
		if g.share != 0 {
			return g.goal, g.share
		}
	}
	return goalNone, 0
}

func (o Options) goalsGiven() string {
	var names []string
	for _, g := range o.goals() {
		if g.share != 0 {
			names = append(names, g.goal)
		}
	}
	return strings.Join(names, " and ")
}

// amount is what a budget counts of a cost.
func amount(goal string, c channel.Cost) int64 {
	switch goal {
	case goalSparsity:
		return c.Weights
	case goalParams:
		return c.Params
	default:
		return c.MACs
	}
}
