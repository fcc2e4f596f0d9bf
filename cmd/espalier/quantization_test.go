package main

import (
	"bytes"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress"
	"espalier/workflows"
)

// What is estimated before anything is trained comes near what a network with
// so many weights at random places takes.
func TestQuantizationPlanIsNearWhatANetworkTakes(t *testing.T) {
	t.Parallel()
	shares := "schedule: {passes: 1, target: {layers: {conv1: 34%, conv2: 88%, fc1: 92%}}}, exclude: [fc2]"
	spec, net := planned(t, "method: han, "+shares+"}\nquantize: {bits: {conv: 8, linear: 5}, exclude: [fc2], biases: 4, codebook: 16, portions: [50%, 100%]")
	plan, err := planQuantization(spec, net)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Layers) != 4 || plan.Epochs != 6 || plan.Layers[0].Values != 255 || plan.Layers[2].Values != 31 || plan.Layers[3].Bits != 0 {
		t.Errorf("plan %+v, want 255 values in convolutions, 31 in fc1 and all in fc2", plan)
	}
	for i, p := range net.Params {
		for at := range p.Data {
			if p.Role == models.RoleBias {
				p.Data[at] = float32(hashed(i, at))
			}
			if left := left(spec, p.Node); p.Role == models.RoleWeight && hashed(i, at) >= left {
				p.Data[at] = 0
			}
		}
	}
	quantized, shared, err := compress.Quantize(net, compress.Options{
		Bits: spec.Quantize.Layers(net), Biases: spec.Quantize.BiasLayers(net), Keep: 16, Init: compress.InitLinear,
	})
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := compress.Sizes(quantized, shared, compress.ByRows, 0)
	if err != nil {
		t.Fatal(err)
	}
	bits := int64(0)
	for _, s := range sizes {
		bits += s.Fixed.Total()
	}
	if got, want := float64(plan.Bytes), float64(bits)/8; got < 0.98*want || got > 1.02*want {
		t.Errorf("estimated %.0f bytes, so many weights at random places take %.0f", got, want)
	}
	var out bytes.Buffer
	plan.print(&out)
	for _, want := range []string{"method shared", "66.00 %", "trained for 6 epochs in 2 steps", "of the dense"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, out.String())
		}
	}
}

// hashed is a number in [0, 1) for each place.
func hashed(i, at int) float64 {
	h := uint64(i)<<32 + uint64(at) + 1
	h *= 0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return float64(h>>11) / (1 << 53)
}

func TestQuantizationPlanSaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for prune, want := range map[string]string{
		"method: slimming, schedule: {passes: 1, target: {channels: 50%}}":           "before channels go",
		"method: han, quality: {default: 1}, schedule: {passes: 1}":                  "as if no weight went",
		"method: han, scope: global, schedule: {passes: 1, target: {sparsity: 50%}}": "lost the same share",
	} {
		spec, net := planned(t, prune+"}\nquantize: {method: int8")
		plan, err := planQuantization(spec, net)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan.Note, want) || plan.Epochs != 0 || plan.Layers[0].Values != 254 {
			t.Errorf("%s: %+v, want 254 values without training and a note that says %q", prune, plan, want)
		}
	}
}

func TestDistinctValuesAreOfLayersThatShareThem(t *testing.T) {
	t.Parallel()
	spec, net := planned(t, "method: han, schedule: {passes: 1, target: {sparsity: 50%}}}\nquantize: {exclude: [fc1]")
	if values := distinct(net); values != nil {
		t.Errorf("a network as it is drawn shares %v values", values)
	}
	quantized, _, err := compress.Quantize(net, compress.Options{Bits: spec.Quantize.Layers(net), Init: compress.InitLinear})
	if err != nil {
		t.Fatal(err)
	}
	if values := distinct(quantized); len(values) != 3 || values["conv2"] == 0 || values["conv2"] > 255 || values["fc2"] == 0 || values["fc2"] > 31 {
		t.Errorf("values %v, want at most 255 of convolutions and 31 of fc2; fc1 is excluded", values)
	}
}

func TestRowsTellOfTheQuantizedNetwork(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printRows(&out, []workflows.Row{
		{DenseBytes: 1_066_440, Kept: true},
		{Pass: 1, DenseBytes: 1_066_440, SparseBytes: 170_000, Kept: true},
		{Pass: 2, DenseBytes: 1_066_440, Pruned: 0.97, CodedBytes: 34_000, HuffmanBytes: 27_000, Kept: true},
	})
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"before tuning", "dense", " 1 ", "quantized"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, want %q in it", i, lines[i], want)
		}
	}
	if !strings.Contains(lines[0], "in codes  Huffman") || !strings.Contains(lines[3], "97.00 %") || !strings.Contains(lines[3], "34 kB    27 kB") {
		t.Errorf("the sizes are not shown:\n%s", out.String())
	}
}
