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
	if err := checkNames(net, o); err != nil {
		return err
	}
	if err := checkRanges(o); err != nil {
		return err
	}
	return method.check(net, o)
}

// checkNames finds layers that the network does not have, and those that are
// both excluded and given a target.
func checkNames(net *models.Network, o Options) error {
	var layers []string
	for _, p := range prunable(net) {
		layers = append(layers, p.Node)
	}
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
	if o.Sparsity != 0 && !between0and1(o.Sparsity) {
		return fmt.Errorf("sparsity %g is not between 0 and 1", o.Sparsity)
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

// between0and1 excludes both ends, and NaN.
func between0and1(share float64) bool { return share > 0 && share < 1 }

func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
