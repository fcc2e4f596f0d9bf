package esp

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"espalier/models"
	"espalier/models/compress"
)

// PaperSizes are the layers of a network by the rule of Deep Compression, as
// [compress.Sizes] counts: weights that take few different values as codes of a
// fixed width, gaps between them, and both Huffman-coded. A layer's weights
// count as shared if they have at most 256 different values that are not zero.
// It fails as compress.Sizes does.
func PaperSizes(net *models.Network) ([]compress.LayerSize, error) {
	var shared []compress.Shared
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		if s, ok := sharedLayer(p); ok {
			shared = append(shared, s)
		}
	}
	return compress.Sizes(net, shared, compress.ByRows, 0)
}

// maxShared is how many different weights a layer may have to count as shared.
const maxShared = 256

// sharedLayer is a layer's weights as codes. Code 0 is +0, whether there is one
// or not.
func sharedLayer(p *models.Param) (compress.Shared, bool) {
	places := map[uint32]uint16{}
	var book []float32
	for _, v := range p.Data {
		b := math.Float32bits(v)
		if _, ok := places[b]; ok || b == 0 {
			continue
		}
		if len(book) == maxShared {
			return compress.Shared{}, false
		}
		places[b] = 0
		book = append(book, v)
	}
	slices.SortFunc(book, cmp.Compare[float32])
	for i, v := range book {
		places[math.Float32bits(v)] = uint16(i + 1)
	}
	s := compress.Shared{Layer: p.Node, Shape: p.Shape, Bits: max(1, bits.Len(uint(len(book)))), Codebook: append([]float32{0}, book...)}
	s.Codes = make([]uint16, len(p.Data))
	for i, v := range p.Data {
		s.Codes[i] = places[math.Float32bits(v)]
	}
	return s, true
}
