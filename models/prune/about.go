package prune

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/models"
)

// The granularities of pruning.
const (
	GranularityChannel    = "channel"    // filters and neurons, removed: the network becomes smaller
	GranularityConnection = "connection" // single weights, masked: the network keeps its shape
)

// The options that only some methods take, by the names that specs use.
const (
	OptionQuality     = "quality"
	OptionNorm        = "norm"
	OptionGreedy      = "greedy"
	OptionFirst       = "first"
	OptionNormalize   = "normalize"
	OptionThreshold   = "threshold"
	OptionDeviations  = "deviations"
	OptionPoints      = "points"
	OptionResidual    = "residual"
	OptionReconstruct = "reconstruct"
	OptionTolerance   = "tolerance"
)

// About describes a method: what a spec may ask of it, and what is so if the
// spec does not say.
type About struct {
	Name  string
	Paper string // where it comes from
	Doc   string // what it does, one sentence

	Granularities []string // what it can remove; the first is the default
	Scopes        []string // the first is the default
	// Open methods have a threshold of their own and work without a target.
	Open bool
	// Data says that it looks at training samples, and how many by default.
	Data int
	// Draws methods choose at random, by Options.Seed.
	Draws bool
	// Takes are the options beyond those that all methods of its granularity have.
	Takes []string

	// The defaults that differ from method to method.
	Branch    bool   // selections before readers of shared tensors
	Constants string // see Options.Constants
	Normalize string // see MethodOptions.Normalize; "" is none
	// Rewound methods train the network anew after a pass, from early weights.
	Rewound bool
}

// A method decides what goes. To add one, write it in a file of its own that
// declares var _ = add(...): options, budgets, surgery, config and workflows
// learn of it by [Describe].
type method interface {
	about() About
	// check refuses options that make no sense for the method on this graph;
	// it must not look at the parameters' values. Names, scope and ranges are
	// checked before.
	check(net *models.Network, o Options) error
	// plan chooses, for a valid network and checked options.
	plan(ctx context.Context, net *models.Network, o Options, b Basis) (*Plan, error)
}

// methods has every method by its name.
var methods = map[string]method{}

// add is called once for each method, where it is written.
func add(m method) struct{} {
	methods[m.about().Name] = m
	return struct{}{}
}

// Methods lists the methods, sorted.
//
//workflowcheck:ignore
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }

// Describe answers what a method is; its error lists the methods.
func Describe(name string) (About, error) {
	m, err := methodNamed(name)
	if err != nil {
		return About{}, err
	}
	return m.about(), nil
}

func methodNamed(name string) (method, error) {
	if m, ok := methods[name]; ok {
		return m, nil
	}
	return nil, fmt.Errorf("method %q is not known; allowed are %s", name, strings.Join(Methods(), ", "))
}

// granularity is what the options remove.
func (a About) granularity(o Options) string {
	if o.Granularity != "" {
		return o.Granularity
	}
	return a.Granularities[0]
}
