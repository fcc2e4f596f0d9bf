// Package gorgonia is the default engine. It writes a network as a Gorgonia
// expression of fused operations, lets Gorgonia differentiate it, and then
// compiles the sorted graph into a program of its own. A step allocates nothing
// and gives the same bits for the same [engine.Fingerprint].
//
// # From a network to an expression
//
// A group of the network's nodes becomes one operation: a convolution with its
// bias, the addition and the relu behind it; a batch normalization with the
// same; for inference, a layer with the batch normalization behind it folded
// into its weights. Images are samples of rows of pixels of channels (NHWC)
// here, whatever the world outside has.
//
// # From an expression to a program
//
// A program goes through stages. In a stage each part of the batch, one for
// each thread, runs all tasks on samples of its own, in chunks so small that
// values stay in the cache from task to task; then all wait for all. What needs
// the whole batch, such as the moments of batch normalization or the gradient
// of a filter, is a sum that every part has a share of, merged in the parts'
// order at the next stage. Memory is planned: a value that lives within a stage
// has room for a chunk, others share one arena by the stages in which they are
// needed, and what is cheap to compute is computed again rather than kept.
//
// The package is the only one that imports Gorgonia.
package gorgonia

import (
	"fmt"
	"runtime"

	"github.com/klauspost/cpuid/v2"
	_ "go4.org/unsafe/assume-no-moving-gc" // lets Gorgonia start on this Go release

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
)

// version counts changes of this engine that change bits. It is part of every
// step key.
const version = 2

// Options say how the engine computes.
type Options struct {
	// Threads is into how many parts a batch is divided at most; 0 is one for
	// each processor that the process may use. Results depend on it to the bit.
	Threads int
	// BLAS multiplies the matrices; nil is blas.Open's choice.
	BLAS blas.Library
}

// New returns the engine.
func New(o Options) (engine.Engine, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("engine gorgonia: %d threads, want 1 or more, or 0 for one a processor", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.BLAS == nil {
		o.BLAS = blas.Open()
	}
	return &backend{lib: o.BLAS, threads: o.Threads}, nil
}

type backend struct {
	lib     blas.Library
	threads int
}

func (b *backend) Fingerprint() engine.Fingerprint {
	return engine.Fingerprint{
		Engine:  fmt.Sprintf("gorgonia/%d", version),
		CPU:     processor(),
		BLAS:    b.lib.String(),
		Threads: b.threads,
	}
}

// processor names the model and the instruction sets, such as
// "AMD EPYC family 25 model 1 stepping 1 x86-64-v3".
func processor() string {
	c := cpuid.CPU
	name := c.BrandName
	if name == "" {
		name = runtime.GOARCH
	}
	name = fmt.Sprintf("%s family %d model %d stepping %d", name, c.Family, c.Model, c.Stepping)
	if level := c.X64Level(); level > 0 {
		name += fmt.Sprintf(" x86-64-v%d", level)
	}
	return name
}

func (b *backend) Open(net *models.Network, o engine.Options) (engine.Session, error) {
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("engine gorgonia: %w", err)
	}
	if o.Batch < 1 {
		return nil, fmt.Errorf("engine gorgonia: batch of %d samples, want 1 or more", o.Batch)
	}
	if !(o.LabelSmoothing >= 0 && o.LabelSmoothing < 1) {
		return nil, fmt.Errorf("engine gorgonia: label smoothing %g, want 0 or more and less than 1", o.LabelSmoothing)
	}
	if err := o.Distill.Validate(); err != nil {
		return nil, fmt.Errorf("engine gorgonia: %w", err)
	}
	if err := checkForms(net, o); err != nil {
		return nil, fmt.Errorf("engine gorgonia: %w", err)
	}
	s, err := open(net, o, b.lib, b.threads)
	if err != nil {
		return nil, fmt.Errorf("engine gorgonia: %w", err)
	}
	return s, nil
}
