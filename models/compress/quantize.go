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
	// Biases is the width of a code of the other trained parameters (biases,
	// scales and shifts), each of which has centroids of its own, by layer as
	// Bits. A layer without keeps them, as all do in the paper.
	Biases map[string]int `json:"biases,omitempty"`
	// Keep is how many leading bits of a float32 a centroid keeps, from
	// MinKeptBits; 0 is AllBits. The paper keeps all.
	Keep int `json:"keep,omitempty"`
	// Init is where k-means starts, one of Inits. The paper finds linear best
	// at every width but 3 bits.
	Init string `json:"init"`
	// Seed is of what InitRandom draws; each layer has draws of its own.
	Seed uint64 `json:"seed,omitempty"`
}

// Quantize shares the weights of each layer among the centroids of its weights
// that are not zero. It returns a copy of the network in which every such weight
// is its nearest centroid, the lower of two, and the codes and codebooks in the
// order of the parameters. So are biases and normalization where o.Biases says.
// Zeros stay zeros and masks stay as they are. Equal arguments give equal bits.
//
// It fails on a network that is not valid, on bits for a layer that has no
// such parameters, and on a width, an init or kept bits that are not allowed.
// Weights must be finite.
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
		bits, ok := o.bits(p)
		if !ok {
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

// bits are those of a parameter's codes, if it gets some.
func (o Options) bits(p *models.Param) (int, bool) {
	all := o.Bits
	if p.Role != models.RoleWeight {
		all = o.Biases
	}
	bits, ok := all[p.Node]
	if !ok {
		bits, ok = all[Default]
	}
	return bits, ok && p.Role.Trained()
}

func (o Options) check(net *models.Network) error {
	if o.Keep != 0 {
		if err := Round(nil, o.Keep); err != nil {
			return err
		}
	}
	var weights, biases []string
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			weights = append(weights, p.Node)
		} else if p.Role.Trained() && !slices.Contains(biases, p.Node) {
			biases = append(biases, p.Node)
		}
	}
	if err := checkWidths(o.Bits, "weights", weights); err != nil {
		return err
	}
	return checkWidths(o.Biases, "biases", biases)
}

func checkWidths(widths map[string]int, of string, layers []string) error {
	for _, name := range slices.Sorted(maps.Keys(widths)) {
		if name != Default && !slices.Contains(layers, name) {
			return fmt.Errorf("bits for layer %q: the layers with %s are %q", name, of, layers)
		}
		if err := checkCodeBits(widths[name]); err != nil {
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
	centroids, err := KMeans(weights, 1<<bits-1, o.Init, o.Seed^drawsOf(p))
	if err != nil {
		return Shared{}, err
	}
	s := newShared(p, bits)
	if s.Keep = o.Keep; o.Keep != 0 {
		if err := Round(centroids, o.Keep); err != nil {
			return Shared{}, err
		}
		centroids = slices.Compact(centroids)
	}
	s.Codebook = append([]float32{0}, centroids...)
	near := newNearest(centroids)
	for i, v := range p.Data {
		if isStored(v) {
			s.Codes[i] = uint16(1 + near.of(v))
		}
	}
	return s, nil
}

// drawsOf keeps the draws of parameters apart, whatever others there are.
func drawsOf(p *models.Param) uint64 {
	name := p.Node
	if p.Role != models.RoleWeight {
		name = p.Name
	}
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return h.Sum64()
}
