package compress_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress"
)

// Each weight is a whole multiple of its row's scale and at most half of one
// away from what it was; the largest of a row stays.
func TestUniformRoundsToMultiplesOfAScaleByRow(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-5", 3, map[string]float64{"conv2": 0.12, "fc1": 0.08})
	clear(net.Param("fc2.weight").Data[:500]) // a row without weights
	before := net.Clone()
	for bits := compress.MinUniformBits; bits <= compress.MaxUniformBits; bits++ {
		got, layers, err := compress.Uniform(net, compress.Options{Bits: map[string]int{compress.Default: bits}})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, net) {
			t.Fatal("the network given changed")
		}
		most := float32(int(1)<<(bits-1) - 1)
		for _, s := range layers {
			p, q := net.Param(s.Layer+".weight"), got.Param(s.Layer+".weight")
			if back, err := s.Weights(); err != nil || !sameBits(back, q.Data) {
				t.Fatalf("%s: the codes are not those of the weights: %v", s.Layer, err)
			}
			columns, reached := p.Shape[1:].Size(), make([]bool, p.Shape[0])
			for i, v := range p.Data {
				scale := s.Scales[i/columns]
				m := s.Codebook[s.Codes[i]]
				if q.Data[i] != m*scale || m > most || m < -most || v == 0 && q.Data[i] != 0 {
					t.Fatalf("%s: weight %d of %g became %g, %g times %g", s.Layer, i, v, q.Data[i], m, scale)
				}
				if d := math.Abs(float64(q.Data[i] - v)); d > 0.5001*float64(scale) {
					t.Fatalf("%s: weight %d moved by %g, more than half of %g", s.Layer, i, d, scale)
				}
				reached[i/columns] = reached[i/columns] || m == most || m == -most
			}
			for row, ok := range reached {
				if !ok && s.Scales[row] != 0 {
					t.Errorf("%s: no weight of row %d is the last multiple", s.Layer, row)
				}
			}
		}
	}
}

// Scales take the place of the codebook: 32 bits for each row.
func TestUniformSizes(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 1, kept300)
	quantized, layers, err := compress.Uniform(net, compress.Options{Bits: map[string]int{compress.Default: 8}})
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := compress.Sizes(quantized, layers, compress.ByRows, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, rows := range []int64{300, 100, 10} {
		if got := sizes[i]; got.Fixed.Codebook != 32*rows || got.Huffman.Codebook != 32*rows || got.Fixed.Weights != 8*got.Entries {
			t.Errorf("%s takes %+v, want scales of %d bits and 8 for each of %d entries", got.Layer, got.Fixed, 32*rows, got.Entries)
		}
	}
}

func TestUniformRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(net *models.Network, o *compress.Options)
		want   string
	}{
		"one bit":       {func(_ *models.Network, o *compress.Options) { o.Bits["fc2"] = 1 }, "layer fc2: 1 bits: uniform codes have from 2 to 8"},
		"nine bits":     {func(_ *models.Network, o *compress.Options) { o.Bits["fc2"] = 9 }, "from 2 to 8"},
		"another layer": {func(_ *models.Network, o *compress.Options) { o.Bits["fc9"] = 8 }, `bits for layer "fc9"`},
		"no number":     {func(net *models.Network, _ *compress.Options) { net.Params[0].Data[900] = float32(math.NaN()) }, "layer fc1: row 1: a weight is not finite"},
	} {
		net := thinned(t, "lenet-300-100", 1, nil)
		o := compress.Options{Bits: map[string]int{compress.Default: 8}}
		c.change(net, &o)
		if _, _, err := compress.Uniform(net, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
