// Package measure puts one network into numbers: what it holds, what it costs
// to run, how well it does.
//
// A figure is either arithmetic over the graph and the masks ([Costs]) or a
// measurement over samples; both are plain values that can be stored, compared
// and printed elsewhere. Nothing here changes a network, and nothing compares
// two of them: that is package report's.
package measure

import (
	"fmt"
	"math"

	"espalier/models"
)

// Amounts are the counts of a layer or a network.
//
// A weight is an entry of a weight tensor; a parameter is a weight or a bias.
// A MAC is one multiply-add of one sample's forward pass, biases and
// activations not counted (a paper that prints FLOPs often means two per MAC).
type Amounts struct {
	Params         int64 `json:"params"`
	NonZero        int64 `json:"non_zero"` // parameters that are not exactly 0
	Weights        int64 `json:"weights"`
	NonZeroWeights int64 `json:"non_zero_weights"`
	MACs           int64 `json:"macs"`           // of the dense layer
	EffectiveMACs  int64 `json:"effective_macs"` // that multiply by a weight that is not 0
	// Bytes is the size as dense float32: 4 for each parameter.
	Bytes int64 `json:"bytes"`
	// SparseBytes is the size with every weight tensor in compressed sparse
	// rows, one row for each output: for each non-zero weight 4 bytes of
	// float32 value and its column, 2 bytes in layers of at most 65,536
	// columns and 4 in wider ones; for each row and once more, 4 bytes of
	// row pointer. Biases stay dense. Above a share of 2/3 of non-zero
	// weights it is larger than Bytes.
	SparseBytes int64 `json:"sparse_bytes"`
}

// Sparsity is the share of the weights that is exactly 0; biases do not count.
func (a Amounts) Sparsity() float64 {
	if a.Weights == 0 {
		return 0
	}
	return float64(a.Weights-a.NonZeroWeights) / float64(a.Weights)
}

// Compression is how many times fewer parameters there are without the zeros:
// the "12x" of the papers. Of a network with no parameter left it is +Inf.
func (a Amounts) Compression() float64 {
	if a.Params == 0 {
		return 1
	}
	return float64(a.Params) / float64(a.NonZero)
}

// Layer is the cost of one node that owns parameters.
type Layer struct {
	Name string    `json:"name"`
	Op   models.Op `json:"op"`
	Amounts
}

// Cost is what a network holds and computes, in sum and by layer.
type Cost struct {
	Amounts
	Layers []Layer `json:"layers"` // in the network's order
}

// Costs counts the network's parameters, operations and bytes. It fails only on
// a network that is not valid.
func Costs(net *models.Network) (Cost, error) {
	if err := net.Validate(); err != nil {
		return Cost{}, err
	}
	var cost Cost
	for _, node := range net.Nodes {
		layer := Layer{Name: node.Name, Op: node.Op}
		for _, p := range net.Params {
			if p.Node == node.Name {
				layer.Amounts = layer.plus(amountsOf(p))
			}
		}
		if layer.Params > 0 {
			cost.Layers = append(cost.Layers, layer)
			cost.Amounts = cost.plus(layer.Amounts)
		}
	}
	return cost, nil
}

func amountsOf(p *models.Param) Amounts {
	size, nonZero := int64(len(p.Data)), int64(0)
	for _, v := range p.Data {
		if v != 0 {
			nonZero++
		}
	}
	a := Amounts{Params: size, NonZero: nonZero, Bytes: 4 * size, SparseBytes: 4 * size}
	if p.Role == models.RoleWeight {
		a.Weights, a.NonZeroWeights = size, nonZero
		a.MACs, a.EffectiveMACs = size, nonZero // a linear layer uses each weight once a sample
		a.SparseBytes = csrBytes(int64(p.Shape[0]), size/int64(p.Shape[0]), nonZero)
	}
	return a
}

// csrBytes is the size of a matrix in compressed sparse rows.
func csrBytes(rows, columns, nonZero int64) int64 {
	index := int64(2)
	if columns > math.MaxUint16+1 {
		index = 4
	}
	return nonZero*(4+index) + 4*(rows+1)
}

func (a Amounts) plus(b Amounts) Amounts {
	return Amounts{
		Params: a.Params + b.Params, NonZero: a.NonZero + b.NonZero,
		Weights: a.Weights + b.Weights, NonZeroWeights: a.NonZeroWeights + b.NonZeroWeights,
		MACs: a.MACs + b.MACs, EffectiveMACs: a.EffectiveMACs + b.EffectiveMACs,
		Bytes: a.Bytes + b.Bytes, SparseBytes: a.SparseBytes + b.SparseBytes,
	}
}

// String is one line for people.
func (a Amounts) String() string {
	return fmt.Sprintf("%d of %d parameters (%.4g x), sparsity %.2f %%, %d of %d MACs, %d bytes dense, %d sparse",
		a.NonZero, a.Params, a.Compression(), 100*a.Sparsity(), a.EffectiveMACs, a.MACs, a.Bytes, a.SparseBytes)
}
