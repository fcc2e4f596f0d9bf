package prune

import (
	"context"
	"errors"
	"fmt"
	"time"

	"espalier/models"
	"espalier/models/engine"
)

// Basis is what a plan may rest on beside the network itself. Methods say in
// [About] what they need; the zero value serves those that look at weights.
type Basis struct {
	// Dense is the network before the first pass, which targets are shares of
	// and reconstructions aim at; nil is the network that is pruned.
	Dense *models.Network
	// Data are samples of the training set.
	Data *Data
	// Latency measures a network, for targets of latency. What it answers
	// differs from one time to the next, and so then does the plan.
	Latency func(ctx context.Context, net *models.Network) (time.Duration, error)
}

// Data are training samples and what computes with them. The test set has no
// place here.
type Data struct {
	Engine engine.Engine
	X      []float32 // samples x the network's input, row by row
	Labels []int32
}

// Len is the number of samples.
func (d *Data) Len() int { return len(d.Labels) }

// dense is also what options are checked on: layers that a target names may be
// gone from a network that was pruned before.
func (b Basis) dense(net *models.Network) *models.Network {
	if b.Dense == nil {
		return net
	}
	return b.Dense
}

// errNoData is a fault of the caller: About says who needs data.
var errNoData = errors.New("the method looks at training samples, and was given none")

// samples are the basis's data, if they fit the network.
func (b Basis) samples(net *models.Network) (*Data, error) {
	if b.Data == nil || b.Data.Len() == 0 {
		return nil, errNoData
	}
	if have, want := len(b.Data.X), b.Data.Len()*net.Input.Size(); have != want {
		return nil, fmt.Errorf("%d values of %d samples, the network wants %d", have, b.Data.Len(), want)
	}
	return b.Data, nil
}
