package predict_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/predict"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// thin leaves a share of each layer's weights by a mask, and of some layers
// only few values.
func thin(net *models.Network, seed uint64) *models.Network {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		density, step := []float64{1, 0.5, 0.1, 0.03}[r.IntN(4)], []float64{0, 0.05}[r.IntN(2)]
		p.Mask = make([]bool, len(p.Data))
		for i, v := range p.Data {
			if step > 0 {
				p.Data[i] = float32(step * math.Round(float64(v)/step))
			}
			p.Mask[i] = r.Float64() < density
		}
		p.ApplyMask()
	}
	return net
}

func drawn(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// reference are the logits of the engine's evaluation.
func reference(t *testing.T, net *models.Network, x []float32, n int) []float32 {
	t.Helper()
	eng, err := gorgonia.New(gorgonia.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := eng.Open(net, engine.Options{Batch: n})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logits, err := s.Forward(x, n)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(logits)
}

// agree compares logits, relative to the largest.
func agree(t *testing.T, what string, got, want []float32) {
	t.Helper()
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(float64(v)))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i]-v)) <= 1e-5*size) {
			t.Fatalf("%s: logit %d is %g, the engine's %g", what, i, got[i], v)
		}
	}
}

func TestPredictionsAreTheEngines(t *testing.T) {
	t.Parallel()
	options := map[string]zoo.Options{
		"lenet-300-100": {Arch: "lenet-300-100"},
		"lenet-5":       {Arch: "lenet-5"},
		"resnet-20":     {Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 12, 12}},
	}
	for arch, o := range options {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			const n = 5
			net := thin(zootest.Drawn(t, o, 3), uint64(len(arch)))
			x := drawn(4, n*net.Input.Size())
			want := reference(t, net, x, n)
			for _, form := range []engine.Form{"", engine.Dense, engine.Sparse, engine.Shared} {
				for _, batch := range []int{1, 4} {
					p, err := predict.New(net, predict.Options{Form: form, Batch: batch, Threads: 2})
					if err != nil {
						t.Fatal(err)
					}
					got, err := p.Run(x, n)
					if err != nil {
						t.Fatal(err)
					}
					agree(t, fmt.Sprintf("form %q, batch %d", form, batch), got, want)
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

// files are one network as a packed model file and as a checkpoint.
func files(t *testing.T, net *models.Network) []string {
	t.Helper()
	packed, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept, _, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	names := []string{filepath.Join(folder, "a.esp"), filepath.Join(folder, "a.safetensors")}
	for i, data := range [][]byte{packed, kept} {
		if err := os.WriteFile(names[i], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestAPackedFileAndACheckpointPredictTheSameBits(t *testing.T) {
	t.Parallel()
	net := thin(zootest.Drawn(t, zoo.Options{Arch: "lenet-5"}, 3), 1)
	x := drawn(4, 3*net.Input.Size())
	var results [][]float32
	for _, name := range files(t, net) {
		p, err := predict.Open(name, predict.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Input(), net.Input) || p.Classes() != 10 {
			t.Errorf("input %v and %d classes, want %v and 10", p.Input(), p.Classes(), net.Input)
		}
		logits, err := p.Run(x, 3)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, logits)
	}
	if !slices.Equal(results[0], results[1]) {
		t.Errorf("%v, and of the checkpoint %v", results[0], results[1])
	}
}

func TestCallsAtTheSameTimeTakeTurns(t *testing.T) {
	t.Parallel()
	net := thin(zootest.Drawn(t, zoo.Options{Arch: "lenet-300-100"}, 3), 1)
	p, err := predict.New(net, predict.Options{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	x := drawn(4, 6*net.Input.Size())
	want, err := p.Run(x, 6)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := p.Run(x, 6); err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		})
	}
	all.Wait()
}

func TestPlanChoosesByZerosAndValues(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-300-100"}, 3)
	fc1, fc2 := net.Param("fc1.weight"), net.Param("fc2.weight")
	for i := range fc1.Data {
		if i%20 > 0 {
			fc1.Data[i] = 0
		}
	}
	for i := range fc2.Data {
		fc2.Data[i] = float32(1 + i%3)
	}
	tests := map[engine.Form][]engine.Form{
		"":            {engine.Sparse, engine.Dense, engine.Dense},
		engine.Dense:  {engine.Dense, engine.Dense, engine.Dense},
		engine.Sparse: {engine.Sparse, engine.Sparse, engine.Sparse},
		engine.Shared: {engine.Dense, engine.Shared, engine.Dense},
	}
	for form, want := range tests {
		layers, err := predict.Plan(net, form, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got []engine.Form
		for _, l := range layers {
			got = append(got, l.Form)
		}
		if !slices.Equal(got, want) {
			t.Errorf("form %q: %v, want %v", form, got, want)
		}
	}
	layers, err := predict.Plan(net, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if l := layers[0]; l.Weights != 235200 || l.NonZero != 11760 || l.Values != 0 || math.Abs(l.Zero()-0.95) > 1e-9 {
		t.Errorf("%+v, want 11760 of 235200 weights", l)
	}
	if l := layers[1]; l.Values != 3 || l.NonZero != l.Weights {
		t.Errorf("%+v, want 3 values", l)
	}
}

func TestWhatCannotRunIsAnError(t *testing.T) {
	t.Parallel()
	net := zootest.Drawn(t, zoo.Options{Arch: "lenet-300-100"}, 3)
	p, err := predict.New(net, predict.Options{Batch: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	torn := filepath.Join(folder, "torn.esp")
	if err := os.WriteFile(torn, []byte("\x89ESP\x01"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(o predict.Options) func() error {
		return func() error { _, err := predict.New(net, o); return err }
	}
	tests := map[string]struct {
		do   func() error
		want string
	}{
		"no file":      {func() error { _, err := predict.Open(filepath.Join(folder, "no"), predict.Options{}); return err }, "no such file"},
		"torn file":    {func() error { _, err := predict.Open(torn, predict.Options{}); return err }, "torn.esp: packed model: "},
		"form":         {run(predict.Options{Form: "csr"}), `form "csr": dense, sparse and shared are allowed`},
		"batch":        {run(predict.Options{Batch: -1}), "batch of -1 samples on 0 threads"},
		"other length": {func() error { _, err := p.Run(make([]float32, 785), 1); return err }, "785 values for 1 samples, want 784 for each: [1 28 28]"},
		"closed": {func() error {
			if err := p.Close(); err != nil {
				return err
			}
			_, err := p.Run(make([]float32, 784), 1)
			return err
		}, "the predictor is closed"},
	}
	for _, name := range []string{"no file", "torn file", "form", "batch", "other length", "closed"} {
		if err := tests[name].do(); err == nil || !strings.Contains(err.Error(), tests[name].want) {
			t.Errorf("%s: error %v, want %q", name, err, tests[name].want)
		}
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestSoftmaxGivesProbabilities(t *testing.T) {
	t.Parallel()
	got := []float32{1000, 1000, 0, 0, float32(math.Log(3)), -1000}
	predict.Softmax(got, 3)
	for i, want := range []float32{0.5, 0.5, 0, 0.25, 0.75, 0} {
		if math.Abs(float64(got[i]-want)) > 1e-6 {
			t.Errorf("probability %d is %g, want %g", i, got[i], want)
		}
	}
}

// A network that was pruned to a twentieth is opened from its packed file; the
// layer with the zeros runs sparse.
func Example() {
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{8}, Input: models.Shape{1, 4, 4}, Classes: 2})
	if err != nil {
		log.Fatal(err)
	}
	zoo.Init(net, 1)
	weights := net.Params[0].Data
	clear(weights)
	weights[0], weights[127] = 3, -2
	packed, err := esp.Encode(net, esp.Options{})
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	name := filepath.Join(folder, "small.esp")
	if err := os.WriteFile(name, packed, 0o600); err != nil {
		log.Fatal(err)
	}

	p, err := predict.Open(name, predict.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, l := range p.Layers() {
		fmt.Printf("%s: %d of %d weights, %s\n", l.Name, l.NonZero, l.Weights, l.Form)
	}
	logits, err := p.Run(make([]float32, 2*16), 2)
	if err != nil {
		log.Fatal(err)
	}
	predict.Softmax(logits, p.Classes())
	fmt.Println(len(logits), "probabilities")
	// Output:
	// fc1: 2 of 128 weights, sparse
	// fc2: 16 of 16 weights, dense
	// 4 probabilities
}
