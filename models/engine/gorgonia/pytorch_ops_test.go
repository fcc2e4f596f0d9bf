package gorgonia_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
)

// opTolerance is how far a value may be from PyTorch's in float64, as a share
// of the largest value of its tensor: rounding of float32 through a few layers,
// and that of Winograd's transforms, which is the larger.
const opTolerance = 5e-5

// opCase is a network with what PyTorch computes for it, as written by
// testdata/pytorch_ops.py.
type opCase struct {
	Network    *models.Network
	Params     map[string][]float32
	X          []float32
	Labels     []int32
	Smoothing  float64
	Logits     []float64
	Loss       float64
	Correct    int
	Grads      map[string][]float64
	Statistics map[string][]float64
	// LogitsAfter are of inference with the statistics that training moved.
	LogitsAfter []float64 `json:"logits_after"`
}

func readOpCases(t *testing.T) []opCase {
	t.Helper()
	f, err := os.Open("testdata/pytorch_ops.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var cases []opCase
	if err := json.NewDecoder(text).Decode(&cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		c.fill(t)
	}
	return cases
}

// fill gives the network the parameters that its graph asks for.
func (c opCase) fill(t *testing.T) {
	t.Helper()
	params, err := c.Network.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		p.Data = c.Params[p.Name]
	}
	c.Network.Params = params
	if err := c.Network.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(params) != len(c.Params) {
		t.Fatalf("%s: PyTorch has %d parameters, the graph %d", c.Network.Name, len(c.Params), len(params))
	}
}

// Every operation agrees with PyTorch: inference, loss, the gradient of every
// parameter and the running statistics, whatever the threads, and in a session
// that could take more samples than it is given.
func TestOpsAgreeWithPyTorch(t *testing.T) {
	t.Parallel()
	for _, c := range readOpCases(t) {
		t.Run(c.Network.Name, func(t *testing.T) {
			t.Parallel()
			for _, threads := range []int{1, 2, 3} {
				t.Run(fmt.Sprint(threads), func(t *testing.T) {
					c.training(t, threads)
					c.inference(t, threads)
				})
			}
		})
	}
}

func (c opCase) training(t *testing.T, threads int) {
	s := c.open(t, threads, engine.Options{Batch: len(c.Labels) + 2, LabelSmoothing: c.Smoothing})
	c.forward(t, "logits", s, c.Logits)
	loss, err := s.Backward(c.X, c.Labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !near(loss.Mean, c.Loss, opTolerance) || loss.Correct != c.Correct {
		t.Errorf("loss %g with %d correct, PyTorch's is %g with %d", loss.Mean, loss.Correct, c.Loss, c.Correct)
	}
	for _, p := range s.Params() {
		if p.Role.Trained() {
			agree(t, "gradient of "+p.Name, p.Grad, c.Grads[p.Name])
		} else {
			agree(t, p.Name, p.Value, c.Statistics[p.Name])
		}
	}
	c.forward(t, "logits after a step", s, c.LogitsAfter)
}

func (c opCase) inference(t *testing.T, threads int) {
	s := c.open(t, threads, engine.Options{Batch: len(c.Labels), Inference: true})
	c.forward(t, "logits of an inference session", s, c.Logits)
}

func (c opCase) open(t *testing.T, threads int, o engine.Options) engine.Session {
	t.Helper()
	e, err := gorgonia.New(gorgonia.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(c.Network, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (c opCase) forward(t *testing.T, what string, s engine.Session, want []float64) {
	t.Helper()
	logits, err := s.Forward(c.X, len(c.Labels))
	if err != nil {
		t.Fatal(err)
	}
	agree(t, what, logits, want)
}

// agree compares a tensor with PyTorch's.
func agree(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, PyTorch has %d", what, len(got), len(want))
		return
	}
	largest := 0.1 // what cancels to nothing, as a bias before batch norm, is as exact as its terms
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= opTolerance*largest) {
			t.Errorf("%s[%d] = %g, PyTorch's is %g, the largest value %g", what, i, got[i], v, largest)
			return
		}
	}
}
