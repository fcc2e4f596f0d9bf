package prune

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/models"
)

// defaultQuality is the key of Options.Quality for layers not named in it.
const defaultQuality = "default"

// Check says whether the options make sense for a network of this graph. It
// does not look at the parameters' values, so that a fault is found before any
// training: the network that zoo.Build returns is enough.
func Check(net *models.Network, o Options) error {
	method, err := methodNamed(o.Method)
	if err != nil {
		return err
	}
	if !slices.Contains(Scopes(), o.Scope) {
		return fmt.Errorf("scope %q is not known; allowed are %s", o.Scope, strings.Join(Scopes(), ", "))
	}
	about := method.about()
	if !slices.Contains(about.Scopes, o.Scope) {
		return fmt.Errorf("scope %s: method %s takes %s", o.Scope, o.Method, strings.Join(about.Scopes, " and "))
	}
	granularity := about.granularity(o)
	if !slices.Contains(about.Granularities, granularity) {
		return fmt.Errorf("granularity %q: method %s takes %s", granularity, o.Method, strings.Join(about.Granularities, " and "))
	}
	if err := checkRanges(o); err != nil {
		return err
	}
	if err := o.checkTaken(about); err != nil {
		return err
	}
	layers, err := layerNames(net, o, granularity)
	if err != nil {
		return err
	}
	if err := checkNames(layers, o); err != nil {
		return err
	}
	return method.check(net, o)
}

// layerNames are the names that targets and exclusions may use.
func layerNames(net *models.Network, o Options, granularity string) ([]string, error) {
	if granularity == GranularityChannel {
		return channelLayers(net, o)
	}
	if goal, _ := o.goal(); goal != goalNone && goal != goalSparsity {
		return nil, fmt.Errorf("%s is for methods that remove channels; %s of granularity %s takes a sparsity", goal, o.Method, granularity)
	}
	var layers []string
	for _, p := range prunable(net) {
		layers = append(layers, p.Node)
	}
	return layers, nil
}

// given are the options for single methods that are set.
func (o Options) given() []string {
	var names []string
	for _, option := range []struct {
		name string
		set  bool
	}{
		{OptionQuality, len(o.Quality) > 0}, {OptionNorm, o.Norm != ""}, {OptionGreedy, o.Greedy}, {OptionFirst, o.First != ""}, {OptionNormalize, o.Normalize != ""},
		{OptionThreshold, o.Threshold != 0}, {OptionDeviations, o.Deviations != 0}, {OptionPoints, o.Points != 0},
		{OptionResidual, o.Residual}, {OptionReconstruct, o.Reconstruct}, {OptionTolerance, o.Tolerance != 0},
	} {
		if option.set {
			names = append(names, option.name)
		}
	}
	return names
}

// checkTaken refuses options of other methods.
func (o Options) checkTaken(about About) error {
	for _, name := range o.given() {
		if !slices.Contains(about.Takes, name) {
			return fmt.Errorf("%s has no meaning for method %s, only for %s", name, about.Name, strings.Join(takers(name), ", "))
		}
	}
	return nil
}

// takes says whether a method has an option.
func takes(method, option string) bool {
	m, ok := methods[method]
	return ok && slices.Contains(m.about().Takes, option)
}

// takers are the methods that take an option.
func takers(option string) []string {
	return slices.DeleteFunc(Methods(), func(method string) bool { return !takes(method, option) })
}

