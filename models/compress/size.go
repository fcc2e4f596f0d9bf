package compress

import (
	"fmt"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/compress/huffman"
)

// Size is what a layer takes, in bits, by what it is for. Fillers count as
// weights and as indices, as in the paper.
type Size struct {
	Weights     int64 `json:"weights"`                // codes, or values of 32 bits
	WeightTable int64 `json:"weight_table,omitempty"` // of their Huffman code
	Indices     int64 `json:"indices"`                // gaps
	IndexTable  int64 `json:"index_table,omitempty"`  // of their Huffman code
	Codebook    int64 `json:"codebook"`               // 32 for each value, zero too, or as many as it keeps, or 32 for each scale
	Biases      int64 `json:"biases"`                 // 32 for each bias, scale and shift, or their codes and codebooks
}

// Total is the sum. The paper does not say whether it counts biases, and does
// not mention tables: its figures lie between Total and what is left without.
func (s Size) Total() int64 {
	return s.Weights + s.WeightTable + s.Indices + s.IndexTable + s.Codebook + s.Biases
}

// Plus is the sum by what it is for.
func (s Size) Plus(t Size) Size {
	return Size{Weights: s.Weights + t.Weights, WeightTable: s.WeightTable + t.WeightTable,
		Indices: s.Indices + t.Indices, IndexTable: s.IndexTable + t.IndexTable,
		Codebook: s.Codebook + t.Codebook, Biases: s.Biases + t.Biases}
}

// LayerSize is a row of the paper's tables 2 and 3: what one layer holds, and
// what it takes pruned and quantized ("P+Q"), and Huffman-coded too ("P+Q+H").
type LayerSize struct {
	Layer      string `json:"layer"`
	Params     int64  `json:"params"`  // weights, biases, scales and shifts
	Weights    int64  `json:"weights"` // of the tensor
	Stored     int64  `json:"stored"`  // weights that are not zero
	Entries    int64  `json:"entries"` // those and fillers
	WeightBits int    `json:"weight_bits,omitempty"`
	GapBits    int    `json:"gap_bits,omitempty"`
	Fixed      Size   `json:"fixed"`   // P+Q
	Huffman    Size   `json:"huffman"` // P+Q+H
}

// Dense is the number of bits as float32.
func (l LayerSize) Dense() int64 { return 32 * l.Params }

// Sizes counts what every layer with trained parameters takes, in the network's
// order. Parameters in shared, from [Quantize], are codes; others are values of
// 32 bits. Gaps have gapBits bits, or for 0 in each layer as many as
// make it smallest before Huffman coding. Running statistics are not counted:
// folding removes them. The sizes of weights are those of what [Coded.Pack] and
// [Sparse.Pack] write, but for the bits that fill each last byte.
//
// It fails on a network that is not valid, on shared that are not of its
// layers, and on an order or gapBits that are not allowed.
func Sizes(net *models.Network, shared []Shared, order string, gapBits int) ([]LayerSize, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	for _, s := range shared {
		if p := net.Param(s.Param()); p == nil || !slices.Equal(p.Shape, s.Shape) {
			return nil, fmt.Errorf("shared weights of layer %q with shape %v: the network has none", s.Layer, s.Shape)
		}
	}
	var layers []LayerSize
	for _, p := range net.Params {
		if !p.Role.Trained() {
			continue
		}
		if len(layers) == 0 || layers[len(layers)-1].Layer != p.Node {
			layers = append(layers, LayerSize{Layer: p.Node})
		}
		l := &layers[len(layers)-1]
		l.Params += int64(len(p.Data))
		at := slices.IndexFunc(shared, func(s Shared) bool { return s.Param() == p.Name })
		if p.Role != models.RoleWeight {
			l.addBiases(p, shared, at)
			continue
		}
		if err := l.addWeights(p, shared, at, order, gapBits); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// addBiases counts a bias, scale or shift: a code for each element, or its bits.
func (l *LayerSize) addBiases(p *models.Param, shared []Shared, at int) {
	if at < 0 {
		l.Fixed.Biases += valueBits * int64(len(p.Data))
		l.Huffman.Biases += valueBits * int64(len(p.Data))
		return
	}
	s := shared[at]
	table, codes := huffman.Size(s.Codes)
	l.Fixed.Biases += int64(s.Bits*len(s.Codes)) + s.storedBits()
	l.Huffman.Biases += table + codes + s.storedBits()
}

// addWeights counts the weight tensor of a layer, which is shared[at] or, with
// at below 0, not shared.
func (l *LayerSize) addWeights(p *models.Param, shared []Shared, at int, order string, gapBits int) error {
	var x Index
	if at < 0 {
		s, err := Encode(p.Data, ViewOf(p.Shape, order), gapBits)
		if err != nil {
			return fmt.Errorf("layer %s: %w", p.Node, err)
		}
		x, l.WeightBits = s.Index, valueBits
		l.Stored = count(s.Values, isStored)
		l.Huffman.Weights = valueBits * int64(len(s.Values))
	} else {
		s := shared[at]
		c, err := s.Encode(order, gapBits)
		if err != nil {
			return err
		}
		x, l.WeightBits = c.Index, c.CodeBits
		l.Stored = count(c.Codes, func(code uint16) bool { return code != 0 })
		l.Huffman.WeightTable, l.Huffman.Weights = huffman.Size(c.Codes)
		l.Fixed.Codebook = s.storedBits()
		l.Huffman.Codebook = l.Fixed.Codebook
	}
	l.Weights, l.Entries, l.GapBits = int64(len(p.Data)), int64(len(x.Gaps)), x.Bits
	l.Fixed.Weights, l.Fixed.Indices = l.Entries*int64(l.WeightBits), x.Size()
	l.Huffman.IndexTable, l.Huffman.Indices = huffman.Size(x.Gaps)
	return nil
}

func count[T any](values []T, counts func(T) bool) int64 {
	n := int64(0)
	for _, v := range values {
		if counts(v) {
			n++
		}
	}
	return n
}

// Estimate is what a layer is expected to take before Huffman coding when the
// share density of its weights is stored, at random places: the formula that
// reproduces the paper's tables. A gap of b bits needs on average q / (1 - q)
// fillers, with q = (1 - density)^(2^b). The codebook is a full one. It fails
// on negative counts, on a density that is not in (0, 1], and on widths that
// are not allowed.
func Estimate(weights, biases int64, density float64, codeBits, gapBits int) (Size, error) {
	if weights < 0 || biases < 0 {
		return Size{}, fmt.Errorf("%d weights and %d biases: neither is negative", weights, biases)
	}
	if !(density > 0 && density <= 1) { // written so that NaN fails too
		return Size{}, fmt.Errorf("density %g is not above 0 and at most 1", density)
	}
	if err := checkCodeBits(codeBits); err != nil {
		return Size{}, err
	}
	if err := checkGapBits(gapBits); err != nil {
		return Size{}, err
	}
	// A filler comes with every 2^b steps that store nothing.
	q := math.Exp(math.Log1p(-density) * float64(int(1)<<gapBits))
	entries := int64(math.Round(float64(weights) * density / (1 - q)))
	return Size{Weights: entries * int64(codeBits), Indices: entries * int64(gapBits),
		Codebook: 32 << codeBits, Biases: 32 * biases}, nil
}
