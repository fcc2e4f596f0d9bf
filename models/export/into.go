package export

import (
	"fmt"
	"slices"
	"strings"

	"espalier/models"
)

// Into sets every parameter of net from the state dict. On an error net is as
// it was; without one every parameter is set and every tensor was used.
//
// A layer of the file is paired with the layer of net that has its name. What
// is left is paired in order, convolutions with convolutions, linear layers
// with linear layers, batch normalizations with batch normalizations, provided
// that there are as many on both sides and all shapes agree. Where the file
// does not tell the order ([State.Sorted]), layers of one shape must also have
// names that differ in numbers only.
//
// A convolution's bias goes into the running mean of the batch normalization
// behind it where net has no bias there: the same function in other numbers.
// Masks of net stay, and what they prune stays zero.
func (s *State) Into(net *models.Network) error {
	want, err := wanted(net)
	if err != nil {
		return err
	}
	have, err := s.found()
	if err != nil {
		return err
	}
	pairs, err := s.pair(net.Name, want, have)
	if err != nil {
		return err
	}
	values, err := s.values(net, want, pairs)
	if err != nil {
		return err
	}
	filled, err := s.filled(net, values)
	if err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	net.Params = filled
	return nil
}

// filled are the parameters of net with other values, checked.
func (s *State) filled(net *models.Network, values map[string][]float32) ([]*models.Param, error) {
	layout, err := net.Layout()
	if err != nil {
		return nil, err
	}
	for _, p := range layout {
		p.Data = slices.Clone(values[p.Name])
		if old := net.Param(p.Name); old != nil && old.Mask != nil {
			p.Mask = slices.Clone(old.Mask)
			if len(p.Mask) == len(p.Data) {
				p.ApplyMask()
			}
		}
	}
	trial := *net
	trial.Params = layout
	return layout, trial.Validate()
}

// pair finds the file's layer for each of the network's.
func (s *State) pair(network string, want, have []*group) (map[*group]*group, error) {
	pairs, used := map[*group]*group{}, map[*group]bool{}
	for _, w := range want {
		for _, h := range have {
			if h.name == w.name && h.op == w.op {
				pairs[w], used[h] = h, true
			}
		}
	}
	for _, h := range have {
		if h.op == "" {
			return nil, fmt.Errorf("%s: tensor %q %v belongs to no convolution, linear layer or batch normalization, and network %s has none else",
				s.File, h.params[0].name, h.size(), network)
		}
	}
	for _, op := range []models.Op{models.OpConv2D, models.OpLinear, models.OpBatchNorm} {
		left := slices.DeleteFunc(slices.Clone(want), func(w *group) bool { return w.op != op || pairs[w] != nil })
		right := slices.DeleteFunc(slices.Clone(have), func(h *group) bool { return h.op != op || used[h] })
		if err := s.inOrder(network, op, left, right); err != nil {
			return nil, err
		}
		for i, w := range left {
			pairs[w] = right[i]
		}
	}
	return pairs, nil
}

// inOrder checks that layers of one kind, which no name has paired, can be
// paired in their order.
func (s *State) inOrder(network string, op models.Op, want, have []*group) error {
	for i := range min(len(want), len(have)) {
		if !slices.Equal(want[i].size(), have[i].size()) {
			return fmt.Errorf("%s: tensor %q %v: network %s has %s where it would stand", s.File, have[i].params[0].name, have[i].size(), network, want[i].first())
		}
	}
	if len(have) > len(want) {
		return fmt.Errorf("%s: tensor %q %v: network %s has no %s left for it", s.File, have[len(want)].params[0].name, have[len(want)].size(), network, kind(op))
	}
	if len(want) > len(have) {
		return fmt.Errorf("%s: network %s has %s, and the file has no %s left for it", s.File, network, want[len(have)].first(), kind(op))
	}
	if !s.Sorted {
		return nil
	}
	for i, a := range have {
		for _, b := range have[:i] {
			if slices.Equal(a.size(), b.size()) && pattern(a.name) != pattern(b.name) {
				return fmt.Errorf("%s: tensors %q and %q are both %v, and a file sorted by name does not say which comes first: rename them as in network %s (%s)",
					s.File, b.params[0].name, a.params[0].name, a.size(), network, want[i].first())
			}
		}
	}
	return nil
}

// pattern is a name without its numbers.
func pattern(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// values gives every parameter of the network the file's values and leaves no
// tensor of the file over.
func (s *State) values(net *models.Network, want []*group, pairs map[*group]*group) (map[string][]float32, error) {
	values, biases := map[string][]float32{}, map[string]param{}
	for _, w := range want {
		h := pairs[w]
		for _, p := range w.params {
			got, ok := h.find(p.role)
			if !ok {
				return nil, fmt.Errorf("%s: network %s has %s %v, and layer %q of the file has no %s", s.File, net.Name, p.name, p.shape, h.name, p.role)
			}
			if !slices.Equal(got.shape, p.shape) {
				return nil, fmt.Errorf("%s: tensor %q %v: network %s has %s %v", s.File, got.name, got.shape, net.Name, p.name, p.shape)
			}
			values[p.name] = got.data
		}
		for _, p := range h.params {
			if _, ok := w.find(p.role); ok {
				continue
			}
			norm, ok := normBehind(net, w.name)
			if p.role != models.RoleBias || !ok {
				return nil, fmt.Errorf("%s: tensor %q %v: layer %s of network %s has no %s", s.File, p.name, p.shape, w.name, net.Name, p.role)
			}
			biases[norm] = p
		}
	}
	// The order is the network's, so that errors and results are always the same.
	for _, w := range want {
		if bias, ok := biases[w.name]; ok {
			mean := values[w.name+"."+string(models.RoleMean)]
			if len(mean) != len(bias.data) {
				return nil, fmt.Errorf("%s: tensor %q %v: batch normalization %s of network %s has %d channels", s.File, bias.name, bias.shape, w.name, net.Name, len(mean))
			}
			values[w.name+"."+string(models.RoleMean)] = difference(mean, bias.data)
		}
	}
	return values, nil
}

// normBehind is the batch normalization that alone reads a convolution.
func normBehind(net *models.Network, conv string) (string, bool) {
	var readers []models.Node
	for _, n := range net.Nodes {
		if slices.Contains(n.Inputs, conv) {
			readers = append(readers, n)
		}
	}
	node, _ := net.Node(conv)
	if node.Op != models.OpConv2D || len(readers) != 1 || readers[0].Op != models.OpBatchNorm {
		return "", false
	}
	return readers[0].Name, true
}

func difference(a, b []float32) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}
