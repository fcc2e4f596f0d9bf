package compress_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress"
)

var kept300 = map[string]float64{"fc1": 0.08, "fc2": 0.09, "fc3": 0.26}

// Each weight becomes the nearest centroid of its layer, and nothing else
// changes: not the zeros, the masks, the biases, nor the network given.
func TestQuantizeReplacesWeightsByTheirNearestCentroids(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 1, kept300)
	before := net.Clone()
	got, layers, err := compress.Quantize(net, compress.Options{Bits: map[string]int{"fc1": 5, compress.Default: 6}, Init: compress.InitLinear})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, net) {
		t.Fatal("the network given changed")
	}
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(layers) != 3 || layers[0].Bits != 5 || layers[1].Bits != 6 || layers[2].Layer != "fc3" {
		t.Fatalf("%d layers, want fc1 with 5 bits and fc2 and fc3 with 6", len(layers))
	}
	for i, s := range layers {
		p, q := net.Param(s.Layer+".weight"), got.Param(s.Layer+".weight")
		if len(s.Codebook) != 1<<s.Bits || s.Codebook[0] != 0 {
			t.Errorf("%s: a codebook of %d values that begins with %g", s.Layer, len(s.Codebook), s.Codebook[0])
		}
		for j, v := range p.Data {
			want := float32(0)
			if v != 0 {
				want = s.Codebook[1+near(s.Codebook[1:], v)]
			}
			if q.Data[j] != want || s.Codebook[s.Codes[j]] != want || (v == 0) != (s.Codes[j] == 0) {
				t.Fatalf("%s: weight %d of %g became %g with code %d, want %g", s.Layer, j, v, q.Data[j], s.Codes[j], want)
			}
		}
		q.Data = p.Data
		if !reflect.DeepEqual(net.Params[2*i:2*i+2], got.Params[2*i:2*i+2]) {
			t.Errorf("%s: more than its weights changed", s.Layer)
		}
	}
}

