package esp

import (
	"espalier/models"
)

// Kind says what stands for a weight.
type Kind string

// The kinds of weights.
const (
	Float32 Kind = "float32" // itself
	Codes   Kind = "codes"   // a place in a codebook
	Int8    Kind = "int8"    // a whole multiple of a scale
)

// kinds are in the order of their numbers in the file.
var kinds = [...]Kind{Float32, Codes, Int8}

// Tensor is a parameter as it is stored, seen as a matrix with one row for each
// output or filter. A dense one stores all weights, row after row; a sparse one
// those that are not +0, its entries, as compressed rows.
type Tensor struct {
	Name          string
	Node          string
	Role          models.Role
	Shape         models.Shape
	Rows, Columns int
	Kind          Kind
	Sparse        bool

	// Starts and Places are where the entries of a sparse tensor are: those of
	// row r have indexes Starts[r] to Starts[r+1], and the columns Places of
	// these indexes, ascending.
	Starts []int32 // Rows + 1
	Places []int32 // one for each entry

	// One of these has one element for each stored weight, in its order.
	Values  []float32 // Float32
	Codes8  []uint8   // Codes, if the codebook has at most 256 values
	Codes16 []uint16  // Codes, otherwise
	Ints    []int8    // Int8

	Codebook []float32 // Codes: the different values, ascending
	Scales   []float32 // Int8: one for all rows, or one for each

	// Mask is nil for a dense parameter, as in [models.Param].
	Mask []bool
}

// Stored is how many weights are stored.
func (t *Tensor) Stored() int {
	if t.Sparse {
		return len(t.Places)
	}
	return t.Rows * t.Columns
}

// scale is that of a row.
func (t *Tensor) scale(row int) float32 {
	if len(t.Scales) == 1 {
		return t.Scales[0]
	}
	return t.Scales[row]
}

// Stand is the value of each stored weight, in its order. It is Values where
// the tensor has these, and otherwise new.
func (t *Tensor) Stand() []float32 {
	switch {
	case t.Kind == Float32:
		return t.Values
	case t.Kind == Codes && t.Codes16 != nil:
		return looked(t.Codes16, t.Codebook)
	case t.Kind == Codes:
		return looked(t.Codes8, t.Codebook)
	}
	values := make([]float32, len(t.Ints))
	t.multiply(values)
	return values
}

// multiply writes what the multiples stand for.
func (t *Tensor) multiply(values []float32) {
	for r := range t.Rows {
		from, to := r*t.Columns, (r+1)*t.Columns
		if t.Sparse {
			from, to = int(t.Starts[r]), int(t.Starts[r+1])
		}
		scale := t.scale(r)
		row := values[from:to]
		for i, q := range t.Ints[from:to] {
			row[i] = float32(q) * scale
		}
	}
}

func looked[C uint8 | uint16](codes []C, book []float32) []float32 {
	values := make([]float32, len(codes))
	look(values, codes, book)
	return values
}

func look[C uint8 | uint16](values []float32, codes []C, book []float32) {
	for i, c := range codes {
		values[i] = book[c]
	}
}

// Dense is the value of each weight, row after row: what the parameter holds.
func (t *Tensor) Dense() []float32 {
	if !t.Sparse {
		return t.Stand()
	}
	dense := make([]float32, t.Rows*t.Columns)
	t.scatterEntries(dense)
	return dense
}
