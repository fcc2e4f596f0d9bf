package config

import (
	"math/rand/v2"

	"espalier/models/prune"
)

// sparsifying sets the seeds of training before a pruning pass apart from those
// of the training after it.
const sparsifying = 2 << 32

// FinetuneTrain is the training after a pruning pass, 1 to Schedule.Passes,
// with nothing left open: what prune.finetune does not say is as in train. The
// optimizer is then train's with a tenth of its learning rate (Han et al.
// 2015), or with all of it where the method trains anew from early weights; the
// warm-up of train's schedule is cut to the epochs that there are. Proximal
// steps are train's alone. The seed is drawn from train's and the pass, so that
// each pass sees the data in an order of its own. A spec without prune answers
// with train itself.
func (s *Spec) FinetuneTrain(pass int) Train {
	if s.Prune == nil {
		t := s.Train
		t.Optimizer = t.Optimizer.slowed(1)
		return t
	}
	f := s.Prune.Finetune
	if s.Prune.Schedule.arrives(pass) && f.LastEpochs > 0 {
		f.Epochs = f.LastEpochs
	}
	if f.Optimizer == (Optimizer{}) && !s.Prune.rewinds() {
		f.Optimizer = s.Train.Optimizer.slowed(10)
	}
	t := s.Train.with(f.Epochs, f.Optimizer, f.Schedule, f.L1, f.L2)
	t.ISTA, t.Distill = nil, f.Distill
	t.Seed = rand.NewPCG(s.Train.Seed, uint64(pass)).Uint64()
	return t
}

// SparsifyTrain is the training before the pruning of a pass, 1 to
// Schedule.Passes, with nothing left open, and whether there is any: what
// prune.sparsify does not say is as in train, the learning rate too. The seed
// is drawn from train's and the pass, and is another than FinetuneTrain's.
func (s *Spec) SparsifyTrain(pass int) (Train, bool) {
	if s.Prune == nil || s.Prune.Sparsify == nil || pass < s.Prune.Sparsify.From || pass > s.Prune.Schedule.Passes {
		return Train{}, false
	}
	f := s.Prune.Sparsify
	t := s.Train.with(f.Epochs, f.Optimizer, f.Schedule, f.L1, f.L2)
	if f.ISTA != nil {
		t.ISTA = f.ISTA
	}
	t.Seed = rand.NewPCG(s.Train.Seed, sparsifying+uint64(pass)).Uint64()
	return t, true
}

// rewinds says whether the network is trained anew after a pass.
func (p *Prune) rewinds() bool {
	about, err := prune.Describe(p.Method)
	return err == nil && about.Rewound
}

// with is t for so many epochs, with what is not empty of the others.
func (t Train) with(epochs int, o Optimizer, s Schedule, l1, l2 *Penalty) Train {
	t.Epochs = epochs
	if o == (Optimizer{}) {
		o = t.Optimizer
	}
	t.Optimizer = o.slowed(1)
	if !s.IsZero() {
		t.Schedule = s
	}
	t.Schedule.Warmup = min(t.Schedule.Warmup, t.Epochs)
	if l1 != nil {
		t.L1 = *l1
	}
	if l2 != nil {
		t.L2 = *l2
	}
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