// The codes of a network come back through bytes, and stand for its weights.
func TestQuantizedNetworksComeBack(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-5", 2, map[string]float64{"conv1": 0.66, "conv2": 0.12, "fc1": 0.08})
	for _, init := range compress.Inits() {
		quantized, layers, err := compress.Quantize(net, compress.Options{Bits: map[string]int{"conv1": 8, "conv2": 8, "fc1": 5, "fc2": 1}, Init: init, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range layers {
			for _, order := range []string{compress.ByRows, compress.ByColumns} {
				for _, huffman := range []bool{false, true} {
					c, err := s.Encode(order, 0)
					if err != nil {
						t.Fatal(err)
					}
					read, err := c.Pack(huffman).Coded()
					if err != nil {
						t.Fatal(err)
					}
					back := s
					if back.Codes, err = read.Decode(); err != nil {
						t.Fatal(err)
					}
					weights, err := back.Weights()
					if err != nil || !sameBits(weights, quantized.Param(s.Layer+".weight").Data) {
						t.Errorf("%s, %s, Huffman %t: the weights come back different: %v", s.Layer, order, huffman, err)
					}
				}
			}
		}
	}
}

// Biases and normalization share centroids where the options say so: few values,
// of few bits, with zeros where they were; weights are as without.
func TestBiasesShareCentroids(t *testing.T) {
	t.Parallel()
	net := thinned(t, "vgg-11-bn", 5, nil)
	r := rand.New(rand.NewPCG(1, 1))
	for _, p := range net.Params {
		for i := range p.Data {
			if p.Role != models.RoleWeight && i%3 > 0 {
				p.Data[i] = float32(r.NormFloat64())
			}
		}
	}
	o := compress.Options{Bits: map[string]int{"fc1": 2}, Init: compress.InitLinear}
	plain, _, err := compress.Quantize(net, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Biases, o.Keep = map[string]int{compress.Default: 3, "bn1_1": 2}, 16
	got, shared, err := compress.Quantize(net, o)
	if err != nil {
		t.Fatal(err)
	}
	quantized := map[string]bool{}
	for _, s := range shared {
		quantized[s.Param()] = true
		values, err := s.Weights()
		if err != nil || !sameBits(values, got.Param(s.Param()).Data) {
			t.Errorf("%s: its codes stand for other values, %v", s.Param(), err)
		}
		for _, c := range s.Codebook {
			if math.Float32bits(c)&0xffff != 0 {
				t.Errorf("%s: centroid %g is no bfloat16", s.Param(), c)
			}
		}
		want := 3
		if s.Layer == "bn1_1" || s.Layer == "fc1" && s.Role == models.RoleWeight {
			want = 2
		}
		if s.Bits != want {
			t.Errorf("%s has codes of %d bits, want %d", s.Param(), s.Bits, want)
		}
	}
	for i, p := range net.Params {
		q := got.Params[i]
		if want := p.Name == "fc1.weight" || p.Role != models.RoleWeight && p.Role.Trained(); quantized[p.Name] != want {
			t.Errorf("%s is quantized: %t, want %t", p.Name, !want, want)
		}
		if !quantized[p.Name] && !sameBits(q.Data, plain.Params[i].Data) {
			t.Errorf("%s changed", p.Name)
		}
		for j, v := range p.Data {
			if quantized[p.Name] && (v == 0) != (q.Data[j] == 0) {
				t.Fatalf("%s: value %d of %g became %g", p.Name, j, v, q.Data[j])
			}
		}
	}
}

func TestQuantizeIsDeterministicLayerByLayer(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 3, kept300)
	quantize := func(bits map[string]int, seed uint64) []compress.Shared {
		_, layers, err := compress.Quantize(net, compress.Options{Bits: bits, Init: compress.InitRandom, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return layers
	}
	all := quantize(map[string]int{compress.Default: 4}, 9)
	if !reflect.DeepEqual(all, quantize(map[string]int{compress.Default: 4}, 9)) {
		t.Error("again, the codes differ")
	}
	if !reflect.DeepEqual(all[1:2], quantize(map[string]int{"fc2": 4}, 9)) {
		t.Error("alone, the codes of fc2 differ")
	}
	if reflect.DeepEqual(all, quantize(map[string]int{compress.Default: 4}, 10)) {
		t.Error("another seed draws the same")
	}
}

func TestQuantizeOfDegenerateLayers(t *testing.T) {
	t.Parallel()
	net := thinned(t, "lenet-300-100", 4, map[string]float64{"fc1": 0, "fc2": 0.1})
	fc3 := net.Param("fc3.weight")
	for i := range fc3.Data {
		fc3.Data[i] = []float32{0.5, 0, -0.25}[i%3] // a zero that no mask asks for
	}
	got, layers, err := compress.Quantize(net, compress.Options{Bits: map[string]int{compress.Default: 3}, Init: compress.InitLinear})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0}; !slices.Equal(layers[0].Codebook, want) || slices.Max(layers[0].Codes) != 0 {
		t.Errorf("a layer without weights has codebook %v, want %v", layers[0].Codebook, want)
	}
	if want := []float32{0, -0.25, 0.5}; !slices.Equal(layers[2].Codebook, want) || !slices.Equal(got.Param("fc3.weight").Data, fc3.Data) {
		t.Errorf("two values have codebook %v, want %v and no loss", layers[2].Codebook, want)
	}
}

func TestQuantizeRefusesWrongOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*models.Network, *compress.Options)
		want   string
	}{
		"no start":      {func(_ *models.Network, o *compress.Options) { o.Init = "" }, `init "": it is one of ["density" "linear" "optimal" "random"]`},
		"no such layer": {func(_ *models.Network, o *compress.Options) { o.Bits["fc4"] = 4 }, `bits for layer "fc4": the layers with weights are ["fc1" "fc2" "fc3"]`},
		"no width":      {func(_ *models.Network, o *compress.Options) { o.Bits["fc1"] = 0 }, `bits for layer "fc1": a code has 0 bits: from 1 to 16 are allowed`},
		"too wide":      {func(_ *models.Network, o *compress.Options) { o.Bits[compress.Default] = 17 }, `bits for layer "default": a code has 17 bits: from 1 to 16 are allowed`},
		"no biases":     {func(_ *models.Network, o *compress.Options) { o.Biases = map[string]int{"relu1": 4} }, `bits for layer "relu1": the layers with biases are ["fc1" "fc2" "fc3"]`},
		"wide biases":   {func(_ *models.Network, o *compress.Options) { o.Biases = map[string]int{"fc1": 17} }, `bits for layer "fc1": a code has 17 bits`},
		"no float":      {func(_ *models.Network, o *compress.Options) { o.Keep = 9 }, "9 bits of a float32: from 10 to 32 are kept"},
		"not a number": {func(net *models.Network, _ *compress.Options) { net.Params[2].Data[9] = float32(math.NaN()) },
			"layer fc2: value 9 is NaN: only finite ones can be divided into clusters"},
		"not a network": {func(net *models.Network, _ *compress.Options) { net.Params = net.Params[1:] }, "parameters, the graph needs"},
	}
	whole := thinned(t, "lenet-300-100", 1, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net, o := whole.Clone(), compress.Options{Bits: map[string]int{compress.Default: 2}, Init: compress.InitLinear}
			test.change(net, &o)
			if _, _, err := compress.Quantize(net, o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

// The paper's figure 3: sixteen weights, four centroids, and their gradients.
func TestTheFigureOfWeightSharing(t *testing.T) {
	t.Parallel()
	weights := []float32{2.09, -0.98, 1.48, 0.09, 0.05, -0.14, -1.08, 2.12, -0.91, 1.92, 0, -1.03, 1.87, 0, 1.53, 1.49}
	gradients := []float32{-0.03, -0.01, 0.03, 0.02, -0.01, 0.01, -0.02, 0.12, -0.01, 0.02, 0.04, 0.01, -0.07, -0.02, 0.01, -0.02}
	centroids, err := compress.KMeans(weights, 4, compress.InitLinear, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := compress.Shared{Layer: "fc", Shape: models.Shape{4, 4}, Bits: 3, Codebook: append([]float32{0}, centroids...), Codes: make([]uint16, 16)}
	for i, w := range weights {
		s.Codes[i] = uint16(1 + near(centroids, w))
	}
	sums, err := s.Sums(gradients)
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]float64{{-1, -0.03}, {0, 0.04}, {1.5, 0.02}, {2, 0.04}}
	for i, w := range want {
		if math.Abs(float64(centroids[i])-w[0]) > 0.005 || math.Abs(sums[i+1]-w[1]) > 1e-6 {
			t.Errorf("centroid %d is %g with gradient %g, want %g with %g", i, centroids[i], sums[i+1], w[0], w[1])
		}
	}
}

// A loss changes with a centroid as the sum says: for L = 1/2 sum (w - a)^2 it
// is compared with the slope of the loss itself.
func TestSumsAreTheGradientsOfTheCodebook(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	s := compress.Shared{Layer: "fc", Shape: models.Shape{20, 30}, Bits: 3, Codebook: []float32{0, -1, -0.5, 0.25, 1, 2}, Codes: make([]uint16, 600)}
	targets := drawn(r, 600, 1)
	for i := range s.Codes {
		s.Codes[i] = uint16(r.IntN(5)) // code 5 has no member
	}
	loss := func(code int, step float32) float64 {
		moved := s
		moved.Codebook = slices.Clone(s.Codebook)
		moved.Codebook[code] += step
		weights, err := moved.Weights()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, w := range weights {
			d := float64(w) - float64(targets[i])
			sum += d * d / 2
		}
		return sum
	}
	gradients := make([]float32, 600)
	values, err := s.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range values {
		gradients[i] = w - targets[i]
	}
	sums, err := s.Sums(gradients)
	if err != nil {
		t.Fatal(err)
	}
	members, err := s.Members()
	if err != nil {
		t.Fatal(err)
	}
	const step = 1. / 1024
	for code := 1; code < len(sums); code++ {
		slope := (loss(code, step) - loss(code, -step)) / (2 * step)
		if math.Abs(slope-sums[code]) > 1e-3*(1+math.Abs(slope)) {
			t.Errorf("the sum of code %d is %g, the slope of the loss %g", code, sums[code], slope)
		}
	}
	if sums[0] != 0 || sums[5] != 0 || members[5] != 0 || members[0]+members[1]+members[2]+members[3]+members[4] != 600 {
		t.Errorf("sums %v of %v members: code 0 is no parameter, and code 5 has no member", sums, members)
	}
}

func TestSharedRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*compress.Shared)
		want   string
	}{
		"no width":           {func(s *compress.Shared) { s.Bits = 0 }, "layer fc: a code has 0 bits: from 1 to 16 are allowed"},
		"another shape":      {func(s *compress.Shared) { s.Shape = models.Shape{5} }, "layer fc: 4 codes for a tensor of shape [5]"},
		"no shape":           {func(s *compress.Shared) { s.Shape = nil }, "layer fc: 4 codes for a tensor of shape []"},
		"a large codebook":   {func(s *compress.Shared) { s.Codebook = make([]float32, 5) }, "layer fc: a codebook of 5 values: codes of 2 bits have from 1 to 4"},
		"no zero":            {func(s *compress.Shared) { s.Codebook[0] = 3 }, "layer fc: the codebook begins with 3, want 0"},
		"a code of no value": {func(s *compress.Shared) { s.Codes[3] = 3 }, "layer fc: the code of weight 3 is 3: the codebook has 3 values"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := compress.Shared{Layer: "fc", Shape: models.Shape{2, 2}, Bits: 2, Codebook: []float32{0, 1, 2}, Codes: []uint16{0, 1, 2, 0}}
			test.change(&s)
			_, weights := s.Weights()
			_, members := s.Members()
			_, sums := s.Sums(make([]float32, 4))
			_, encode := s.Encode(compress.ByRows, 5)
			for i, err := range []error{weights, members, sums, encode} {
				if err == nil || err.Error() != test.want {
					t.Errorf("error %d is %v, want %s", i, err, test.want)
				}
			}
		})
	}
}
