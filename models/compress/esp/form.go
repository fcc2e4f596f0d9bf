package esp

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"espalier/models"
	"espalier/models/compress"
	"espalier/models/compress/esp/internal/floats"
)

// The bounds of a codebook.
const (
	maxCodebook  = 1 << 16
	smallBook    = 256 // codes of a byte
	noFloatIsKey = math.MaxUint32
)

// matrixOf is a parameter as a dense tensor of float32.
func matrixOf(p *models.Param) *Tensor {
	return &Tensor{
		Name: p.Name, Node: p.Node, Role: p.Role, Shape: slices.Clone(p.Shape), Rows: p.Shape[0], Columns: p.Shape[1:].Size(),
		Kind: Float32, Values: p.Data, Mask: p.Mask,
	}
}

// sparse is a dense tensor of float32 without its zeros.
func (t *Tensor) sparse() *Tensor {
	s := *t
	s.Sparse, s.Values, s.Starts = true, nil, make([]int32, 1, t.Rows+1)
	for r := range t.Rows {
		for c, v := range t.Values[r*t.Columns : (r+1)*t.Columns] {
			if math.Float32bits(v) != 0 {
				s.Values, s.Places = append(s.Values, v), append(s.Places, int32(c))
			}
		}
		s.Starts = append(s.Starts, int32(len(s.Places)))
	}
	return &s
}

// shared is a tensor of float32 as codes, or nil where it has too many different
// values for that.
func (t *Tensor) shared() *Tensor {
	codes := make(map[uint32]int)
	most := min(maxCodebook, len(t.Values)/2+1)
	for _, v := range t.Values {
		bits := math.Float32bits(v)
		if _, ok := codes[bits]; !ok {
			if codes[bits] = 0; len(codes) > most {
				return nil
			}
		}
	}
	s := *t
	s.Kind, s.Values, s.Codebook = Codes, nil, make([]float32, 0, len(codes))
	for bits := range maps.Keys(codes) {
		s.Codebook = append(s.Codebook, math.Float32frombits(bits))
	}
	slices.SortFunc(s.Codebook, func(a, b float32) int { return cmp.Compare(floats.Key(a), floats.Key(b)) })
	if len(codes) == 0 || floats.Key(s.Codebook[len(codes)-1]) == noFloatIsKey {
		return nil
	}
	for code, v := range s.Codebook {
		codes[math.Float32bits(v)] = code
	}
	if len(codes) <= smallBook {
		s.Codes8 = codesOf[uint8](t.Values, codes)
	} else {
		s.Codes16 = codesOf[uint16](t.Values, codes)
	}
	return &s
}

func codesOf[C uint8 | uint16](values []float32, codes map[uint32]int) []C {
	all := make([]C, len(values))
	for i, v := range values {
		all[i] = C(codes[math.Float32bits(v)])
	}
	return all
}

// scaled is a tensor of float32 as multiples of one scale or of a scale for
// each row, or nil where it is none.
func (t *Tensor) scaled() *Tensor {
	s := *t
	s.Kind, s.Values, s.Ints = Int8, nil, make([]int8, len(t.Values))
	if scale, ok := compress.Multiples(s.Ints, t.Values); ok {
		s.Scales = []float32{scale}
		return &s
	}
	for r := range t.Rows {
		from, to := r*t.Columns, (r+1)*t.Columns
		if t.Sparse {
			from, to = int(t.Starts[r]), int(t.Starts[r+1])
		}
		scale, ok := compress.Multiples(s.Ints[from:to], t.Values[from:to])
		if !ok {
			return nil
		}
		s.Scales = append(s.Scales, scale)
	}
	return &s
}

// isScale says whether a multiple of 0 of it is +0.
func isScale(scale float32) bool { return math.Float32bits(scale) <= math.Float32bits(math.MaxFloat32) }
