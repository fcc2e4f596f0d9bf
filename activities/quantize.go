package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress"
	"espalier/models/train"
)

// QuantizeInput asks for a network whose weights take few values.
type QuantizeInput struct {
	Head
	Quantize config.Quantize `json:"quantize"`
	Seed     uint64          `json:"seed,omitempty"` // of centroids that are drawn
	// Portion, if not 0, is the share of each tensor's weights that get
	// centroids in this step; the others stay free.
	Portion float64 `json:"portion,omitempty"`
}

// Quantizing asks for a step of a quantization, from 0.
func Quantizing(head Head, q *config.Quantize, step int, seed uint64) QuantizeInput {
	in := QuantizeInput{Head: head, Quantize: *q, Seed: seed}
	if portion := q.Portion(step); portion < 1 {
		in.Portion = portion
	}
	return in
}

// Tying asks a training to move the centroids of its input, and not its weights.
type Tying struct {
	Gradient string   `json:"gradient"`           // "sum" or "mean"
	Exclude  []string `json:"exclude,omitempty"`  // layers that are trained as usual
	Biases   bool     `json:"biases,omitempty"`   // biases and normalization have centroids too
	Codebook int      `json:"codebook,omitempty"` // leading bits that centroids keep at the end, 0 for all
	// Among, if not nil, says that some weights are still free, and how many
	// values the others share at most.
	Among *Among `json:"among,omitempty"`
}

// Among are the widths of codes, as in a quantization, and the share of the
// weights that have some.
type Among struct {
	Bits    map[string]int `json:"bits"`
	Biases  int            `json:"biases,omitempty"`
	Portion float64        `json:"portion"`
}

// TyingOf is what the result of a quantization's step, from 0, is trained by.
// Values are rounded in the last one.
func TyingOf(q *config.Quantize, step int) *Tying {
	t := &Tying{Gradient: q.CentroidGradient, Exclude: q.Exclude, Biases: q.Biases > 0}
	if q.Portion(step) == 1 {
		t.Codebook = q.Codebook
	} else {
		t.Among = &Among{Bits: q.Bits, Biases: q.Biases, Portion: q.Portion(step)}
	}
	return t
}

// round leaves the centroids of a trained network the bits that they are to
// keep, and running statistics as many where the biases have centroids.
func (how *Tying) round(net *models.Network) error {
	if how == nil || how.Codebook == 0 {
		return nil
	}
	for _, p := range net.Params {
		if slices.Contains(how.Exclude, p.Node) || p.Role != models.RoleWeight && !how.Biases {
			continue
		}
		if err := compress.Round(p.Data, how.Codebook); err != nil {
			return &inputError{fmt.Errorf("quantize.codebook: %w", err)}
		}
	}
	return nil
}

// QuantizedLayer is what one layer takes before and after: the detail of a
// quantization's result has one for each layer with parameters. A matrix is
// walked by rows or by columns, with gaps of some width, whichever takes least.
type QuantizedLayer struct {
	Values int           `json:"values,omitempty"` // that its weights have, 0 not counted; 0 where they are as before
	Pruned compress.Size `json:"pruned"`           // with weights of 32 bits, those alone that are not 0
	compress.LayerSize
	HuffmanGapBits int `json:"huffman_gap_bits,omitempty"` // width of the gaps that Huffman codes stand for
}

// Quantize lets the weights of each layer take few values. What the layers
// take, by the rules of Han et al. 2016, is kept with the result: as pruned
// ("P"), in codes ("P+Q"), and with the codes Huffman-coded ("P+Q+H").
func (s *Steps) Quantize(ctx context.Context, in QuantizeInput) (StepResult, error) {
	q := in.Quantize
	return s.run(ctx, in.Head, NameQuantize, in.KeyParams(), in.Seed, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, err := a.parent(ctx)
		if err != nil {
			return checkpoint.Result{}, err
		}
		a.pulse.set(func(g *Progress) { g.Phase = "clustering" })
		if err := q.Check(parent.Network); err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		var net *models.Network
		layers, err := during(ctx, PartCompute, func(context.Context) ([]QuantizedLayer, error) {
			var shared []compress.Shared
			var err error
			if net, shared, err = in.quantize(parent.Network); err != nil {
				return nil, &inputError{fmt.Errorf("quantize: %w", err)}
			}
			if in.Portion > 0 {
				return nil, nil // free weights have no codes to count
			}
			return quantizedLayers(parent.Network, net, shared)
		})
		if err != nil {
			return checkpoint.Result{}, err
		}
		result, err := a.save(ctx, &checkpoint.Checkpoint{Network: net})
		if err != nil || in.Portion > 0 {
			return result, err
		}
		result.Metrics = quantizedBytes(layers)
		result.Detail, err = json.Marshal(layers)
		return result, err
	})
}

