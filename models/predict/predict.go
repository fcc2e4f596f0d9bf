// Package predict runs finished networks: packed model files and checkpoints,
// each layer in the form that suits its weights.
//
// A pruned layer is computed from the weights that are not zero, a layer whose
// weights share few values from codes, where that is faster; the others are
// dense. Batch normalization is folded into the layers before it. The default
// engine computes, so results agree with its evaluation to rounding.
package predict

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
)

// Options say how a network runs. The zero value is for use.
type Options struct {
	// Form is that of all layers; empty chooses for each one. A layer that does
	// not fit it, as one with more different values than a codebook holds or
	// that is wider than package sparse allows, is dense.
	Form engine.Form
	// Batch is how many samples are computed at a time at most, and for how many
	// forms are chosen; 0 is 64.
	Batch int
	// Threads is how many threads compute; 0 is one for each processor.
	Threads int
}

// defaultBatch is that of [Options].
const defaultBatch = 64

// Predictor is a network that runs. It is safe for concurrent use: calls take
// turns, for each uses all threads.
type Predictor struct {
	net    *models.Network // without values
	layers []Layer
	batch  int
	width  int
	out    int

	turn    sync.Mutex
	session engine.Session
}

// Open reads a packed model file or a checkpoint and readies it. It fails on a
// file that is neither, on one that is damaged, and on what [New] fails on.
func Open(path string, o Options) (*Predictor, error) {
	net, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	return New(net, o)
}

// load reads a packed model from where it lies, and another file as a whole.
func load(path string) (*models.Network, error) {
	if f, err := esp.OpenFile(path); err == nil {
		net, err := f.Network()
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return net, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	net, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return net, nil
}

// Decode is the network of a packed model file or a checkpoint.
func Decode(data []byte) (*models.Network, error) {
	if esp.Packed(data) {
		return esp.Decode(data)
	}
	c, err := checkpoint.Decode(data)
	if err != nil {
		return nil, err
	}
	return c.Network, nil
}

// New readies a network, whose values it copies.
func New(net *models.Network, o Options) (*Predictor, error) {
	if o.Batch < 0 || o.Threads < 0 {
		return nil, fmt.Errorf("predict: batch of %d samples on %d threads: neither is less than 0", o.Batch, o.Threads)
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	eng, err := gorgonia.New(gorgonia.Options{Threads: o.Threads})
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	layers, err := Plan(net, o.Form, o.Batch)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	session, err := eng.Open(net, engine.Options{Batch: o.Batch, Inference: true, Forms: Forms(layers)})
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	shapes, err := net.Shapes()
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	return &Predictor{
		net: net, layers: layers, batch: o.Batch, width: net.Input.Size(), out: shapes[net.Output()].Size(), session: session,
	}, nil
}

// Input is the shape of a sample: channels, rows, columns.
func (p *Predictor) Input() models.Shape { return append(models.Shape(nil), p.net.Input...) }

// Classes is how many logits a sample has.
func (p *Predictor) Classes() int { return p.out }

// Layers are the convolutions and linear layers, in the network's order.
func (p *Predictor) Layers() []Layer { return append([]Layer(nil), p.layers...) }

// Run computes the logits of n samples: n x classes, the caller's own. images
// are the samples one after the other in the input's shape, normalized as they
// were in training. It fails on another length, and after Close.
func (p *Predictor) Run(images []float32, n int) ([]float32, error) {
	if n < 0 || len(images) != n*p.width {
		return nil, fmt.Errorf("predict: %d values for %d samples, want %d for each: %v", len(images), n, p.width, p.net.Input)
	}
	logits := make([]float32, 0, n*p.out)
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.session == nil {
		return nil, errors.New("predict: the predictor is closed")
	}
	for at := 0; at < n; at += p.batch {
		some := min(p.batch, n-at)
		out, err := p.session.Forward(images[at*p.width:(at+some)*p.width], some)
		if err != nil {
			return nil, fmt.Errorf("predict: %w", err)
		}
		logits = append(logits, out...)
	}
	return logits, nil
}

// Close frees the network. Calls that wait for their turn fail.
func (p *Predictor) Close() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.session == nil {
		return nil
	}
	err := p.session.Close()
	p.session = nil
	return err
}

// Softmax turns the logits of samples of so many classes into probabilities, in
// place.
func Softmax(logits []float32, classes int) {
	for at := 0; at+classes <= len(logits); at += classes {
		row := logits[at : at+classes]
		largest := row[0]
		for _, v := range row {
			largest = max(largest, v)
		}
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(float64(v - largest))
		}
		for i, v := range row {
			row[i] = float32(math.Exp(float64(v-largest)) / sum)
		}
	}
}
