// Package compress makes pruned networks small, as in Deep Compression (Han,
// Mao and Dally 2016): it keeps only the weights that are not zero, lets those
// of a layer share a few values, and writes what is left in short codes.
//
// Each idea stands alone, and each is exact but one. [Encode] stores a matrix
// as values and gaps between them, bit for bit. [Quantize] replaces the weights
// of each layer by the nearest of its centroids, which is the step that loses
// something: its codes then take the place of the values. [Uniform] rounds to
// evenly spaced values instead, for comparison. [Coded.Pack] turns
// both into bytes, and package huffman into fewer. [Sizes] counts what all this
// takes, by layer and by the paper's rules.
//
// A matrix is a weight tensor with one row for each output or filter. A weight
// is stored when it is not +0; whether a mask says that it stays does not
// matter, so a weight that training left at zero exactly is not stored.
//
// Nothing here trains, evaluates or writes files.
package compress

import (
	"fmt"
	"math"

	"espalier/models"
)

// The orders in which a matrix is walked.
const (
	ByRows    = "csr" // row after row: compressed sparse rows
	ByColumns = "csc" // column after column: compressed sparse columns
)

// View is how a tensor is walked as a matrix, the values of which are row-major.
type View struct {
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`
	Order   string `json:"order"` // ByRows or ByColumns
}

// ViewOf is a weight tensor with a row for each output or filter. The shape
// must have an axis.
func ViewOf(shape models.Shape, order string) View {
	return View{Rows: shape[0], Columns: shape[1:].Size(), Order: order}
}

func (v View) check() error {
	if v.Rows < 1 || v.Columns < 1 || v.Rows > math.MaxInt32/v.Columns {
		return fmt.Errorf("a matrix of %d x %d: both are at least 1 and their product at most %d", v.Rows, v.Columns, math.MaxInt32)
	}
	if v.Order != ByRows && v.Order != ByColumns {
		return fmt.Errorf("order %q: it is %q or %q", v.Order, ByRows, ByColumns)
	}
	return nil
}

func (v View) size() int { return v.Rows * v.Columns }

// at is where in the row-major values step i of the walk is.
func (v View) at(i int) int {
	if v.Order == ByRows {
		return i
	}
	return i%v.Rows*v.Columns + i/v.Rows
}

// isStored says whether a weight takes an entry: only +0 does not, so that a
// matrix comes back bit for bit.
func isStored(v float32) bool { return math.Float32bits(v) != 0 }
