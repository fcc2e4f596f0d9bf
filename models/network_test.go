package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
)

// small is input 2x2 -> flatten -> fc1 (3) -> relu -> dropout -> fc2 (2).
func small() *models.Network {
	return &models.Network{
		Name: "small", Input: models.Shape{2, 2},
		Nodes: []models.Node{
			{Name: "input", Op: models.OpInput},
			{Name: "flatten", Op: models.OpFlatten, Inputs: []string{"input"}},
			{Name: "fc1", Op: models.OpLinear, Inputs: []string{"flatten"}, Attrs: models.Attrs{Out: 3}},
			{Name: "relu1", Op: models.OpReLU, Inputs: []string{"fc1"}},
			{Name: "drop1", Op: models.OpDropout, Inputs: []string{"relu1"}, Attrs: models.Attrs{Rate: 0.5}},
			{Name: "fc2", Op: models.OpLinear, Inputs: []string{"drop1"}, Attrs: models.Attrs{Out: 2}},
		},
		Params: []*models.Param{
			{Name: "fc1.weight", Node: "fc1", Role: models.RoleWeight, Shape: models.Shape{3, 4}, Data: make([]float32, 12)},
			{Name: "fc1.bias", Node: "fc1", Role: models.RoleBias, Shape: models.Shape{3}, Data: make([]float32, 3)},
			{Name: "fc2.weight", Node: "fc2", Role: models.RoleWeight, Shape: models.Shape{2, 3}, Data: make([]float32, 6)},
			{Name: "fc2.bias", Node: "fc2", Role: models.RoleBias, Shape: models.Shape{2}, Data: make([]float32, 2)},
		},
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	got, err := small().Shapes()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]models.Shape{"input": {2, 2}, "flatten": {4}, "fc1": {3}, "relu1": {3}, "drop1": {3}, "fc2": {2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Shapes (-want +got):\n%s", diff)
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	got, err := small().Layout()
	if err != nil {
		t.Fatal(err)
	}
	want := small().Params
	for _, p := range want {
		p.Data = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Layout (-want +got):\n%s", diff)
	}
}

func TestGraphFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*models.Network)
		want   string
	}{
		"no nodes":             {func(n *models.Network) { n.Nodes = nil }, "network small: no nodes"},
		"nameless node":        {func(n *models.Network) { n.Nodes[2].Name = "" }, `node 2: name "" is empty or used twice`},
		"name used twice":      {func(n *models.Network) { n.Nodes[5].Name = "fc1" }, `node 5: name "fc1" is empty or used twice`},
		"input not first":      {func(n *models.Network) { n.Nodes[1].Op = models.OpInput }, `node flatten: op "input" at position 1`},
		"first not input":      {func(n *models.Network) { n.Nodes[0].Op = models.OpReLU }, `node input: op "relu" at position 0`},
		"input with inputs":    {func(n *models.Network) { n.Nodes[0].Inputs = []string{"fc2"} }, `op "input" takes no inputs, not 1`},
		"input without axes":   {func(n *models.Network) { n.Input = nil }, "node input: input shape [] has no axes"},
		"empty input":          {func(n *models.Network) { n.Input = models.Shape{2, 0} }, "shape [2 0]: every extent is at least 1"},
		"negative input":       {func(n *models.Network) { n.Input = models.Shape{-2, -2} }, "shape [-2 -2]: every extent is at least 1"},
		"input overflows":      {func(n *models.Network) { n.Input = models.Shape{1 << 21, 1 << 21} }, "their product at most"},
		"no inputs":            {func(n *models.Network) { n.Nodes[3].Inputs = nil }, `node relu1: op "relu" takes 1 input, not 0`},
		"two inputs":           {func(n *models.Network) { n.Nodes[3].Inputs = []string{"fc1", "flatten"} }, "takes 1 input, not 2"},
		"later input":          {func(n *models.Network) { n.Nodes[3].Inputs = []string{"fc2"} }, `node relu1: input "fc2" is not an earlier node`},
		"own input":            {func(n *models.Network) { n.Nodes[3].Inputs = []string{"relu1"} }, `input "relu1" is not an earlier node`},
		"norm of two axes":     {func(n *models.Network) { n.Input = models.Shape{2, 3}; n.Nodes[1].Op = models.OpBatchNorm }, "batch_norm wants a flat input or an image"},
		"unknown op":           {func(n *models.Network) { n.Nodes[3].Op = "erf" }, `node relu1: op "erf" is not known`},
		"linear on an image":   {func(n *models.Network) { n.Nodes[2].Inputs = []string{"input"} }, "linear wants a flat input, not [2 2]"},
		"linear without width": {func(n *models.Network) { n.Nodes[2].Attrs.Out = 0 }, "node fc1: linear has 0 outputs"},
		"weight overflows":     {func(n *models.Network) { n.Nodes[2].Attrs.Out = math.MaxInt }, "node fc1: weight shape ["},
		"dropout of all":       {func(n *models.Network) { n.Nodes[4].Attrs.Rate = 1 }, "dropout rate 1 is not in [0, 1)"},
		"negative dropout":     {func(n *models.Network) { n.Nodes[4].Attrs.Rate = -0.1 }, "dropout rate -0.1 is not in [0, 1)"},
		"dropout NaN":          {func(n *models.Network) { n.Nodes[4].Attrs.Rate = math.NaN() }, "dropout rate NaN is not in [0, 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := small()
			c.change(net)
			_, shapes := net.Shapes()
			_, layout := net.Layout()
			for call, err := range map[string]error{"Shapes": shapes, "Layout": layout, "Validate": net.Validate()} {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "network small: ") {
					t.Errorf("%s error %v, want it to name network small and say %q", call, err, c.want)
				}
			}
		})
	}
}

