package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/checkpoint"
)

// convolutional is a checkpoint of a network with every operation and every
// attribute, in the middle of a training with averaged weights.
func convolutional() *checkpoint.Checkpoint {
	net := &models.Network{Name: "every", Input: models.Shape{2, 8, 8}}
	add := func(name string, op models.Op, a models.Attrs, inputs ...string) {
		net.Nodes = append(net.Nodes, models.Node{Name: name, Op: op, Inputs: inputs, Attrs: a})
	}
	add("input", models.OpInput, models.Attrs{})
	add("layer1.0.conv1", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Pad: [4]int{1, 0, 1, 0}, NoBias: true}, "input")
	add("bn1", models.OpBatchNorm, models.Attrs{Eps: 1e-3, Momentum: 0.05}, "layer1.0.conv1")
	add("bn2", models.OpBatchNorm, models.Attrs{NoScale: true, NoShift: true}, "bn1")
	add("depthwise", models.OpConv2D, models.Attrs{Out: 4, Kernel: [2]int{3, 3}, Pad: [4]int{2, 2, 2, 2}, Dilation: [2]int{2, 2}, Groups: 4}, "bn2")
	add("relu6", models.OpReLU6, models.Attrs{}, "depthwise")
	add("leaky", models.OpLeakyReLU, models.Attrs{Slope: 0.01}, "relu6")
	add("add", models.OpAdd, models.Attrs{}, "leaky", "bn1")
	add("select", models.OpChannelSelect, models.Attrs{Channels: []int{3, -1, 0, 0}}, "add")
	add("concat", models.OpConcat, models.Attrs{}, "select", "add")
	add("max", models.OpMaxPool, models.Attrs{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, "concat")
	add("avg", models.OpAvgPool, models.Attrs{Kernel: [2]int{2, 2}, Pad: [4]int{1, 1, 0, 0}, CountPad: true}, "max")
	add("squeeze", models.OpGlobalAvgPool, models.Attrs{}, "avg")
	add("gate", models.OpHardSigmoid, models.Attrs{}, "squeeze")
	add("mul", models.OpMul, models.Attrs{}, "avg", "gate")
	add("lrn", models.OpLRN, models.Attrs{Size: 5, Alpha: 1e-4, Beta: 0.75, Bias: 1}, "mul")
	for _, op := range []models.Op{models.OpReLU, models.OpSigmoid, models.OpTanh, models.OpHardSwish, models.OpSiLU} {
		add(string(op), op, models.Attrs{}, net.Output())
	}
	add("flat", models.OpFlatten, models.Attrs{}, "silu")
	add("drop", models.OpDropout, models.Attrs{Rate: 0.25}, "flat")
	add("fc", models.OpLinear, models.Attrs{Out: 3}, "drop")
	c := &checkpoint.Checkpoint{Network: net, Training: &checkpoint.Training{
		Cursor:  checkpoint.Cursor{Epoch: 1, Batch: 2, Step: 12, LossSum: 3.5, Correct: 4, Seen: 5},
		Numbers: checkpoint.Numbers{"sgd/step": 12},
		Tensors: map[string][]float32{},
	}}
	var err error
	if net.Params, err = net.Layout(); err != nil {
		panic(err)
	}
	for k, p := range net.Params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			p.Data[i] = float32(k+1) / float32(i+2)
		}
		c.Training.Tensors["ema/"+p.Name] = p.Data
		if p.Role.Trained() {
			c.Training.Tensors["momentum/"+p.Name] = make([]float32, len(p.Data))
		}
	}
	return c
}

