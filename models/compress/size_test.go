package compress_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/compress"
	"espalier/models/zoo"
)

// row is a layer of the paper's tables 2 and 3: what it holds, and the share of
// its size in percent that the paper prints for P+Q, that its formula gives
// with biases of 32 bits, and without biases in either size.
type row struct {
	layer                string
	weights, biases      int64
	kept                 float64
	bits                 int
	paper, with, without float64
}

var published = map[string][]row{
	"lenet-300-100": {
		{"fc1", 784 * 300, 300, 0.08, 6, 3.1, 3.11, 2.98},
		{"fc2", 300 * 100, 100, 0.09, 6, 3.8, 3.79, 3.47},
		{"fc3", 100 * 10, 10, 0.26, 6, 15.7, 16.2, 15.3},
	},
	"lenet-5": {
		{"conv1", 500, 20, 0.66, 8, 78.5, 78.9, 78.0},
		{"conv2", 25000, 50, 0.12, 8, 6.0, 6.2, 6.0},
		{"fc1", 400000, 500, 0.08, 5, 2.7, 2.8, 2.7},
		{"fc2", 5000, 10, 0.19, 5, 6.9, 6.8, 6.6},
	},
}

// totals are the paper's P+Q in percent and the formula's.
var totals = map[string][2]float64{"lenet-300-100": {3.1, 3.23}, "lenet-5": {3.05, 3.15}}

func TestTheFormulaReproducesThePapersTables(t *testing.T) {
	t.Parallel()
	for arch, rows := range published {
		sum, dense := compress.Size{}, int64(0)
		for _, r := range rows {
			s, err := compress.Estimate(r.weights, r.biases, r.kept, r.bits, 5)
			if err != nil {
				t.Fatal(err)
			}
			size := 32 * (r.weights + r.biases)
			sum, dense = sum.Plus(s), dense+size
			with, without := percent(s.Total(), size), percent(s.Total()-s.Biases, 32*r.weights)
			// The formula's columns have two or three digits.
			if math.Abs(with-r.with) > 0.051 || math.Abs(without-r.without) > 0.051 {
				t.Errorf("%s %s: %.2f %% with biases and %.2f %% without, want %g and %g", arch, r.layer, with, without, r.with, r.without)
			}
			if math.Abs(with-r.paper) > 0.5 {
				t.Errorf("%s %s: %.2f %%, the paper has %g", arch, r.layer, with, r.paper)
			}
		}
		if got, want := percent(sum.Total(), dense), totals[arch]; math.Abs(got-want[1]) > 0.01 || math.Abs(got-want[0]) > 0.15 {
			t.Errorf("%s: %.2f %%, want %g, and %g in the paper", arch, got, want[1], want[0])
		}
	}
}

func percent(part, whole int64) float64 { return 100 * float64(part) / float64(whole) }

// A network with random masks takes what the formula expects of it.
func TestSizesComeToTheEstimate(t *testing.T) {
	t.Parallel()
	for arch, rows := range published {
		kept, bits := make(map[string]float64), make(map[string]int)
		for _, r := range rows {
			kept[r.layer], bits[r.layer] = r.kept, r.bits
		}
		net := thinned(t, arch, 11, kept)
		quantized, shared, err := compress.Quantize(net, compress.Options{Bits: bits, Init: compress.InitLinear})
		if err != nil {
			t.Fatal(err)
		}
		layers, err := compress.Sizes(quantized, shared, compress.ByRows, 5)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range layers {
			r := rows[i]
			want, err := compress.Estimate(r.weights, r.biases, float64(l.Stored)/float64(r.weights), r.bits, 5)
			if err != nil {
				t.Fatal(err)
			}
			if l.Layer != r.layer || l.Weights != r.weights || l.Dense() != 32*(r.weights+r.biases) || l.WeightBits != r.bits || l.GapBits != 5 {
				t.Errorf("%s: row %+v, want %+v", arch, l, r)
			}
			if got := float64(l.Fixed.Total()) / float64(want.Total()); math.Abs(got-1) > 0.01 {
				t.Errorf("%s %s: %d bits, the formula expects %d", arch, l.Layer, l.Fixed.Total(), want.Total())
			}
			// What entropy coding is for; the tables count against it.
			if r.weights > 10000 && l.Huffman.Total() >= l.Fixed.Total() {
				t.Errorf("%s %s: Huffman's code makes %d bits of %d", arch, l.Layer, l.Huffman.Total(), l.Fixed.Total())
			}
		}
	}
}

// Every size counted is that of the bytes written, in either order, with gaps
// of any width, for codes and for weights that are not shared.
func TestSizesAreThoseOfTheBytes(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-5", 12, map[string]float64{"conv1": 0.7, "conv2": 0.2, "fc1": 0.01, "fc2": 0})
	quantized, shared, err := compress.Quantize(net, compress.Options{Bits: map[string]int{"conv2": 4, "fc1": 5, "fc2": 3}, Init: compress.InitDensity})
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []string{compress.ByRows, compress.ByColumns} {
		for _, gapBits := range []int{0, 3, 5, 8} {
			layers, err := compress.Sizes(quantized, shared, order, gapBits)
			if err != nil {
				t.Fatal(err)
			}
			compareBytes(t, layers[0], compress.Shared{}, quantized.Param("conv1.weight"), order, gapBits)
			for i, s := range shared {
				compareBytes(t, layers[i+1], s, nil, order, gapBits)
			}
		}
	}
}

