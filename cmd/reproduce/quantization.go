package main

import (
	"fmt"
	"strings"
)

// quantize is a quantize section of these keys; it goes between prune and
// durability.
func quantize(keys ...string) string { return "quantize: {" + strings.Join(keys, ", ") + "}\n" }

// What a quantized network takes by the rules of Han et al. 2016, in percent of
// the dense one with its biases.
var (
	prunedShare  = of(func(dense, at row) float64 { return 100 * float64(at.PrunedBytes) / float64(dense.DenseBytes) })
	codedShare   = of(func(dense, at row) float64 { return 100 * float64(at.CodedBytes) / float64(dense.DenseBytes) })
	huffmanShare = of(func(dense, at row) float64 { return 100 * float64(at.HuffmanBytes) / float64(dense.DenseBytes) })
	huffmanBytes = of(func(_, at row) float64 { return float64(at.HuffmanBytes) })
)

// maskedError is the error of the network that was quantized: of the row before.
func maskedError(r *result, pass int) (float64, bool) {
	for i, at := range r.Rows {
		if i > 0 && at.HuffmanBytes > 0 && (at.Pass == pass || pass == lastPass) {
			return 100 * (1 - r.Rows[i-1].Accuracy), true
		}
	}
	return 0, false
}

// atMost: a share that is not passed.
func atMost(m measure, bound float64, what string) goal {
	return goal{fmt.Sprintf("at most %.1f %% %s", bound, what), m, func(mean float64) bool { return mean <= bound }}
}

// deepTable is the result of Deep Compression on MNIST.
func deepTable() table {
	sizes := func(coded, huffman float64) []goal {
		return []goal{within(0.1), atMost(codedShare, coded, "in codes"), atMost(huffmanShare, huffman, "with Huffman")}
	}
	return table{
		id: "deep-compression", title: "Han et al. 2016: pruned, quantized, Huffman-coded",
		text: `Deep Compression on MNIST (arXiv 1510.00149, tables 1 to 3). The networks are those of the table above; then the weights of each layer share 31 values, 255 in convolutions, and the values are trained for three epochs. The paper has 63 values in LeNet-300-100, whose codes take a bit more here than there: MNIST leaves its first layer weights at the middle of the image alone, so that more gaps are long. Sizes are by the paper's rule, in percent of 1,066 KB and 1,724 KB: a code and a gap for each weight that is not 0 and for each filler, a codebook a layer, and biases of 32 bits, which the paper may not count. The number of bits and the rate of the values' training were chosen after test figures of other widths and rates had been seen. "In codes" is the paper's P+Q and "with Huffman" its P+Q+H, here with the tables of the Huffman codes.`,
		experiments: []experiment{
			{id: "deep-compression-300", seeds: 3, spec: han300 + quantize("bits: {default: 5}") + durable},
			{id: "deep-compression-300-6", seeds: 3, spec: han300 + quantize("bits: {default: 6}") + durable},
			{id: "deep-compression-5", seeds: 3, spec: han5 + quantize("bits: {conv: 8, linear: 5}") + durable},
		},
		listings: []listing{{
			columns: []column{{"dense error", denseError, percents}, {"pruned", maskedError, percents}, {"quantized", prunedError, percents},
				{"fine-tuned", finalError, percents}, {"difference", moreError, points}, {"pruned size", prunedShare, percents},
				{"in codes", codedShare, percents}, {"with Huffman", huffmanShare, percents}, {"bytes", huffmanBytes, counts}},
			lines: []line{
				{"LeNet-300-100", "deep-compression-300", "1.64 -> 1.58 %, 3.1 %, then 2.49 %", 0, sizes(3.3, 2.6)},
				{"the same with 6 bits, as the paper", "deep-compression-300-6", "1.64 -> 1.58 %, 3.1 %, then 2.49 %", 0, []goal{within(0.1)}},
				{"LeNet-5", "deep-compression-5", "0.80 -> 0.74 %, 3.05 %, then 2.55 %", 0, sizes(3.2, 2.7)},
			},
		}},
	}
}

// The widths of codes that are compared, and the ways to choose values.
var (
	codeBits   = []int{2, 3, 4, 5, 6, 7, 8}
	quantizers = []struct{ id, label, keys string }{
		{"linear", "shared, linear start", "init: linear"},
		{"density", "shared, density start", "init: density"},
		{"random", "shared, random start", "init: random"},
		{"int8", "uniform, a scale for each output", "method: int8"},
		{"mean", "shared, linear start, trained by means", "init: linear, centroid_gradient: mean"},
		{"optimal", "shared, at the optimum", "init: optimal"},
		{"portions", "shared, linear start, in portions, by means", "init: linear, portions: [50%, 80%, 100%]"},
	}
)

// bitsTable holds the starts of k-means against each other and against uniform
// values.
func bitsTable() table {
	t := table{
		id: "quantize-bits", title: "Han et al. 2016: where k-means starts, and how many bits it takes",
		text: `The paper's figure of starts (section 5, of AlexNet): linear is best at all widths but 3 bits, because it keeps the few large weights. Here on the pruned LeNet-300-100, all layers with the same width. Uniform rounding, symmetric with a scale for each output as in int8 inference, is not trained afterwards. The paper moves a value by the sum of its weights' gradients; "trained by means" divides it by their number. "At the optimum", which the paper does not have, no other values are nearer to all weights. "In portions" (after Zhou et al. 2017) half of the weights get values first, then 80 %, then all, each time followed by the same training of values and free weights.`,
	}
	var tuned, fresh, sizes []gridLine
	heads := []string{""}
	for _, bits := range codeBits {
		heads = append(heads, fmt.Sprintf("%d bits", bits))
	}
	for _, q := range quantizers {
		var cells []ref
		for _, bits := range codeBits {
			id := fmt.Sprintf("quantize-bits-%s-%d", q.id, bits)
			t.experiments = append(t.experiments, experiment{id: id, seeds: 3, spec: han300 + quantize(q.keys, fmt.Sprintf("bits: {default: %d}", bits)) + durable})
			cells = append(cells, last(id))
		}
		if q.id != "int8" && q.id != "mean" && q.id != "portions" { // not trained, as linear before, and trained in part
			fresh = append(fresh, gridLine{q.label, cells})
		}
		tuned, sizes = append(tuned, gridLine{q.label, cells}), append(sizes, gridLine{q.label, cells})
	}
	t.grids = []grid{
		{"Error, before the values are trained:", heads, prunedError, percents, fresh},
		{"Error in the end:", heads, finalError, percents, tuned},
		{"Size with Huffman coding, of the dense network's:", heads, huffmanShare, percents, sizes},
	}
	from4 := func(i int) []ref { return tuned[i].cells[2:] } // by line
	t.claims = []claim{
		{"linear is better than density, from 4 bits", finalError, pairwise(from4(0), from4(1))},
		{"linear is better than random, from 4 bits", finalError, pairwise(from4(0), from4(2))},
		{"linear takes less than density and random with Huffman coding, from 4 bits", huffmanShare, append(pairwise(from4(0), from4(1)), pairwise(from4(0), from4(2))...)},
		{"linear is better than uniform values at 2 to 4 bits", finalError, pairwise(tuned[0].cells[:3], tuned[3].cells[:3])},
		{"means of gradients are better than sums", finalError, pairwise(tuned[4].cells, tuned[0].cells)},
		{"portions are better than all at once", finalError, pairwise(tuned[6].cells, tuned[4].cells)},
		{"the optimum is better than linear", finalError, pairwise(tuned[5].cells, tuned[0].cells)},
	}
	return t
}