func encoded(t testing.TB, c *checkpoint.Checkpoint) []byte {
	t.Helper()
	data, _, err := checkpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Networks with every operation are written the same for ever.
func TestGoldenOfEveryOperation(t *testing.T) {
	t.Parallel()
	name := filepath.Join("testdata", "checkpoint-1-operations.safetensors")
	data := encoded(t, convolutional())
	if *update {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, data) {
		t.Errorf("Encode writes other bytes than those of %s", name)
	}
	got, err := checkpoint.Decode(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(convolutional(), got, bits()); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

// hostileGraphs are files with one thing changed in their graph.
func hostileGraphs(t testing.TB) map[string][]byte {
	data := encoded(t, convolutional())
	n := binary.LittleEndian.Uint64(data)
	header, body := string(data[8:8+n]), data[8+n:]
	swap := func(old, new string) []byte {
		old, new = strings.ReplaceAll(old, `"`, `\"`), strings.ReplaceAll(new, `"`, `\"`)
		if !strings.Contains(header, old) {
			t.Fatalf("the header has no %s", old)
		}
		changed := strings.Replace(header, old, new, 1)
		out := binary.LittleEndian.AppendUint64(nil, uint64(len(changed)))
		return append(append(out, changed...), body...)
	}
	return map[string][]byte{
		"a kernel of three":       swap(`"kernel":[3,2]`, `"kernel":[3,2,1]`),
		"a kernel of one":         swap(`"kernel":[3,2]`, `"kernel":[3]`),
		"a negative kernel":       swap(`"kernel":[3,2]`, `"kernel":[-3,2]`),
		"a huge kernel":           swap(`"kernel":[3,2]`, `"kernel":[3,9000000000000000000]`),
		"a kernel of words":       swap(`"kernel":[3,2]`, `"kernel":["3",2]`),
		"a stride of zero":        swap(`"stride":[1,2]`, `"stride":[0,2]`),
		"padding of two":          swap(`"pad":[1,0,1,0]`, `"pad":[1,0]`),
		"negative padding":        swap(`"pad":[1,0,1,0]`, `"pad":[-1,0,1,0]`),
		"a huge dilation":         swap(`"dilation":[2,2]`, `"dilation":[2,9000000000000000000]`),
		"groups that do not fit":  swap(`"groups":4`, `"groups":3`),
		"negative groups":         swap(`"groups":4`, `"groups":-4`),
		"a negative eps":          swap(`"eps":0.001`, `"eps":-0.001`),
		"a momentum above 1":      swap(`"momentum":0.05`, `"momentum":1.5`),
		"a number out of range":   swap(`"momentum":0.05`, `"momentum":1e999`),
		"a negative zero":         swap(`"slope":0.01`, `"slope":-0.0`),
		"a channel there is not":  swap(`"channels":[3,-1,0,0]`, `"channels":[4,-1,0,0]`),
		"a channel below -1":      swap(`"channels":[3,-1,0,0]`, `"channels":[3,-2,0,0]`),
		"no channels":             swap(`"channels":[3,-1,0,0]`, `"channels":[]`),
		"a channel of words":      swap(`"channels":[3,-1,0,0]`, `"channels":["3"]`),
		"an lrn of no size":       swap(`"size":5`, `"size":0`),
		"an unknown attribute":    swap(`"size":5`, `"sise":5`),
		"an attribute twice":      swap(`"size":5`, `"size":5,"size":5`),
		"a role of another":       swap(`"role":"mean"`, `"role":"variance"`),
		"statistics left out":     swap(`{"name":"bn2.mean","node":"bn2","role":"mean","shape":[4]},`, ``),
		"a mul of two shapes":     swap(`"inputs":["avg","gate"]`, `"inputs":["gate","avg"]`),
		"an add of one":           swap(`"inputs":["leaky","bn1"]`, `"inputs":["leaky"]`),
		"a concat with the later": swap(`"inputs":["select","add"]`, `"inputs":["select","max"]`),
	}
}

func TestDecodeRefusesBadGraphs(t *testing.T) {
	t.Parallel()
	for name, data := range hostileGraphs(t) {
		c, err := checkpoint.Decode(data)
		if err == nil {
			t.Errorf("%s: Decode = %+v, want an error", name, c)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d characters: %v", name, len(err.Error()), err)
		}
	}
}
