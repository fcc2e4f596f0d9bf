package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"espalier/config"
	"espalier/models"
	"espalier/models/compress"
)

// quantizationPlan is what the quantized network would take before Huffman
// coding, by the rules of Han et al. 2016.
type quantizationPlan struct {
	Method string       `json:"method"`
	Steps  int          `json:"steps"`  // until all weights have centroids
	Epochs int          `json:"epochs"` // in which the centroids are trained, of all steps
	Layers []codedLayer `json:"layers"`
	Dense  int64        `json:"dense_bytes"`
	Bytes  int64        `json:"estimated_bytes"` // of all layers, biases too
	Note   string       `json:"note,omitempty"`  // what the estimate leaves out
}

// codedLayer is a layer of the plan.
type codedLayer struct {
	Layer   string  `json:"layer"`
	Weights int64   `json:"weights"`
	Left    float64 `json:"left"` // share of the weights that pruning leaves
	Bits    int     `json:"bits,omitempty"`
	Values  int     `json:"values,omitempty"` // that weights can have, 0 not counted
	Bytes   int64   `json:"estimated_bytes"`  // with biases
}

// planQuantization is nil without quantize. net is the initial network; one
// that the spec's bits do not fit is refused, as the run would.
func planQuantization(spec *config.Spec, net *models.Network) (*quantizationPlan, error) {
	q := spec.Quantize
	if q == nil {
		return nil, nil
	}
	if err := q.Check(net); err != nil {
		return nil, err
	}
	tune, _ := spec.CentroidTrain(0)
	plan := &quantizationPlan{Method: q.Method, Steps: q.Steps(), Epochs: q.Steps() * tune.Epochs, Note: unestimated(spec)}
	widths, biases := q.Layers(net), q.BiasLayers(net)
	kept := int64(compress.AllBits)
	if q.Codebook > 0 {
		kept = int64(q.Codebook)
	}
	total := int64(0)
	for i := 0; i < len(net.Params); {
		layer := net.Params[i].Node
		var weights *models.Param
		bits := int64(0)
		for ; i < len(net.Params) && net.Params[i].Node == layer; i++ {
			switch p := net.Params[i]; {
			case p.Role == models.RoleWeight:
				weights = p
			case p.Role.Trained():
				bits += biasBits(int64(len(p.Data)), biases[layer], kept)
				plan.Dense += 4 * int64(len(p.Data))
			}
		}
		if weights != nil {
			l := codedLayer{Layer: layer, Weights: int64(len(weights.Data)), Left: left(spec, layer), Bits: widths[layer]}
			plan.Dense += 4 * l.Weights
			var err error
			if bits, err = l.estimate(q.Method, bits, kept, int64(weights.Shape[0])); err != nil {
				return nil, err
			}
			plan.Layers = append(plan.Layers, l)
		}
		total += bits
	}
	plan.Bytes = (total + 7) / 8
	return plan, nil
}

// biasBits are what n biases take: a code each of that width, for 0 all bits, and
// the values of the codebook.
func biasBits(n int64, width int, kept int64) int64 {
	if width == 0 {
		return compress.AllBits * n
	}
	return int64(width)*n + kept*min(n+1, 1<<width)
}

// estimate fills in what the layer takes, its biases so many bits and each value
// of its codebook kept, and returns it in bits, with the gaps that are best for it.
func (l *codedLayer) estimate(method string, biases, kept, rows int64) (int64, error) {
	width := max(l.Bits, compress.MinCodeBits)
	best := int64(-1)
	for gap := compress.MinGapBits; gap <= compress.MaxGapBits; gap++ {
		s, err := compress.Estimate(l.Weights, 0, l.Left, width, gap)
		if err != nil {
			return 0, fmt.Errorf("layer %s: %w", l.Layer, err)
		}
		s.Biases, s.Codebook = biases, kept<<width
		switch {
		case l.Bits == 0: // not quantized: values instead of codes
			s.Weights, s.Codebook = 32*s.Weights, 0
		case method == config.QuantizeInt8:
			s.Codebook = 32 * rows
		}
		if total := s.Total(); best < 0 || total < best {
			best = total
		}
	}
	if l.Bits > 0 {
		l.Values = 1<<l.Bits - 1
	}
	if l.Bits > 0 && method == config.QuantizeInt8 {
		l.Values-- // as many below 0 as above
	}
	l.Bytes = (best + 7) / 8
	return best, nil
}

// left is the share of a layer's weights that is expected to stay.
func left(spec *config.Spec, layer string) float64 {
	p := spec.Prune
	if p == nil || p.RemovesChannels() || slices.Contains(p.Exclude, layer) {
		return 1
	}
	if share, ok := p.Schedule.Target.Layers[layer]; ok {
		return 1 - share
	}
	return 1 - p.Schedule.Target.Sparsity
}

// unestimated says what nothing can be known of before the network is pruned.
func unestimated(spec *config.Spec) string {
	p := spec.Prune
	switch {
	case p == nil:
		return ""
	case p.RemovesChannels():
		return "of the network before channels go"
	case p.Schedule.Target.IsZero():
		return "as if no weight went; thresholds say how many do when the run gets there"
	case p.Scope == "global":
		return "as if every layer lost the same share"
	}
	return ""
}

func (p *quantizationPlan) print(out io.Writer) {
	note := ""
	if p.Note != "" {
		note = ", " + p.Note
	}
	fmt.Fprintf(out, "\nQuantized by method %s the weights would take, before Huffman coding%s:\n\n", p.Method, note)
	t := newTable(out, "layer", ">weights", ">left", ">bits", ">values", ">bytes")
	for _, l := range p.Layers {
		bits, values := "32", ""
		if l.Bits > 0 {
			bits, values = fmt.Sprint(l.Bits), humanize.Comma(int64(l.Values))
		}
		t.AppendRow(table.Row{l.Layer, humanize.Comma(l.Weights), percent(l.Left), bits, values, humanize.Bytes(uint64(l.Bytes))})
	}
	t.Render()
	fmt.Fprintf(out, "\n%s with all biases, %s of the dense %s", humanize.Bytes(uint64(p.Bytes)), percent(float64(p.Bytes)/float64(p.Dense)), humanize.Bytes(uint64(p.Dense)))
	if p.Epochs > 0 {
		fmt.Fprintf(out, "; the centroids are trained for %d epochs", p.Epochs)
	}
	if p.Steps > 1 {
		fmt.Fprintf(out, " in %d steps", p.Steps)
	}
	fmt.Fprintln(out)
}

// distinct counts the different weights of each layer that are not 0, where
// they are so few that several weights share each: nil if there is no such layer.
func distinct(net *models.Network) map[string]int {
	var values map[string]int
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		sorted := slices.DeleteFunc(slices.Clone(p.Data), func(v float32) bool { return v == 0 })
		slices.Sort(sorted)
		stored := len(sorted)
		if n := len(slices.Compact(sorted)); 2*n <= stored {
			if values == nil {
				values = map[string]int{}
			}
			values[p.Node] = n
		}
	}
	return values
}
