package config

import "math/rand/v2"

// FinetuneTrain is the training after a pruning pass, 1 to Schedule.Passes,
// with nothing left open: what prune.finetune does not say is as in train. The
// optimizer is then train's with a tenth of its learning rate (Han et al.
// 2015); the warm-up of train's schedule is cut to the epochs that there are.
// The seed is drawn from train's and the pass, so that each pass sees the data
// in an order of its own. A spec without prune answers with train itself.
func (s *Spec) FinetuneTrain(pass int) Train {
	t := s.Train
	t.Optimizer = t.Optimizer.slowed(1)
	if s.Prune == nil {
		return t
	}
	f := s.Prune.Finetune
	t.Epochs = f.Epochs
	if pass == s.Prune.Schedule.Passes && f.LastEpochs > 0 {
		t.Epochs = f.LastEpochs
	}
	t.Optimizer = t.Optimizer.slowed(10)
	if f.Optimizer != (Optimizer{}) {
		t.Optimizer = f.Optimizer.slowed(1)
	}
	if !f.Schedule.IsZero() {
		t.Schedule = f.Schedule
	}
	t.Schedule.Warmup = min(t.Schedule.Warmup, t.Epochs)
	if f.L1 != nil {
		t.L1 = *f.L1
	}
	if f.L2 != nil {
		t.L2 = *f.L2
	}
	t.Seed = rand.NewPCG(s.Train.Seed, uint64(pass)).Uint64()
	return t
}

// slowed is a deep copy with the learning rate divided by by. (0.1 times 0.1 is
// not 0.01 in binary, 0.1 divided by 10 is.)
func (o Optimizer) slowed(by float64) Optimizer {
	if o.SGD != nil {
		sgd := *o.SGD
		sgd.LR /= by
		o.SGD = &sgd
	}
	if o.Adam != nil {
		adam := *o.Adam
		adam.LR /= by
		o.Adam = &adam
	}
	if o.AdamW != nil {
		adam := *o.AdamW
		adam.LR /= by
		o.AdamW = &adam
	}
	return o
}