func (in QuantizeInput) quantize(net *models.Network) (*models.Network, []compress.Shared, error) {
	q := in.Quantize
	o := compress.Options{Bits: q.Layers(net), Biases: q.BiasLayers(net), Keep: q.Codebook, Init: q.Init, Seed: in.Seed}
	if q.Method == config.QuantizeInt8 {
		return compress.Uniform(net, o)
	}
	if in.Portion > 0 {
		part, err := compress.QuantizePortion(net, o, in.Portion)
		return part, nil, err
	}
	quantized, shared, err := compress.Quantize(net, o)
	if err != nil {
		return nil, nil, err
	}
	return quantized, shared, TyingOf(&q, q.Steps()-1).round(quantized)
}

// gapWidths are those that are tried: 0 is the best one before Huffman coding.
// Wider ones need fewer fillers, which pays where rare gaps have long codes.
var gapWidths = []int{0, 5, 6, 7, 8}

// quantizedLayers holds the sizes of both networks side by side.
func quantizedLayers(before, after *models.Network, shared []compress.Shared) ([]QuantizedLayer, error) {
	values, err := usedValues(shared)
	if err != nil {
		return nil, err
	}
	var layers []QuantizedLayer
	for _, order := range []string{compress.ByRows, compress.ByColumns} {
		pruned, err := compress.Sizes(before, nil, order, 0)
		if err != nil {
			return nil, err
		}
		for _, gap := range gapWidths {
			coded, err := compress.Sizes(after, shared, order, gap)
			if err != nil {
				return nil, err
			}
			for i, l := range coded {
				if i == len(layers) {
					layers = append(layers, QuantizedLayer{Values: values[l.Layer], Pruned: pruned[i].Fixed, LayerSize: l, HuffmanGapBits: l.GapBits})
				}
				layers[i].improve(pruned[i].Fixed, l)
			}
		}
	}
	return layers, nil
}

// improve takes over what is smaller of other sizes of the layer.
func (q *QuantizedLayer) improve(pruned compress.Size, l compress.LayerSize) {
	if pruned.Total() < q.Pruned.Total() {
		q.Pruned = pruned
	}
	huffman, gap := q.Huffman, q.HuffmanGapBits
	if l.Huffman.Total() < huffman.Total() {
		huffman, gap = l.Huffman, l.GapBits
	}
	if l.Fixed.Total() < q.Fixed.Total() {
		q.LayerSize = l
	}
	q.Huffman, q.HuffmanGapBits = huffman, gap
}

// usedValues are how many values of each codebook weights have.
func usedValues(shared []compress.Shared) (map[string]int, error) {
	values := map[string]int{}
	for _, s := range shared {
		members, err := s.Members()
		if err != nil {
			return nil, err
		}
		for _, n := range members[1:] {
			if n > 0 && s.Role == models.RoleWeight {
				values[s.Layer]++
			}
		}
	}
	return values, nil
}

// quantizedBytes are the totals, in whole bytes.
func quantizedBytes(layers []QuantizedLayer) map[string]float64 {
	var pruned, fixed, huffman int64
	for _, l := range layers {
		pruned, fixed, huffman = pruned+l.Pruned.Total(), fixed+l.Fixed.Total(), huffman+l.Huffman.Total()
	}
	whole := func(bits int64) float64 { return float64((bits + 7) / 8) }
	return map[string]float64{MetricPrunedBytes: whole(pruned), MetricCodedBytes: whole(fixed), MetricHuffmanBytes: whole(huffman)}
}

// tie makes the training move the centroids of the step's input, which is the
// same for every attempt.
func (a *attempt) tie(ctx context.Context, how *Tying, o *train.Options) error {
	if how == nil {
		return nil
	}
	parent, err := a.parent(ctx)
	if err != nil {
		return err
	}
	o.Ties, o.MeanGradient = how.ties(parent.Network), how.Gradient == "mean"
	a.pulse.set(func(g *Progress) {
		if g.Tied = true; how.Among != nil {
			g.Portion = how.Among.Portion
		}
	})
	return nil
}

// ties are those of a quantized network's weights.
func (how *Tying) ties(net *models.Network) []train.Tie {
	if how.Among == nil {
		return train.Ties(net, how.Exclude, how.Biases)
	}
	q := config.Quantize{Bits: how.Among.Bits, Biases: how.Among.Biases, Exclude: how.Exclude}
	weights, biases := q.Layers(net), q.BiasLayers(net)
	return train.TiesAmongFree(net, how.Exclude, how.Biases, func(p *models.Param) int {
		bits := biases[p.Node]
		if p.Role == models.RoleWeight {
			bits = weights[p.Node]
		}
		return 1<<bits - 1
	})
}
