package activities

import (
	"fmt"
	"maps"
	"slices"

	"espalier/config"
	"espalier/models"
	"espalier/models/engine"
	"espalier/models/prune/channel"
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

// options are the training's, for a network whose scales may be pulled on.
func (in TrainInput) options(net *models.Network) (train.Options, error) {
	o := trainOptions(in.Train)
	o.Until = in.Until
	if d := in.Train.Distill; d != nil {
		o.Distill = engine.Distillation{Weight: d.Weight, Temperature: d.Temperature}
	}
	if in.Train.ISTA == nil {
		return o, nil
	}
	penalties, err := channel.Penalties(net)
	if err != nil {
		return o, err
	}
	if len(penalties) == 0 {
		return o, fmt.Errorf("ista: network %s has no scales of batch normalization to pull on", net.Name)
	}
	for _, gamma := range slices.Sorted(maps.Keys(penalties)) {
		o.Proximal = append(o.Proximal, train.Proximal{Param: gamma, Lambda: in.Train.ISTA.Rho * penalties[gamma]})
	}
	return o, nil
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
