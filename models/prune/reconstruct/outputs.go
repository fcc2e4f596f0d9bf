package reconstruct

import (
	"context"
	"fmt"
	"slices"

	"espalier/models"
	"espalier/models/engine"
)

// memory is what a batch of samples may take, in bytes.
const memory = 32 << 20

// Outputs computes what the named nodes put out for n samples, in inference
// mode: n x C x H x W values, or n x features. It computes in batches of as many
// samples as fit a few tens of megabytes, and calls see for each with the number
// of its first sample, how many there are, and their outputs by node, which are
// see's until it returns. Only what the nodes depend on is computed.
//
// It stops with the context's error between two batches, and with see's.
func Outputs(ctx context.Context, eng engine.Engine, net *models.Network, nodes []string, x []float32, n int,
	see func(first, n int, outputs map[string][]float32) error,
) error {
	size := net.Input.Size()
	if n < 1 || len(x) != n*size {
		return fmt.Errorf("network %s: %d values for %d samples, want 1 sample or more of %d values", net.Name, len(x), n, size)
	}
	t, err := newTap(net, nodes)
	if err != nil {
		return err
	}
	batch := min(n, t.batch())
	if err := t.open(eng, batch); err != nil {
		return err
	}
	defer t.close()
	for first := 0; first < n; first += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		count := min(batch, n-first)
		outputs, err := t.outputs(x[first*size:][:count*size], count)
		if err != nil {
			return fmt.Errorf("samples %d to %d: %w", first, first+count-1, err)
		}
		if err := see(first, count, outputs); err != nil {
			return err
		}
	}
	return nil
}

// tap is the part of a network that leads to some of its nodes, and ends in all
// of them side by side: a session's output is one flat tensor.
type tap struct {
	net     *models.Network
	wanted  []string // without the network's input
	width   []int    // values of each
	input   string   // the network's input, if it is wanted
	largest int      // values that a node of the network has

	session engine.Session // nil if nothing is wanted but the input
	split   [][]float32    // the outputs of each wanted node, if there are several
}

func newTap(net *models.Network, nodes []string) (*tap, error) {
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	t := &tap{}
	for _, name := range nodes {
		node, ok := net.Node(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("network %s has no node %q to compute", net.Name, name)
		case node.Op == models.OpInput:
			t.input = name
		case !slices.Contains(t.wanted, name):
			t.wanted, t.width = append(t.wanted, name), append(t.width, shapes[name].Size())
		}
	}
	t.net = upTo(net, t.wanted)
	for _, node := range t.net.Nodes {
		t.largest = max(t.largest, shapes[node.Name].Size())
	}
	return t, nil
}

// upTo is what of the network leads to those nodes, and then joins them.
func upTo(net *models.Network, wanted []string) *models.Network {
	needed := map[string]bool{}
	for _, name := range wanted {
		needed[name] = true
	}
	for _, node := range slices.Backward(net.Nodes) {
		for _, input := range node.Inputs {
			needed[input] = needed[input] || needed[node.Name]
		}
	}
	part := &models.Network{Name: net.Name, Input: net.Input}
	for _, node := range net.Nodes {
		if needed[node.Name] || node.Op == models.OpInput {
			part.Nodes = append(part.Nodes, node)
		}
	}
	for _, p := range net.Params {
		if needed[p.Node] {
			part.Params = append(part.Params, p)
		}
	}
	var flat []string
	for _, name := range wanted {
		flat = append(flat, attach(part, models.OpFlatten, name))
	}
	if len(flat) > 1 {
		attach(part, models.OpConcat, flat...)
	}
	return part
}

// attach appends a node without parameters, under a name that is free.
func attach(net *models.Network, op models.Op, inputs ...string) string {
	name := string(op)
	for _, taken := net.Node(name); taken; _, taken = net.Node(name) {
		name += "'"
	}
	net.Nodes = append(net.Nodes, models.Node{Name: name, Op: op, Inputs: inputs})
	return name
}

// batch is how many samples fit the memory: the outputs of the nodes twice, once
// joined, and two images on the way.
func (t *tap) batch() int {
	values := 2 * t.largest
	for _, w := range t.width {
		values += 2 * w
	}
	return max(1, memory/(4*max(1, values)))
}

func (t *tap) open(eng engine.Engine, batch int) error {
	if len(t.wanted) == 0 {
		return nil
	}
	var err error
	if t.session, err = eng.Open(t.net, engine.Options{Batch: batch, Inference: true}); err != nil {
		return err
	}
	if len(t.wanted) > 1 {
		for _, w := range t.width {
			t.split = append(t.split, make([]float32, batch*w))
		}
	}
	return nil
}

func (t *tap) close() {
	if t.session != nil {
		_ = t.session.Close() // nothing of it is used any more
	}
}

// outputs computes a batch.
func (t *tap) outputs(x []float32, n int) (map[string][]float32, error) {
	outputs := make(map[string][]float32, len(t.wanted)+1)
	if t.input != "" {
		outputs[t.input] = x
	}
	if t.session == nil {
		return outputs, nil
	}
	joined, err := t.session.Forward(x, n)
	if err != nil {
		return nil, err
	}
	if len(t.wanted) == 1 {
		outputs[t.wanted[0]] = joined
		return outputs, nil
	}
	at := 0
	for i := range n {
		for k, w := range t.width {
			copy(t.split[k][i*w:][:w], joined[at:])
			at += w
		}
	}
	for k, name := range t.wanted {
		outputs[name] = t.split[k][:n*t.width[k]]
	}
	return outputs, nil
}