func TestParameterFaults(t *testing.T) {
	t.Parallel()
	mask := func(p *models.Param, pruned int) {
		p.Mask = make([]bool, len(p.Data))
		for i := range p.Mask {
			p.Mask[i] = i != pruned
		}
	}
	for name, c := range map[string]struct {
		change func(*models.Network)
		want   string // "" is valid
	}{
		"none":            {func(*models.Network) {}, ""},
		"masked zero":     {func(n *models.Network) { mask(n.Params[0], 3) }, ""},
		"one too few":     {func(n *models.Network) { n.Params = n.Params[:3] }, "3 parameters, the graph needs 4"},
		"one too many":    {func(n *models.Network) { n.Params = append(n.Params, n.Params[0]) }, "5 parameters, the graph needs 4"},
		"missing":         {func(n *models.Network) { n.Params[1] = nil }, "parameter fc1.bias [3] is missing"},
		"wrong order":     {func(n *models.Network) { n.Params[0], n.Params[1] = n.Params[1], n.Params[0] }, "parameter fc1.bias [3]: the graph needs fc1.weight [3 4] here"},
		"wrong name":      {func(n *models.Network) { n.Params[0].Name = "fc1.w" }, "the graph needs fc1.weight"},
		"wrong node":      {func(n *models.Network) { n.Params[0].Node = "fc2" }, "the graph needs fc1.weight"},
		"wrong role":      {func(n *models.Network) { n.Params[0].Role = models.RoleBias }, "the graph needs fc1.weight"},
		"transposed":      {func(n *models.Network) { n.Params[0].Shape = models.Shape{4, 3} }, "parameter fc1.weight [4 3]: the graph needs fc1.weight [3 4] here"},
		"short data":      {func(n *models.Network) { n.Params[0].Data = n.Params[0].Data[:11] }, "11 values and 0 mask entries, want 12"},
		"short mask":      {func(n *models.Network) { n.Params[0].Mask = []bool{true} }, "12 values and 1 mask entries, want 12"},
		"empty mask":      {func(n *models.Network) { n.Params[0].Mask = []bool{} }, "12 values and 0 mask entries, want 12"},
		"masked value":    {func(n *models.Network) { mask(n.Params[0], 3); n.Params[0].Data[3] = 2 }, "parameter fc1.weight: element 3 is pruned but holds 2"},
		"masked NaN":      {func(n *models.Network) { mask(n.Params[0], 3); n.Params[0].Data[3] = float32(math.NaN()) }, "element 3 is pruned but holds NaN"},
		"masked minus 0":  {func(n *models.Network) { mask(n.Params[0], 3); n.Params[0].Data[3] = float32(math.Copysign(0, -1)) }, "element 3 is pruned but holds -0"},
		"mask on a bias":  {func(n *models.Network) { mask(n.Params[1], 0) }, ""},
		"value elsewhere": {func(n *models.Network) { mask(n.Params[0], 3); n.Params[0].Data[4] = 2 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := small()
			c.change(net)
			err := net.Validate()
			if c.want == "" {
				if err != nil {
					t.Errorf("Validate: %v, want no error", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate error %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	net := small()
	if node, ok := net.Node("fc1"); !ok || node.Attrs.Out != 3 {
		t.Errorf("Node(fc1) = %v, %v", node, ok)
	}
	if node, ok := net.Node("fc9"); ok {
		t.Errorf("Node(fc9) = %v, want none", node)
	}
	if p := net.Param("fc2.bias"); p != net.Params[3] {
		t.Errorf("Param(fc2.bias) = %v, want the network's own", p)
	}
	if p := net.Param("fc9.bias"); p != nil {
		t.Errorf("Param(fc9.bias) = %v, want nil", p)
	}
	if out := net.Output(); out != "fc2" {
		t.Errorf("Output() = %q, want fc2", out)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	t.Parallel()
	net := small()
	net.Params[0].Mask = make([]bool, 12)
	clone := net.Clone()
	if diff := cmp.Diff(net, clone); diff != "" {
		t.Fatalf("Clone (-network +clone):\n%s", diff)
	}
	clone.Name = "other"
	clone.Input[0] = 9
	clone.Nodes[2].Attrs.Out = 9
	clone.Nodes[2].Inputs[0] = "other"
	clone.Params[0].Shape[0] = 9
	clone.Params[0].Data[0] = 9
	clone.Params[0].Mask[0] = true
	clone.Params[1].Name = "other"
	want := small()
	want.Params[0].Mask = make([]bool, 12)
	if diff := cmp.Diff(want, net); diff != "" {
		t.Errorf("changing the clone changed the network (-want +got):\n%s", diff)
	}
}

func TestApplyMask(t *testing.T) {
	t.Parallel()
	p := &models.Param{Data: []float32{1, float32(math.NaN()), -3, float32(math.Copysign(0, -1))}, Mask: []bool{true, false, true, false}}
	p.ApplyMask()
	if diff := cmp.Diff([]float32{1, 0, -3, 0}, p.Data); diff != "" || math.Signbit(float64(p.Data[3])) {
		t.Errorf("ApplyMask (-want +got), the last one +0:\n%s", diff)
	}
	dense := &models.Param{Data: []float32{1, 2}}
	dense.ApplyMask()
	if diff := cmp.Diff([]float32{1, 2}, dense.Data); diff != "" {
		t.Errorf("ApplyMask without a mask (-want +got):\n%s", diff)
	}
}

func FuzzValidateGraph(f *testing.F) {
	for _, net := range []*models.Network{small(), {}, {Nodes: []models.Node{{}}}} {
		data, err := json.Marshal(net)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"nodes":[{"name":"x","op":"input"}],"input":[-1,-1],"params":[null]}`))
	f.Add([]byte(`{"nodes":[{"name":"x","op":"input"},{"name":"y","op":"linear","inputs":["x"],"attrs":{"out":4294967296}}],"input":[4294967296]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var net models.Network
		if json.Unmarshal(data, &net) != nil {
			return
		}
		if net.Validate() != nil {
			return
		}
		shapes, err := net.Shapes()
		if err != nil {
			t.Fatalf("Validate passes, Shapes: %v", err)
		}
		if out, ok := shapes[net.Output()]; !ok || out.Size() <= 0 {
			t.Fatalf("a valid network's output has shape %v", out)
		}
	})
}

func Example() {
	net := &models.Network{
		Name:  "xor",
		Input: models.Shape{2},
		Nodes: []models.Node{
			{Name: "input", Op: models.OpInput},
			{Name: "hidden", Op: models.OpLinear, Inputs: []string{"input"}, Attrs: models.Attrs{Out: 2}},
			{Name: "relu", Op: models.OpReLU, Inputs: []string{"hidden"}},
			{Name: "logits", Op: models.OpLinear, Inputs: []string{"relu"}, Attrs: models.Attrs{Out: 2}},
		},
	}
	params, err := net.Layout()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range params {
		fmt.Println(p.Name, p.Shape)
	}
	net.Nodes[2].Inputs[0] = "hiden"
	fmt.Println(net.Validate())
	// Output:
	// hidden.weight [2 2]
	// hidden.bias [2]
	// logits.weight [2 2]
	// logits.bias [2]
	// network xor: node relu: input "hiden" is not an earlier node
}
