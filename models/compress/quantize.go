package compress

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"espalier/models"
)

// Default names the layers that Options.Bits does not name.
const Default = "default"

// Options say how weights are shared.
type Options struct {
	// Bits is the width of a code, by layer, "default" for layers not named. A
	// layer without keeps its weights. The paper takes 6 in LeNet-300-100; 8 for
	// convolutions and 5 for linear layers elsewhere.
	Bits map[string]int `json:"bits"`
	// Init is where k-means starts, one of Inits. The paper finds linear best
	// at every width but 3 bits.
	Init string `json:"init"`
	// Seed is of what InitRandom draws; each layer has draws of its own.
	Seed uint64 `json:"seed,omitempty"`
}

// Quantize shares the weights of each layer among the centroids of its weights
// that are not zero. It returns a copy of the network in which every such weight
// is its nearest centroid, the lower of two, and the codes and codebooks in the
// order of the layers. Zeros stay zeros and masks stay as they are; biases and
// normalization are not shared. Equal arguments give equal bits.
//
// It fails on a network that is not valid, on bits for a layer that has no
// weights, and on a width or an init that is not allowed. Weights must be finite.
func Quantize(net *models.Network, o Options) (*models.Network, []Shared, error) {
	if !slices.Contains(Inits(), o.Init) {
		return nil, nil, fmt.Errorf("init %q: it is one of %q", o.Init, Inits())
	}
	return eachLayer(net, o, share)
}

// eachLayer turns the weights of each layer that has bits into codes, on a copy
// of the network.
func eachLayer(net *models.Network, o Options, code func(p *models.Param, bits int, o Options) (Shared, error)) (*models.Network, []Shared, error) {
	if err := net.Validate(); err != nil {
		return nil, nil, err
	}
	if err := o.check(net); err != nil {
		return nil, nil, err
	}
	quantized := net.Clone()
	var layers []Shared
	for _, p := range quantized.Params {
		bits, ok := o.bits(p.Node)
		if p.Role != models.RoleWeight || !ok {
			continue
		}
		s, err := code(p, bits, o)
		if err != nil {
			return nil, nil, fmt.Errorf("layer %s: %w", p.Node, err)
		}
		if p.Data, err = s.Weights(); err != nil {
			return nil, nil, err
		}
		layers = append(layers, s)
	}
	return quantized, layers, nil
}

func (o Options) bits(layer string) (int, bool) {
	if bits, ok := o.Bits[layer]; ok {
		return bits, true
	}
	bits, ok := o.Bits[Default]
	return bits, ok
}

func (o Options) check(net *models.Network) error {
	var layers []string
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			layers = append(layers, p.Node)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Bits)) {
		if name != Default && !slices.Contains(layers, name) {
			return fmt.Errorf("bits for layer %q: the layers with weights are %q", name, layers)
		}
		if err := checkCodeBits(o.Bits[name]); err != nil {
			return fmt.Errorf("bits for layer %q: %w", name, err)
		}
	}
	return nil
}

// share clusters the weights of one tensor.
func share(p *models.Param, bits int, o Options) (Shared, error) {
	var weights []float32
	for _, v := range p.Data {
		if isStored(v) {
			weights = append(weights, v)
		}
	}
	centroids, err := KMeans(weights, 1<<bits-1, o.Init, o.Seed^nameHash(p.Node))
	if err != nil {
		return Shared{}, err
	}
	s := Shared{Layer: p.Node, Shape: slices.Clone(p.Shape), Bits: bits, Codes: make([]uint16, len(p.Data))}
	s.Codebook = append([]float32{0}, centroids...)
	near := newNearest(centroids)
	for i, v := range p.Data {
		if isStored(v) {
			s.Codes[i] = uint16(1 + near.of(v))
		}
	}
	return s, nil
}

// nameHash keeps the draws of layers apart, whatever other layers there are.
func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return h.Sum64()
}
