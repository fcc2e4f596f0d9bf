package config

import (
	"slices"

	"espalier/models"
)

func (d *decoder) checkFinetune(s *Spec) {
	finetune := s.Prune.Finetune
	d.checkOptimizer("prune.finetune.optimizer", finetune.Optimizer)
	d.checkPenalties("prune.finetune", s, finetune.L1, finetune.L2)
	if d.given("prune.finetune.schedule") && !d.faulty("prune.finetune", "train.epochs") {
		epochs := finetune.Epochs
		if last := finetune.LastEpochs; last > 0 {
			epochs = min(epochs, last)
		}
		d.checkSchedule("prune.finetune.schedule", finetune.Schedule, epochs)
	}
}

func (d *decoder) checkSparsify(s *Spec) {
	d.checkScaled("prune.recalibrate", s, s.Prune.Recalibrate > 0)
	sparsify := s.Prune.Sparsify
	if sparsify == nil {
		return
	}
	d.checkOptimizer("prune.sparsify.optimizer", sparsify.Optimizer)
	d.checkPenalties("prune.sparsify", s, sparsify.L1, sparsify.L2)
	d.checkScaled("prune.sparsify.ista", s, sparsify.ISTA != nil)
	if d.given("prune.sparsify.schedule") && !d.faulty("prune.sparsify") {
		d.checkSchedule("prune.sparsify.schedule", sparsify.Schedule, sparsify.Epochs)
	}
	if passes := s.Prune.Schedule.Passes; sparsify.From > passes && !d.faulty("prune.sparsify.from", "prune.schedule.passes") {
		d.note("prune.sparsify.from", "%d is after the last of the passes: %d", sparsify.From, passes)
	}
}

// checkRewind: a network is rewound to what train makes on its way.
func (d *decoder) checkRewind(s *Spec) {
	if rewind, epochs := s.Prune.Rewind, s.Train.Epochs; rewind >= epochs && rewind > 0 && !d.faulty("prune.rewind", "train.epochs") {
		d.note("prune.rewind", "%d is not before the end of train, whose epochs are %d", rewind, epochs)
	}
}

// checkScaled notes what works on batch normalization and is wanted of a
// network that has none.
func (d *decoder) checkScaled(path string, s *Spec, wanted bool) {
	if !wanted || d.faulty("network", path) {
		return
	}
	net, err := outline(s.Network)
	if err != nil {
		return // noted by checkNetwork, or only known when the network is read
	}
	if !slices.ContainsFunc(net.Params, func(p *models.Param) bool { return p.Role == models.RoleGamma }) {
		d.note(path, "the network has no batch normalization")
	}
}

func (d *decoder) checkOptimizer(path string, o Optimizer) {
	if o.SGD != nil && o.SGD.Nesterov && o.SGD.Momentum == 0 && !d.faulty(path) {
		d.note(path+".sgd.nesterov", "wants a momentum above 0")
	}
}

func (d *decoder) checkSchedule(path string, s Schedule, epochs int) {
	if d.faulty(path) {
		return
	}
	if s.Warmup > epochs {
		d.note(path+".warmup", "%d is more than the %d epochs that it is part of", s.Warmup, epochs)
	}
	if s.Kind == "step" {
		d.checkDrops(path, s)
	}
	for _, key := range []string{"every", "at", "factor"} {
		d.meant(join(path, key), "kind", s.Kind, []string{"step"})
	}
	d.meant(join(path, "final"), "kind", s.Kind, []string{"cosine", "one-cycle"})
}

// checkDrops checks when a step schedule drops.
func (d *decoder) checkDrops(path string, s Schedule) {
	switch {
	case s.Every == 0 && len(s.At) == 0:
		d.note(path+".every", "missing; kind step needs the number of epochs between two drops, or the epochs themselves in at")
	case s.Every > 0 && len(s.At) > 0:
		d.note(path+".at", "given together with every; want one of the two")
	}
	for i := range s.At {
		if i > 0 && s.At[i] <= s.At[i-1] {
			d.note(index(path+".at", i), "%d does not come after %d; want rising epochs", s.At[i], s.At[i-1])
		}
	}
}
