package workflows

import (
	"math/rand/v2"

	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/prune"
)

// pruning spreads the targets over the passes: shares by the schedule's shape,
// thresholds by quality in equal parts. Of the links it names those that are
// there; the check before the first needs none.
func (r *run) pruning(head activities.Head, pass int) (activities.PruneInput, error) {
	p := *r.spec.Prune
	in := activities.PruneInput{Head: head, Batch: r.spec.Train.Batch}
	in.Draw, in.Seed = needs(p, r.spec.Train.Seed, pass)
	if in.Draw || p.RemovesChannels() || p.Recalibrate > 0 {
		in.Data, in.DataDigest = &r.spec.Data, r.state.DataDigest
	}
	if len(r.state.Links) > denseLink && p.RemovesChannels() {
		in.Dense = r.state.Links[denseLink].Checkpoint
	}
	if about, err := prune.Describe(p.Method); err == nil && about.Rewound && len(r.state.Links) > 0 {
		in.Early = r.state.Links[0].Checkpoint
		if p.Rewind > 0 && len(r.state.Links) > denseLink+1 {
			in.Early = r.state.Links[denseLink+1].Checkpoint
		}
	}
	if len(p.Quality) > 0 {
		quality := make(map[string]float64, len(p.Quality))
		for _, layer := range workflow.DeterministicKeys(p.Quality) {
			quality[layer] = p.Quality[layer] * float64(pass) / float64(p.Schedule.Passes)
		}
		p.Quality = quality
	}
	in.Prune = p
	return in, aim(&in, p.Schedule, pass)
}

// aim sets the shares that are to be gone after a pass.
func aim(in *activities.PruneInput, s config.PruneSchedule, pass int) error {
	at, err := s.At(pass)
	in.Sparsity, in.Channels, in.Params, in.MACs, in.Latency, in.Layers = at.Sparsity, at.Channels, at.Params, at.MACs, at.Latency, at.Layers
	return err
}

// needs says whether a method draws from a seed, training samples above all,
// and the seed of the pass. Others have none, so that their steps are the same
// whatever the seed.
func needs(p config.Prune, seed uint64, pass int) (draws bool, of uint64) {
	about, err := prune.Describe(p.Method)
	if err != nil || about.Data == 0 && !about.Draws {
		return false, 0
	}
	return about.Data > 0, rand.NewPCG(seed, 1<<32+uint64(pass)).Uint64()
}
