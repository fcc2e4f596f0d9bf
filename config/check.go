package config

import (
	"slices"
	"strings"

	"espalier/models/data"
)

// check notes what no field shows by itself. A rule speaks only when the
// fields that it looks at are right by themselves.
func check(d *decoder, s *Spec) {
	d.checkDurability(s.Durability)
	d.checkResources(s)
	if s.Exec != nil {
		d.checkExec(s)
		return
	}
	d.checkNetwork(s)
	d.checkData(s)
	d.checkOptimizer("train.optimizer", s.Train.Optimizer)
	d.checkPenalties("train", s, &s.Train.L1, &s.Train.L2)
	d.checkScaled("train.ista", s, s.Train.ISTA != nil)
	if n := s.Network; n.Trained && !d.faulty("network") && (n.Fresh || n.Checkpoint == "" && n.File() == "") {
		d.note("network.trained", "only a network of checkpoint, weights or onnx is, and none that is fresh")
	}
	if s.Network.Trained && s.Prune != nil && s.Prune.Rewind > 0 && !d.faulty("prune.rewind") {
		d.note("prune.rewind", "network.trained leaves out the training that it would go back into")
	}
	if !d.faulty("train.epochs") {
		d.checkSchedule("train.schedule", s.Train.Schedule, s.Train.Epochs)
	}
	if s.Quantize != nil {
		d.checkQuantize(s)
	}
	if s.Prune == nil {
		return
	}
	d.checkFinetune(s)
	d.checkSparsify(s)
	d.checkPrune(s)
}

// faulty says whether a fault is known of one of the paths or of anything
// inside it.
func (d *decoder) faulty(paths ...string) bool {
	hit := func(place string) bool {
		return slices.ContainsFunc(paths, func(path string) bool {
			rest, inside := strings.CutPrefix(place, path)
			return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
		})
	}
	return slices.ContainsFunc(d.misspelt, hit) || slices.ContainsFunc(d.faults, func(f Fault) bool { return hit(f.Path) })
}

// given says whether the path stands in the file.
func (d *decoder) given(path string) bool {
	_, ok := d.places[path]
	return ok
}

// note is a fault at the path, or at the nearest one around it that stands in
// the file.
func (d *decoder) note(path, format string, args ...any) {
	around := path
	for !d.given(around) {
		around = around[:max(strings.LastIndexByte(around, '.'), 0)]
	}
	d.fault(path, d.places[around], format, args...)
}

func (d *decoder) checkData(s *Spec) {
	if d.faulty("data") {
		return
	}
	switch builtIn, path := s.Data.Name == data.Digits, s.Data.Path != ""; {
	case builtIn && path:
		d.note("data.path", "data %s is built in and has no files; leave path out", s.Data.Name)
	case !builtIn && !path:
		d.note("data.path", "missing; data %s needs the folder of its files", s.Data.Name)
	}
	if name := s.Data.Name; s.Data.ExtraTest != "" && name != data.CIFAR10 && name != data.CIFAR100 {
		d.note("data.extra_test", "data %s has no more test samples; leave extra_test out", name)
	}
	if n := s.Data.Normalize; len(n.Mean) != len(n.Deviation) {
		d.note("data.normalize", "%d means and %d deviations; want one of each for every channel", len(n.Mean), len(n.Deviation))
	}
	if s.Data.Train > 0 && s.Data.Validation >= s.Data.Train {
		d.note("data.validation", "%d would hold out all of the %d training samples", s.Data.Validation, s.Data.Train)
	}
}

// checkResources: only trainers compute on GPUs.
func (d *decoder) checkResources(s *Spec) {
	r := s.Resources
	switch {
	case d.faulty("resources"):
	case r.GPUs > 0 && s.Exec == nil:
		d.note("resources.gpus", "has no meaning without exec: the built-in engine computes on the processor; leave gpus out")
	case r.GPUs == 0 && (r.GPUMemory > 0 || r.GPUType != ""):
		d.note("resources.gpus", "missing; gpu_memory and gpu_type say of what kind the GPUs must be")
	}
}

func (d *decoder) checkDurability(dur Durability) {
	if d.faulty("durability") {
		return
	}
	if dur.StepTimeout <= dur.HeartbeatTimeout {
		d.note("durability.step_timeout", "%s is not longer than heartbeat_timeout, %s", dur.StepTimeout, dur.HeartbeatTimeout)
	}
	if dur.StepTimeout <= dur.CheckpointEvery {
		d.note("durability.step_timeout", "%s is not longer than checkpoint_every, %s: no attempt would get anywhere", dur.StepTimeout, dur.CheckpointEvery)
	}
}
