package gorgonia

import (
	"fmt"

	"espalier/models"
)

// running are the running statistics of a batch normalization.
type running struct {
	node           string
	momentum       float64
	pixels         int
	moments        *buffer // of the batch: means, biased variances
	mean, variance []float32
}

func (s *session) newRunning(n normNode, moments *buffer) running {
	r := running{node: n.node.Name, momentum: n.node.Attrs.Defaults().Momentum, pixels: n.pixels, moments: moments}
	for _, p := range s.params {
		switch p.Name {
		case n.node.Name + "." + string(models.RoleMean):
			r.mean = p.Value
		case n.node.Name + "." + string(models.RoleVariance):
			r.variance = p.Value
		}
	}
	return r
}

// move takes in the moments of a batch of n samples, as PyTorch does: the
// running variance is of the unbiased kind.
func (r *running) move(n int) {
	m := float64(n * r.pixels)
	unbiased, c := m/(m-1), len(r.mean)
	for i := range r.mean {
		r.mean[i] += float32(r.momentum * (float64(r.moments.data[i]) - float64(r.mean[i])))
		r.variance[i] += float32(r.momentum * (float64(r.moments.data[c+i])*unbiased - float64(r.variance[i])))
	}
}

// checkMoments refuses a batch that has no variance.
func (s *session) checkMoments(n int) error {
	for i := range s.running {
		if r := &s.running[i]; n*r.pixels < 2 {
			return fmt.Errorf("engine gorgonia: node %s: batch normalization of 1 sample of 1 x 1 pixels, want 2 values of each channel or more", r.node)
		}
	}
	return nil
}
