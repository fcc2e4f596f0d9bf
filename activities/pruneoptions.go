package activities

import "espalier/models/prune"

// options are what the pass asks of package prune, and part of the step's key:
// the seed stands there for methods that draw or look at samples alone.
func (in PruneInput) options() prune.Options {
	o := in.Prune.Options()
	o.Quality, o.Layers = in.Prune.Quality, in.Layers
	o.Sparsity, o.Channels, o.Params, o.MACs, o.Latency = in.Sparsity, in.Channels, in.Params, in.MACs, in.Latency
	if about, err := prune.Describe(in.Prune.Method); err == nil && (about.Draws || about.Data > 0) {
		o.Seed = in.Seed
	}
	return o
}
