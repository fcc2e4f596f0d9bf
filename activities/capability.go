package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"espalier/config"
)

// Capability is what a worker has.
type Capability struct {
	Cores    int      `json:"cores"`
	Memory   float64  `json:"memory"` // GiB
	GPUs     []GPU    `json:"gpus,omitempty"`
	Trainers []string `json:"trainers,omitempty"` // that it allows
}

// GPU is one of a worker's.
type GPU struct {
	UUID   string  `json:"uuid"`
	Name   string  `json:"name,omitempty"`
	Memory float64 `json:"memory,omitempty"` // GiB
}

// Needs are what a worker must have to take a run's steps, beyond serving
// their queue.
type Needs struct {
	Demands *config.Resources `json:"demands,omitempty"`
	Trainer string            `json:"trainer,omitempty"`
}

// NeedsOf are those of a spec; nil if there are none.
func NeedsOf(spec *config.Spec) *Needs {
	n := Needs{Demands: spec.Resources.Demands()}
	if spec.Exec != nil {
		n.Trainer = spec.Exec.Trainer
	}
	if n == (Needs{}) {
		return nil
	}
	return &n
}

// Lacks says what a worker lacks of the needs; nothing if it has all of them.
func (c Capability) Lacks(n *Needs) string {
	if n == nil {
		return ""
	}
	if n.Trainer != "" && !slices.Contains(c.Trainers, n.Trainer) {
		return fmt.Sprintf("it does not allow trainer %s", n.Trainer)
	}
	if n.Demands == nil {
		return ""
	}
	switch d := *n.Demands; {
	case c.Cores < d.Cores:
		return fmt.Sprintf("it has %d cores of %d", c.Cores, d.Cores)
	case c.Memory < d.Memory:
		return fmt.Sprintf("it has %.4g GiB of memory of %.4g", c.Memory, d.Memory)
	case len(c.fitting(d)) < d.GPUs:
		return fmt.Sprintf("it has %d of %s", len(c.fitting(d)), gpuWords(d))
	}
	return ""
}

// Machine is what a machine must have, in words: "8 cores, 64 GiB of memory and
// 1 GPU A100"; nothing if any will do.
func (n *Needs) Machine() string {
	if n.Demands == nil {
		return ""
	}
	d := *n.Demands
	var words []string
	if d.Cores == 1 {
		words = append(words, "1 core")
	} else if d.Cores > 0 {
		words = append(words, fmt.Sprintf("%d cores", d.Cores))
	}
	if d.Memory > 0 {
		words = append(words, fmt.Sprintf("%.4g GiB of memory", d.Memory))
	}
	if d.GPUs > 0 {
		words = append(words, gpuWords(d))
	}
	if last := len(words) - 1; last > 0 {
		words = []string{strings.Join(words[:last], ", "), words[last]}
	}
	return strings.Join(words, " and ")
}

// fitting are the GPUs of the kind that is asked for.
func (c Capability) fitting(d config.Resources) []GPU {
	return slices.DeleteFunc(slices.Clone(c.GPUs), func(g GPU) bool {
		return g.Memory < d.GPUMemory || !strings.Contains(strings.ToLower(g.Name), strings.ToLower(d.GPUType))
	})
}

// gpuWords is "2 GPUs A100 with 40 GiB".
func gpuWords(d config.Resources) string {
	words := fmt.Sprintf("%d GPUs", d.GPUs)
	if d.GPUs == 1 {
		words = "1 GPU"
	}
	if d.GPUType != "" {
		words += " " + d.GPUType
	}
	if d.GPUMemory > 0 {
		words += fmt.Sprintf(" with %.4g GiB", d.GPUMemory)
	}
	return words
}

// fits is an error if the worker has not what a step demands.
func (s *Steps) fits(demands *config.Resources) error {
	if s.Machine.Cores == 0 || demands == nil {
		return nil
	}
	if lacks := s.Machine.Lacks(&Needs{Demands: demands}); lacks != "" {
		return &unfitError{fmt.Errorf("worker %s cannot take the step: %s", s.Worker, lacks)}
	}
	return nil
}

// gpus knows which of a worker's GPUs are taken, so that each has one step.
type gpus struct {
	mu    sync.Mutex
	taken map[string]bool // by UUID
}

// take takes n GPUs of those, or none; in the order that the worker has them.
func (g *gpus) take(of []GPU, n int) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var free []string
	for _, gpu := range of {
		if !g.taken[gpu.UUID] && len(free) < n {
			free = append(free, gpu.UUID)
		}
	}
	if len(free) < n {
		return nil
	}
	if g.taken == nil {
		g.taken = make(map[string]bool)
	}
	for _, uuid := range free {
		g.taken[uuid] = true
	}
	return free
}

func (g *gpus) giveBack(uuids []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, uuid := range uuids {
		delete(g.taken, uuid)
	}
}

// takeGPUs waits until the step has the GPUs that it demands.
func (a *attempt) takeGPUs(ctx context.Context) (uuids []string, giveBack func(), err error) {
	d := a.head.Demands
	if d == nil || d.GPUs == 0 {
		return nil, func() {}, nil
	}
	pool, fitting := &a.steps.gpus, a.steps.Machine.fitting(*d)
	for {
		if uuids = pool.take(fitting, d.GPUs); uuids != nil {
			return uuids, func() { pool.giveBack(uuids) }, nil
		}
		a.pulse.set(func(g *Progress) { g.Phase = "waiting for " + gpuWords(*d) })
		if err := a.interrupted(ctx); err != nil {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
		case <-a.drain:
		case <-time.After(200 * time.Millisecond):
		}
	}
}
