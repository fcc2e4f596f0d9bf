package config

import "espalier/models/prune"

// Options are the options of package prune but for those that differ from pass
// to pass: the goal, qualities, and the seed. They are part of step keys: what
// a method does not take is empty.
func (p *Prune) Options() prune.Options {
	return prune.Options{
		Method: p.Method, Scope: p.Scope, Granularity: p.Granularity,
		Exclude: p.Exclude, DeadNeurons: p.DeadNeurons, AdjustDropout: p.AdjustDropout,
		ChannelOptions: p.channelOptions(),
		MethodOptions: prune.MethodOptions{
			Norm: p.Norm, Greedy: p.Greedy, First: p.First, Normalize: p.Normalize, Threshold: p.Threshold, Deviations: p.Deviations, Points: p.Points,
			Residual: is(p.Residual), Reconstruct: is(p.Reconstruct), Tolerance: p.Tolerance,
		},
	}
}

// channelOptions are those of methods that remove channels.
func (p *Prune) channelOptions() prune.ChannelOptions {
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
