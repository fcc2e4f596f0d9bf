package activities

import (
	"espalier/config"
	"espalier/models/prune"
)

// options are what the pass asks of package prune. They are part of the step's
// key: what a method does not take is empty.
func (in PruneInput) options() prune.Options {
	p := in.Prune
	o := prune.Options{
		Method: p.Method, Scope: p.Scope, Granularity: p.Granularity,
		Sparsity: in.Sparsity, Layers: in.Layers, Channels: in.Channels, Params: in.Params, MACs: in.MACs, Latency: in.Latency,
		Quality: p.Quality, Exclude: p.Exclude, DeadNeurons: p.DeadNeurons, AdjustDropout: p.AdjustDropout,
		ChannelOptions: channelOptions(p),
		MethodOptions: prune.MethodOptions{
			Norm: p.Norm, Greedy: p.Greedy, Normalize: p.Normalize, Threshold: p.Threshold, Deviations: p.Deviations, Points: p.Points,
			Residual: is(p.Residual), Reconstruct: is(p.Reconstruct), Tolerance: p.Tolerance,
		},
	}
	if about, err := prune.Describe(p.Method); err == nil && (about.Draws || about.Data > 0) {
		o.Seed = in.Seed
	}
	return o
}

// channelOptions are those of methods that remove channels.
func channelOptions(p config.Prune) prune.ChannelOptions {
	if !p.RemovesChannels() {
		return prune.ChannelOptions{}
	}
	o := prune.ChannelOptions{Multiple: p.Multiple, MaxPerPass: p.MaxPerPass, Coupled: p.Coupled, Branch: is(p.Branch), Constants: p.Constants}
	if p.MinChannels != nil {
		if o.MinChannels = *p.MinChannels; o.MinChannels == 0 {
			o.MinChannels = -1 // 0 is the default there
		}
	}
	return o
}

func is(option *bool) bool { return option != nil && *option }