// checkNames finds layers that the network does not have, and those that are
// both excluded and given a target.
func checkNames(layers []string, o Options) error {
	targets := slices.DeleteFunc(sortedKeys(o.Quality), func(layer string) bool { return layer == defaultQuality })
	for _, names := range []struct {
		option string
		layers []string
	}{{"exclude", o.Exclude}, {"layers", sortedKeys(o.Layers)}, {"quality", targets}} {
		for _, layer := range names.layers {
			if !slices.Contains(layers, layer) {
				return fmt.Errorf("%s: layer %q is not known; allowed are %s", names.option, layer, strings.Join(layers, ", "))
			}
			if names.option != "exclude" && slices.Contains(o.Exclude, layer) {
				return fmt.Errorf("%s: layer %s is excluded too; give it one or the other", names.option, layer)
			}
		}
	}
	if !slices.ContainsFunc(layers, func(layer string) bool { return !slices.Contains(o.Exclude, layer) }) {
		return fmt.Errorf("exclude: no layer is left to prune of %s", strings.Join(layers, ", "))
	}
	return nil
}

func checkRanges(o Options) error {
	goals := 0
	for _, g := range o.goals() {
		if g.share != 0 && !between0and1(g.share) {
			return fmt.Errorf("%s %g is not between 0 and 1", g.goal, g.share)
		}
		if g.share != 0 {
			goals++
		}
	}
	if goals > 1 {
		return fmt.Errorf("%s are given together; want one of them", o.goalsGiven())
	}
	if err := o.checkNumbers(); err != nil {
		return err
	}
	for _, layer := range sortedKeys(o.Layers) {
		if !between0and1(o.Layers[layer]) {
			return fmt.Errorf("layers: sparsity %g of %s is not between 0 and 1", o.Layers[layer], layer)
		}
	}
	if o.Scope == ScopeGlobal && len(o.Layers) > 0 {
		return errors.New("layers: sparsities by layer need scope layer, in scope global one threshold decides")
	}
	for _, layer := range sortedKeys(o.Quality) {
		q := o.Quality[layer]
		if !(q > 0) || math.IsInf(q, 1) {
			return fmt.Errorf("quality %g of %s is not a positive number", q, layer)
		}
		if o.Scope == ScopeGlobal && layer != defaultQuality {
			return fmt.Errorf("quality: a value for %s needs scope layer, in scope global only %s is allowed", layer, defaultQuality)
		}
	}
	return nil
}

// checkNumbers finds numbers out of their range.
func (o Options) checkNumbers() error {
	for _, n := range []struct {
		name  string
		value float64
		right bool
		want  string
	}{
		{"max_per_pass", o.MaxPerPass, o.MaxPerPass >= 0 && o.MaxPerPass <= 1, "0 to 1"},
		{"multiple", float64(o.Multiple), o.Multiple >= 0, "at least 1"},
		{"min_channels", float64(o.MinChannels), o.MinChannels >= -1, "at least 1, or -1"},
		{OptionThreshold, o.Threshold, o.Threshold >= 0 && !math.IsInf(o.Threshold, 1), "at least 0"},
		{OptionDeviations, o.Deviations, !math.IsNaN(o.Deviations) && !math.IsInf(o.Deviations, 0), "a number"},
		{OptionPoints, float64(o.Points), o.Points >= 0, "at least 1"},
		{OptionTolerance, o.Tolerance, o.Tolerance >= 0 && o.Tolerance <= 1, "0 to 1"},
	} {
		if !n.right { // written so that NaN fails too
			return fmt.Errorf("%s %g: want %s", n.name, n.value, n.want)
		}
	}
	for _, word := range []struct {
		name, value string
		allowed     []string
	}{
		{OptionNorm, o.Norm, []string{"", "l1", "l2"}},
		{OptionFirst, o.First, []string{"", FirstSmallest, FirstLargest}},
		{OptionNormalize, o.Normalize, []string{"", "none", "mean", "max"}},
		{"constants", o.Constants, []string{"", ConstantsAbsorb, ConstantsDrop}},
	} {
		if !slices.Contains(word.allowed, word.value) {
			return fmt.Errorf("%s %q is not known; allowed are %s", word.name, word.value, strings.Join(word.allowed[1:], ", "))
		}
	}
	return nil
}

// between0and1 excludes both ends, and NaN.
func between0and1(share float64) bool { return share > 0 && share < 1 }

func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
