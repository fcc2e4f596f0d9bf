// Package gorgonia is the default engine. It writes a network as a Gorgonia
// expression of fused operations, lets Gorgonia differentiate it, and then
// compiles the sorted graph into a program of its own: buffers placed once,
// matrix products on BLAS, each batch divided in the same way every time over
// a fixed number of threads. A step allocates nothing and gives the same bits
// for the same [engine.Fingerprint].
//
// It is the only package that imports Gorgonia.
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
const version = 1

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
	s, err := open(net, o, b.lib, b.threads)
	if err != nil {
		return nil, fmt.Errorf("engine gorgonia: %w", err)
	}
	return s, nil
}
