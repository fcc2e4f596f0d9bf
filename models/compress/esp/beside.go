package esp

import (
	"errors"
	"math"

	"espalier/models"
	"espalier/models/compress/esp/internal/pattern"
)

// A neuron that pruning has removed is an empty row of its weights, a bias that
// is 0, and an empty column of the weights behind. So a small tensor can be
// coded beside the weights before it, with their rows for what to expect.

// expects says what to expect of a tensor that is coded beside another.
type expects func() (*pattern.Expected, error)

// neighbour is the place of the weights beside which a network's parameter is
// coded: the last ones before it, or -1.
func neighbour(net *models.Network, at int) int {
	at--
	for at >= 0 && net.Params[at].Role != models.RoleWeight {
		at--
	}
	return at
}

// occupied are the rows of a parameter that are not all +0.
func occupied(shape models.Shape, values []float32) []bool {
	rows := make([]bool, shape[0])
	columns := shape[1:].Size()
	for i, v := range values {
		rows[i/columns] = rows[i/columns] || math.Float32bits(v) != 0
	}
	return rows
}

// expecting is what the occupied rows of the weights before it say of a tensor:
// that the columns made of them are occupied, or as many rows. It is nil if they
// say nothing.
func expecting(shape models.Shape, before []bool) *pattern.Expected {
	columns := shape[1:].Size()
	switch n := len(before); {
	case n == 0:
		return nil
	case len(shape) == 1 && shape[0] == n:
		return &pattern.Expected{Rows: before}
	case len(shape) > 1 && columns%n == 0:
		x := &pattern.Expected{Cols: make([]bool, columns)}
		for c := range x.Cols {
			x.Cols[c] = before[c/(columns/n)]
		}
		return x
	}
	return nil
}

// context is what a network says of a tensor's pattern.
type context struct {
	expected *pattern.Expected
	period   int // columns that read one channel
}

// contextOf is that of a parameter of a network that has the values of those
// before it.
func contextOf(net *models.Network, at int) context {
	p := net.Params[at]
	like := context{period: p.Shape[1:].Size()}
	if len(p.Shape) > 1 {
		like.period /= p.Shape[1]
	}
	if i := neighbour(net, at); i >= 0 {
		before := net.Params[i]
		like.expected = expecting(p.Shape, occupied(before.Shape, before.Data))
		if channels := before.Shape[0]; like.period == 1 && len(p.Shape) > 1 && p.Shape[1]%channels == 0 {
			like.period = p.Shape[1] / channels
		}
	}
	return like
}

var errNoNeighbour = errors.New("it is coded beside weights before it, and there are none that fit")

// known is what was found, which has to be something.
func known(x *pattern.Expected) (*pattern.Expected, error) {
	if x == nil {
		return nil, errNoNeighbour
	}
	return x, nil
}
