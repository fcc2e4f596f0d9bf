package config

import (
	"cmp"

	"espalier/models/prune"
)

// complete fills in the defaults that depend on other fields.
func complete(s *Spec) {
	if s.Sweep != nil {
		completeSweep(s.Sweep)
	}
	if s.Exec != nil {
		completeExec(s.Exec)
		return
	}
	completeSchedule(&s.Train.Schedule)
	completeNetwork(&s.Network)
	completeOptimizer(s.Train.Optimizer)
	if s.Quantize != nil {
		completeQuantize(s.Quantize)
	}
	if s.Prune == nil {
		return
	}
	completePrune(s.Prune)
	completeSchedule(&s.Prune.Finetune.Schedule)
	completeOptimizer(s.Prune.Finetune.Optimizer)
	if s.Prune.Finetune.Epochs == 0 {
		s.Prune.Finetune.Epochs = s.Train.Epochs
	}
	if sparsify := s.Prune.Sparsify; sparsify != nil {
		completeSchedule(&sparsify.Schedule)
		completeOptimizer(sparsify.Optimizer)
	}
}

func completeSchedule(s *Schedule) {
	if s.Kind == "step" && s.Factor == 0 {
		s.Factor = 0.1
	}
}

// completePrune fills in what differs from method to method. What a method
// does not take stays empty.
func completePrune(p *Prune) {
	about, err := prune.Describe(p.Method)
	if err != nil {
		return // noted by the decoder
	}
	p.completeGranularity(about)
	if p.Scope == "" {
		p.Scope = about.Scopes[0]
	}
	orElse(&p.Samples, about.Data)
	for _, option := range about.Takes {
		switch option {
		case prune.OptionNorm:
			orElse(&p.Norm, "l1")
		case prune.OptionFirst:
			if p.First == prune.FirstSmallest {
				p.First = "" // as it was before there was another
			}
		case prune.OptionNormalize:
			orElse(&p.Normalize, cmp.Or(about.Normalize, "none"))
		case prune.OptionDeviations:
			if p.Schedule.Target.IsZero() {
				orElse(&p.Deviations, 1)
			}
		case prune.OptionPoints:
			orElse(&p.Points, 10)
		case prune.OptionResidual:
			orElse(&p.Residual, pointer(true))
		case prune.OptionReconstruct:
			orElse(&p.Reconstruct, pointer(true))
		}
	}
}

// completeGranularity fills in the granularity and what depends on it. That of
// methods which mask weights first is left out when it is what they do anyway,
// as it was before there were others.
func (p *Prune) completeGranularity(about prune.About) {
	orElse(&p.Granularity, about.Granularities[0])
	if !p.RemovesChannels() {
		if p.Granularity == about.Granularities[0] {
			p.Granularity = ""
		}
		return
	}
	p.DeadNeurons, p.AdjustDropout = false, false
	orElse(&p.MinChannels, pointer(1))
	orElse(&p.Multiple, 1)
	orElse(&p.MaxPerPass, 1)
	orElse(&p.Branch, &about.Branch)
	orElse(&p.Constants, cmp.Or(about.Constants, prune.ConstantsDrop))
}

// orElse sets what is empty.
func orElse[T comparable](at *T, value T) {
	if *at == *new(T) {
		*at = value
	}
}

func pointer[T any](value T) *T { return &value }