// compareBytes packs codes, or the weights of p, and compares the lengths.
func compareBytes(t *testing.T, l compress.LayerSize, s compress.Shared, p *models.Param, order string, gapBits int) {
	t.Helper()
	var pack func(bool) compress.Packed
	if p != nil {
		encoded, err := compress.Encode(p.Data, compress.ViewOf(p.Shape, order), gapBits)
		if err != nil {
			t.Fatal(err)
		}
		pack = encoded.Pack
		if l.Fixed.Weights+l.Fixed.Indices != encoded.Size() {
			t.Errorf("%s: %+v, want %d bits", l.Layer, l.Fixed, encoded.Size())
		}
	} else {
		encoded, err := s.Encode(order, gapBits)
		if err != nil {
			t.Fatal(err)
		}
		pack = encoded.Pack
		if l.Fixed.Weights+l.Fixed.Indices != encoded.Size() || l.Fixed.Codebook != 32*int64(len(s.Codebook)) {
			t.Errorf("%s: %+v, want %d bits and %d values", l.Layer, l.Fixed, encoded.Size(), len(s.Codebook))
		}
	}
	for huffman, size := range map[bool]compress.Size{false: l.Fixed, true: l.Huffman} {
		packed := pack(huffman)
		if got, want := int64(len(packed.Values)), (size.Weights+size.WeightTable+7)/8; got != want {
			t.Errorf("%s, %s, %d bits of gap, Huffman %t: %d bytes of values, counted %d", l.Layer, order, gapBits, huffman, got, want)
		}
		if got, want := int64(len(packed.Gaps)), (size.Indices+size.IndexTable+7)/8; got != want {
			t.Errorf("%s, %s, %d bits of gap, Huffman %t: %d bytes of gaps, counted %d", l.Layer, order, gapBits, huffman, got, want)
		}
	}
}

func TestNormalizationCountsAsBiases(t *testing.T) {
	t.Parallel()
	o, _ := zoo.Default("resnet-20")
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	layers, err := compress.Sizes(net, nil, compress.ByRows, 0)
	if err != nil {
		t.Fatal(err)
	}
	params, dense := int64(0), int64(0)
	for _, p := range net.Params {
		if p.Role.Trained() {
			params += int64(len(p.Data))
		}
	}
	for _, l := range layers {
		dense += l.Dense()
		if l.Weights == 0 && l.Fixed.Total() != l.Dense() {
			t.Errorf("%s has no weights and takes %d bits, want %d", l.Layer, l.Fixed.Total(), l.Dense())
		}
	}
	if dense != 32*params {
		t.Errorf("%d bits as float32, want 32 for each of %d parameters", dense, params)
	}
}

// Biases in codes take those and their centroids; nothing else changes.
func TestBiasesInCodesTakeLess(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 3, kept300)
	bias := net.Param("fc1.bias")
	for i := range bias.Data {
		bias.Data[i] = float32(i%40*(i%40)*(i%40)) / 1024
	}
	o := compress.Options{Bits: map[string]int{compress.Default: 5}, Init: compress.InitLinear}
	sizes := func() []compress.LayerSize {
		quantized, shared, err := compress.Quantize(net, o)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := compress.Sizes(quantized, shared, compress.ByRows, 5)
		if err != nil {
			t.Fatal(err)
		}
		return layers
	}
	want := sizes()
	o.Biases = map[string]int{"fc1": 3}
	got := sizes()
	if got[0].Fixed.Biases != 3*300+8*32 || got[0].Huffman.Biases >= got[0].Fixed.Biases {
		t.Errorf("biases take %d bits and %d Huffman-coded, want 300 codes of 3 bits and 8 values, and less", got[0].Fixed.Biases, got[0].Huffman.Biases)
	}
	got[0].Fixed.Biases, got[0].Huffman.Biases = 32*300, 32*300
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("more than the biases (-want +got)\n%s", diff)
	}
	o.Keep = 16
	if kept := sizes(); kept[0].Fixed.Biases != 3*300+8*16 || kept[0].Fixed.Codebook != 32*16 {
		t.Errorf("with values of 16 bits biases take %d bits and the codebook %d, want %d and %d", kept[0].Fixed.Biases, kept[0].Fixed.Codebook, 3*300+8*16, 32*16)
	}
}

func TestSizesRefusesOtherLayers(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 1, nil)
	_, shared, err := compress.Quantize(net, compress.Options{Bits: map[string]int{"fc3": 2}, Init: compress.InitLinear})
	if err != nil {
		t.Fatal(err)
	}
	shared[0].Layer = "fc2"
	want := `shared weights of layer "fc2" with shape [10 100]: the network has none`
	if _, err := compress.Sizes(net, shared, compress.ByRows, 0); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := compress.Sizes(net, nil, "coo", 0); err == nil || err.Error() != `layer fc1: order "coo": it is "csr" or "csc"` {
		t.Errorf("error %v, want one of the order", err)
	}
}

func TestEstimateRefusesWhatIsNoLayer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		weights, biases   int64
		density           float64
		codeBits, gapBits int
		want              string
	}{
		"negative weights": {-1, 0, 0.5, 5, 5, "-1 weights and 0 biases: neither is negative"},
		"nothing kept":     {10, 0, 0, 5, 5, "density 0 is not above 0 and at most 1"},
		"not a number":     {10, 0, math.NaN(), 5, 5, "density NaN is not above 0 and at most 1"},
		"no codes":         {10, 0, 1, 0, 5, "a code has 0 bits: from 1 to 16 are allowed"},
		"no gaps":          {10, 0, 1, 5, 0, "a gap has 0 bits: from 3 to 16 are allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := compress.Estimate(test.weights, test.biases, test.density, test.codeBits, test.gapBits); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}
