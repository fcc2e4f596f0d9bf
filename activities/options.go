package activities

import (
	"espalier/config"
	"espalier/models"
	"espalier/models/train"
)

func trainOptions(t config.Train) train.Options {
	return train.Options{
		Epochs: t.Epochs, Batch: t.Batch, L1: penalty(t.L1), L2: penalty(t.L2), Clip: t.Clip, Seed: t.Seed,
		LabelSmoothing: t.LabelSmoothing, EMA: t.EMA,
		Optimizer: optimizer(t.Optimizer),
		Schedule: train.Schedule{
			Kind: t.Schedule.Kind, Warmup: t.Schedule.Warmup, Every: t.Schedule.Every, At: t.Schedule.At,
			Factor: t.Schedule.Factor, Final: t.Schedule.Final,
		},
	}
}

func penalty(p config.Penalty) train.Penalty {
	return train.Penalty{Weight: p.Weights, Bias: p.Biases, Gamma: p.Gamma, Beta: p.Beta, Only: p.Only}
}

func optimizer(o config.Optimizer) train.Optimizer {
	adam := func(kind string, a *config.Adam) train.Optimizer {
		return train.Optimizer{Kind: kind, LR: a.LR, Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps, WeightDecay: a.WeightDecay, DecayOn: roles(a.WeightDecayOn)}
	}
	switch {
	case o.Adam != nil:
		return adam("adam", o.Adam)
	case o.AdamW != nil:
		return adam("adamw", o.AdamW)
	case o.SGD != nil:
		return train.Optimizer{
			Kind: "sgd", LR: o.SGD.LR, Momentum: o.SGD.Momentum, Nesterov: o.SGD.Nesterov,
			WeightDecay: o.SGD.WeightDecay, DecayOn: roles(o.SGD.WeightDecayOn),
		}
	default:
		return train.Optimizer{}
	}
}

func roles(words []string) []models.Role {
	var all []models.Role
	for _, word := range words {
		all = append(all, config.Role(word))
	}
	return all
}
