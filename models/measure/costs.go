// Package measure puts networks into numbers: what they hold, what they cost to
// run, how well they do and how long they take.
//
// A figure is arithmetic over the graph and the masks ([Costs]), a measurement
// over samples ([Evaluate]) or one by a clock that the caller has ([Latencies]);
// all are plain values that can be stored, compared and printed elsewhere.
// Nothing here changes a network.
package measure

import (
	"fmt"
	"math"

	"espalier/models"
)

// Amounts are the counts of a layer or a network.
//
// A weight is an entry of a weight tensor; a parameter is a weight, a bias, or
// a scale or shift of batch normalization. A MAC is one multiply-add of one
// sample's forward pass in linear layers and convolutions: biases,
// normalization, activations and pools are not counted (a paper that prints
// FLOPs often means two per MAC).
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
	// rows, one row for each output or filter: for each non-zero weight 4 bytes of
	// float32 value and its column, 2 bytes in layers of at most 65,536
	// columns and 4 in wider ones; for each row and once more, 4 bytes of
	// row pointer. All else stays dense. Above a share of 2/3 of non-zero
	// weights it is larger than Bytes.
	SparseBytes int64 `json:"sparse_bytes"`
	// Statistics are the running means and variances of batch normalization.
	// They are no parameters and not in Bytes, because folding removes them;
	// a few papers count them (ISTA).
	Statistics int64 `json:"statistics,omitempty"`
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

// Layer is the cost of one node.
type Layer struct {
	Name string    `json:"name"`
	Op   models.Op `json:"op"`
	// Out is the shape of what it puts out for one sample.
	Out models.Shape `json:"out,omitempty"`
	Amounts
}

// ActivationBytes is the size of what the node puts out for one sample.
func (l Layer) ActivationBytes() int64 { return 4 * int64(l.Out.Size()) }

// Cost is what a network holds and computes, in sum and by layer.
type Cost struct {
	Amounts
	Layers []Layer `json:"layers"` // those that own tensors, in the network's order
}

// Costs counts the network's parameters, operations and bytes. It fails only on
// a network that is not valid.
func Costs(net *models.Network) (Cost, error) {
	layers, err := Layers(net)
	if err != nil {
		return Cost{}, err
	}
	var cost Cost
	for _, layer := range layers {
		if layer.Params+layer.Statistics > 0 {
			cost.Layers = append(cost.Layers, layer)
			cost.Amounts = cost.plus(layer.Amounts)
		}
	}
	return cost, nil
}

// Layers are the costs of every node in order, of those without parameters
// too. It fails only on a network that is not valid.
func Layers(net *models.Network) ([]Layer, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	shapes, err := net.Shapes()
	if err != nil {
		return nil, err
	}
	layers, at := make([]Layer, len(net.Nodes)), make(map[string]int, len(net.Nodes))
	for i, node := range net.Nodes {
		layers[i] = Layer{Name: node.Name, Op: node.Op, Out: shapes[node.Name]}
		at[node.Name] = i
	}
	for _, p := range net.Params {
		layer := &layers[at[p.Node]]
		layer.Amounts = layer.plus(amountsOf(p, layer.Out))
	}
	return layers, nil
}

// amountsOf counts one parameter of a node that puts out that shape.
func amountsOf(p *models.Param, out models.Shape) Amounts {
	size := int64(len(p.Data))
	if !p.Role.Trained() {
		return Amounts{Statistics: size}
	}
	nonZero := int64(0)
	for _, v := range p.Data {
		if v != 0 {
			nonZero++
		}
	}
	a := Amounts{Params: size, NonZero: nonZero, Bytes: 4 * size, SparseBytes: 4 * size}
	if p.Role == models.RoleWeight {
		// Each weight counts once for each pixel of the output; what a filter
		// reads of the padding counts too, as in all papers.
		pixels := int64(out[1:].Size())
		a.Weights, a.NonZeroWeights = size, nonZero
		a.MACs, a.EffectiveMACs = size*pixels, nonZero*pixels
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

// Smallest is a network's bytes in the smallest form that was counted; forms of
// 0 bytes were not.
func Smallest(dense int64, others ...int64) int64 {
	for _, n := range others {
		if n > 0 {
			dense = min(dense, n)
		}
	}
	return dense
}

func (a Amounts) plus(b Amounts) Amounts {
	return Amounts{
		Params: a.Params + b.Params, NonZero: a.NonZero + b.NonZero,
		Weights: a.Weights + b.Weights, NonZeroWeights: a.NonZeroWeights + b.NonZeroWeights,
		MACs: a.MACs + b.MACs, EffectiveMACs: a.EffectiveMACs + b.EffectiveMACs,
		Bytes: a.Bytes + b.Bytes, SparseBytes: a.SparseBytes + b.SparseBytes, Statistics: a.Statistics + b.Statistics,
	}
}

// String is one line for people.
func (a Amounts) String() string {
	return fmt.Sprintf("%d of %d parameters (%.4g x), sparsity %.2f %%, %d of %d MACs, %d bytes dense, %d sparse",
		a.NonZero, a.Params, a.Compression(), 100*a.Sparsity(), a.EffectiveMACs, a.MACs, a.Bytes, a.SparseBytes)
}
