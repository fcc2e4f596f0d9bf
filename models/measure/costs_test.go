package measure_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// lenet is LeNet-300-100 with the given number of weights kept in each layer
// (the first ones) and all biases 1.
func lenet(t *testing.T, kept map[string]int) *models.Network {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range net.Params {
		for i := range p.Data {
			p.Data[i] = 1
		}
		if n, pruned := kept[p.Node]; pruned && p.Role == models.RoleWeight {
			p.Mask = make([]bool, len(p.Data))
			for i := range n {
				p.Mask[i] = true
			}
			p.ApplyMask()
		}
	}
	return net
}

func TestCostsOfDenseLeNet(t *testing.T) {
	t.Parallel()
	got, err := measure.Costs(lenet(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	// Han et al. 2015 print 267K parameters, 235K + 30K + 1K weights and 1070 KB;
	// CSR by hand: 6 bytes a weight, 4 (rows + 1), 4 a bias.
	layer := func(name string, weights, rows int64) measure.Layer {
		return measure.Layer{Name: name, Op: models.OpLinear, Out: models.Shape{int(rows)}, Amounts: measure.Amounts{
			Params: weights + rows, NonZero: weights + rows, Weights: weights, NonZeroWeights: weights,
			MACs: weights, EffectiveMACs: weights,
			Bytes: 4 * (weights + rows), SparseBytes: 6*weights + 4*(rows+1) + 4*rows,
		}}
	}
	want := measure.Cost{
		Amounts: measure.Amounts{
			Params: 266610, NonZero: 266610, Weights: 266200, NonZeroWeights: 266200,
			MACs: 266200, EffectiveMACs: 266200,
			Bytes: 1066440, SparseBytes: 6*266200 + 4*(301+101+11) + 4*410,
		},
		Layers: []measure.Layer{layer("fc1", 235200, 300), layer("fc2", 30000, 100), layer("fc3", 1000, 10)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Costs (-want +got):\n%s", diff)
	}
	if got.Sparsity() != 0 || got.Compression() != 1 {
		t.Errorf("sparsity %g, compression %g, want 0 and 1", got.Sparsity(), got.Compression())
	}
}

func TestCostsOfPrunedLeNet(t *testing.T) {
	t.Parallel()
	// The shares kept in Han et al. 2015, table 3: 8 %, 9 % and 26 %, 12x.
	got, err := measure.Costs(lenet(t, map[string]int{"fc1": 18816, "fc2": 2700, "fc3": 260}))
	if err != nil {
		t.Fatal(err)
	}
	const kept = 18816 + 2700 + 260
	want := measure.Amounts{
		Params: 266610, NonZero: kept + 410, Weights: 266200, NonZeroWeights: kept,
		MACs: 266200, EffectiveMACs: kept, Bytes: 1066440, SparseBytes: 6*kept + 4*413 + 4*410,
	}
	if diff := cmp.Diff(want, got.Amounts); diff != "" {
		t.Errorf("Costs (-want +got):\n%s", diff)
	}
	if c := got.Compression(); math.Abs(c-12.02) > 0.005 { // 266610 / 22186
		t.Errorf("compression %g, want 12.02", c)
	}
	for i, sparsity := range []float64{0.92, 0.91, 0.74} {
		if s := got.Layers[i].Sparsity(); math.Abs(s-sparsity) > 1e-12 {
			t.Errorf("%s: sparsity %g, want %g", got.Layers[i].Name, s, sparsity)
		}
	}
}

func TestCostsCountValuesNotMasks(t *testing.T) {
	t.Parallel()
	net := lenet(t, nil)
	net.Param("fc3.weight").Data[0] = 0                                  // kept, but zero
	net.Param("fc3.weight").Data[1] = float32(math.Copysign(0, -1))      // minus zero is zero
	net.Param("fc3.weight").Data[2] = math.SmallestNonzeroFloat32        // tiny is not
	net.Param("fc3.bias").Data[0], net.Param("fc3.bias").Data[1] = 0, -1 // biases count in NonZero only
	got, err := measure.Costs(net)
	if err != nil {
		t.Fatal(err)
	}
	if fc3 := got.Layers[2]; fc3.NonZeroWeights != 998 || fc3.NonZero != 998+9 || fc3.EffectiveMACs != 998 {
		t.Errorf("fc3: %d non-zero weights, %d non-zero, %d effective MACs, want 998, 1007, 998", fc3.NonZeroWeights, fc3.NonZero, fc3.EffectiveMACs)
	}
}

func TestSparseBytesOfWideRows(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]int64{
		65536: 2*65536*6 + 4*3 + 4*2 + 2*2*6 + 4*3 + 4*2, // fc1 2 x columns, fc2 2 x 2
		65537: 2*65537*8 + 4*3 + 4*2 + 2*2*6 + 4*3 + 4*2,
	} {
		net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{2}, Input: models.Shape{columns}, Classes: 2})
		if err != nil {
			t.Fatal(err)
		}
		zoo.Init(net, 1)
		cost, err := measure.Costs(net)
		if err != nil {
			t.Fatal(err)
		}
		if cost.SparseBytes != want {
			t.Errorf("%d columns: %d bytes, want %d", columns, cost.SparseBytes, want)
		}
	}
}

func TestCostsJSON(t *testing.T) {
	t.Parallel()
	before, err := measure.Costs(lenet(t, map[string]int{"fc1": 5}))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after measure.Cost
	if err := json.Unmarshal(data, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("through JSON (-before +after):\n%s", diff)
	}
}

func TestCostsRefusesInvalidNetwork(t *testing.T) {
	t.Parallel()
	net := lenet(t, map[string]int{"fc1": 5})
	net.Param("fc1.weight").Data[100] = 3
	if _, err := measure.Costs(net); err == nil || !strings.Contains(err.Error(), "element 100 is pruned but holds 3") {
		t.Errorf("Costs error %v, want it to name the masked element", err)
	}
}

func TestNothingLeft(t *testing.T) {
	t.Parallel()
	if s := (measure.Amounts{}).Sparsity(); s != 0 {
		t.Errorf("sparsity of nothing is %g, want 0", s)
	}
	if c := (measure.Amounts{}).Compression(); c != 1 {
		t.Errorf("compression of nothing is %g, want 1", c)
	}
	if c := (measure.Amounts{Params: 3}).Compression(); !math.IsInf(c, 1) {
		t.Errorf("compression to nothing is %g, want +Inf", c)
	}
}

func ExampleCosts() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{784}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	zoo.Init(net, 1)
	cost, err := measure.Costs(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, layer := range cost.Layers {
		fmt.Println(layer.Name, layer.Weights, layer.MACs)
	}
	fmt.Println(cost)
	// Output:
	// fc1 235200 235200
	// fc2 30000 30000
	// fc3 1000 1000
	// 266200 of 266610 parameters (1.002 x), sparsity 0.00 %, 266200 of 266200 MACs, 1066440 bytes dense, 1600492 sparse
}
