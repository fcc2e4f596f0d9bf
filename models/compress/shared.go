package compress

import (
	"fmt"
	"slices"

	"espalier/models"
)

// The widths of a code in bits.
const (
	MinCodeBits = 1
	MaxCodeBits = 16
)

// Shared is a parameter of which the weights share values. Code 0 stands
// for the weights that are not stored, and for fillers later, so a code of b
// bits chooses among 2^b - 1 centroids and zero, as in the authors' own files.
type Shared struct {
	Layer    string       // the node that owns the tensor
	Role     models.Role  // which of the node's; none is a weight
	Shape    models.Shape // of the tensor
	Bits     int          // of a code
	Codebook []float32    // at most 2^Bits values: +0, then the centroids, ascending
	Codes    []uint16     // one for each weight, row-major
	Keep     int          // bits of each value of the codebook; 0 is AllBits
	// Scales, of codes from [Uniform], are factors of each row. The codebook then
	// follows from Bits and is not stored.
	Scales []float32
}

func newShared(p *models.Param, bits int) Shared {
	return Shared{Layer: p.Node, Role: p.Role, Shape: slices.Clone(p.Shape), Bits: bits, Codes: make([]uint16, len(p.Data))}
}

// Param is the name of the parameter: "fc1.weight".
func (s Shared) Param() string {
	role := s.Role
	if role == "" {
		role = models.RoleWeight
	}
	return s.Layer + "." + string(role)
}

// storedBits are those of [Shared.Stored].
func (s Shared) storedBits() int64 {
	bits := s.Keep
	if bits == 0 {
		bits = AllBits
	}
	return int64(bits * len(s.Stored()))
}

// Weights are the values that the codes stand for. It fails on a code or a
// shape that does not fit.
func (s Shared) Weights() ([]float32, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	weights := make([]float32, len(s.Codes))
	for i, c := range s.Codes {
		weights[i] = s.Codebook[c]
		if c != 0 && s.Scales != nil {
			weights[i] *= s.Scales[i/s.Shape[1:].Size()]
		}
	}
	return weights, nil
}

// Members is how many weights have each code, and so how many terms are in each
// of [Shared.Sums]. It fails as Weights does.
func (s Shared) Members() ([]int, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	members := make([]int, len(s.Codebook))
	for _, c := range s.Codes {
		members[c]++
	}
	return members, nil
}

// Stored are the values that are kept beside the codes: the codebook or, where
// the codebook is that of all multiples, the scales.
func (s Shared) Stored() []float32 {
	if s.Scales != nil {
		return s.Scales
	}
	return s.Codebook
}

// Sums are the gradients of the codebook for the gradients of the weights, one
// for each of them and row-major: a centroid's is the sum over the weights that
// have it (equation 3 of the paper). That of code 0 is 0, which is no
// parameter. It fails as Weights does, and on another number of gradients.
func (s Shared) Sums(gradients []float32) ([]float64, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(gradients) != len(s.Codes) {
		return nil, fmt.Errorf("layer %s: %d gradients for %d weights", s.Layer, len(gradients), len(s.Codes))
	}
	sums := make([]float64, len(s.Codebook))
	for i, c := range s.Codes {
		if c != 0 {
			sums[c] += float64(gradients[i])
		}
	}
	return sums, nil
}

// Encode stores the codes as a sparse matrix. Gaps have gapBits bits, or for 0
// as many as make it smallest. It fails as Weights does, on an order that is
// not ByRows or ByColumns, and on gapBits that are not allowed.
func (s Shared) Encode(order string, gapBits int) (Coded, error) {
	if err := s.check(); err != nil {
		return Coded{}, err
	}
	v := ViewOf(s.Shape, order)
	if err := fits(len(s.Codes), v); err != nil {
		return Coded{}, fmt.Errorf("layer %s: %w", s.Layer, err)
	}
	p := patternOf(v, func(at int) bool { return s.Codes[at] != 0 })
	bits, err := p.width(gapBits, s.Bits)
	if err != nil {
		return Coded{}, fmt.Errorf("layer %s: %w", s.Layer, err)
	}
	x, from := p.index(bits)
	return Coded{Index: x, CodeBits: s.Bits, Codes: gather(s.Codes, from)}, nil
}

func (s Shared) check() error {
	if err := checkCodeBits(s.Bits); err != nil {
		return fmt.Errorf("layer %s: %w", s.Layer, err)
	}
	if len(s.Shape) == 0 || s.Shape.Size() != len(s.Codes) {
		return fmt.Errorf("layer %s: %d codes for a tensor of shape %v", s.Layer, len(s.Codes), s.Shape)
	}
	if s.Scales != nil && len(s.Scales) != s.Shape[0] {
		return fmt.Errorf("layer %s: %d scales for a tensor of shape %v", s.Layer, len(s.Scales), s.Shape)
	}
	if len(s.Codebook) < 1 || len(s.Codebook) > 1<<s.Bits {
		return fmt.Errorf("layer %s: a codebook of %d values: codes of %d bits have from 1 to %d", s.Layer, len(s.Codebook), s.Bits, 1<<s.Bits)
	}
	if isStored(s.Codebook[0]) {
		return fmt.Errorf("layer %s: the codebook begins with %g, want 0", s.Layer, s.Codebook[0])
	}
	for i, c := range s.Codes {
		if int(c) >= len(s.Codebook) {
			return fmt.Errorf("layer %s: the code of weight %d is %d: the codebook has %d values", s.Layer, i, c, len(s.Codebook))
		}
	}
	return nil
}

func checkCodeBits(bits int) error {
	if bits < MinCodeBits || bits > MaxCodeBits {
		return fmt.Errorf("a code has %d bits: from %d to %d are allowed", bits, MinCodeBits, MaxCodeBits)
	}
	return nil
}

// Coded is a matrix of codes as gaps and codes.
type Coded struct {
	Index
	CodeBits int
	Codes    []uint16 // one for each gap; 0 for a filler
}

// Decode is the codes of all weights, row-major, as in [Shared]. It fails on
// what [Shared.Encode] does not return, and then says which entry is wrong.
func (c Coded) Decode() ([]uint16, error) {
	if err := checkCodeBits(c.CodeBits); err != nil {
		return nil, err
	}
	for i, code := range c.Codes {
		if int(code) >= 1<<c.CodeBits {
			return nil, fmt.Errorf("the code of entry %d is %d: %d bits hold less than %d", i, code, c.CodeBits, 1<<c.CodeBits)
		}
	}
	return scatter(c.Index, c.Codes, func(code uint16) bool { return code == 0 })
}

// Size is the number of bits by the paper's rule: for each entry, fillers too,
// its gap and its code. The codebook is not in it.
func (c Coded) Size() int64 { return c.Index.Size() + int64(c.CodeBits)*int64(len(c.Gaps)) }
