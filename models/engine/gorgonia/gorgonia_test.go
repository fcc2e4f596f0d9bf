package gorgonia_test

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*(1+math.Abs(b)) }

func TestLossAndGradientsAgreeWithNumericOnes(t *testing.T) {
	t.Parallel()
	for name, net := range networks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n, step = 40, 11
			x, labels := samples(2, n, net.Input.Size(), classes(net))
			s := open(t, gorgonia.Options{Threads: 2}, net, n)
			gradientsAgree(t, net, s, x, labels, step, 1e-4, math.MaxInt)
		})
	}
}

// gradientsAgree compares a step of a session of seed 5 with the reference: the
// loss and, of each parameter, about so many elements of its gradient.
func gradientsAgree(t *testing.T, net *models.Network, s engine.Session, x []float32, labels []int32, step int64, tolerance float64, elements int) {
	t.Helper()
	ref := newReference(net)
	ref.seed, ref.step, ref.train = 5, step, true
	loss, err := s.Backward(x, labels, step)
	if err != nil {
		t.Fatal(err)
	}
	if want := ref.loss(x, labels); !near(loss.Mean, want, tolerance) {
		t.Errorf("loss %g, want %g", loss.Mean, want)
	}
	for _, p := range s.Params() {
		for i := 0; i < len(p.Grad); i += 1 + len(p.Grad)/elements {
			if want := ref.grad(p.Name, i, x, labels); !near(float64(p.Grad[i]), want, tolerance) {
				t.Fatalf("gradient of %s[%d] = %g, want %g", p.Name, i, p.Grad[i], want)
			}
		}
	}
}

func classes(net *models.Network) int {
	shapes, err := net.Shapes()
	if err != nil {
		panic(err)
	}
	return shapes[net.Output()][0]
}

func TestForwardAgreesWithReference(t *testing.T) {
	t.Parallel()
	for name, net := range networks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, gorgonia.Options{Threads: 2}, net, 40)
			ref := newReference(net)
			for _, n := range []int{40, 33, 17, 1} {
				x, _ := samples(2, n, net.Input.Size(), 2)
				got, err := s.Forward(x, n)
				if err != nil {
					t.Fatal(err)
				}
				want := ref.logits(x, n)
				if len(got) != len(want) {
					t.Fatalf("%d logits for %d samples, want %d", len(got), n, len(want))
				}
				for i := range want {
					if !near(float64(got[i]), want[i], 1e-5) {
						t.Fatalf("%d samples: logit %d = %g, want %g", n, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// Short batches share nothing with what a full batch left in the buffers.
func TestShortBatches(t *testing.T) {
	t.Parallel()
	net := lenet(1, 30, 20)
	s := open(t, gorgonia.Options{Threads: 2}, net, 128)
	x, labels := samples(3, 128, 784, 10)
	if _, err := s.Backward(x, labels, 0); err != nil {
		t.Fatal(err)
	}
	full, err := s.Forward(x, 128)
	if err != nil {
		t.Fatal(err)
	}
	full = slices.Clone(full)
	for _, n := range []int{1, 2, 31, 64, 127} {
		short, err := s.Forward(x[:n*784], n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range short {
			if !near(float64(short[i]), float64(full[i]), 1e-5) {
				t.Fatalf("batch of %d: logit %d = %g, in a full batch %g", n, i, short[i], full[i])
			}
		}
		got, err := s.Backward(x[:n*784], labels[:n], 0)
		if err != nil {
			t.Fatal(err)
		}
		exact := open(t, gorgonia.Options{Threads: 2}, net, n)
		want, err := exact.Backward(x[:n*784], labels[:n], 0)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("batch of %d in a session of 128: %+v, in one of %d: %+v", n, got, n, want)
		}
		for k, p := range s.Params() {
			sameBits(t, p.Name, p.Grad, exact.Params()[k].Grad)
		}
	}
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] = %g, want the bits of %g", what, i, got[i], want[i])
		}
	}
}

func libraries(t *testing.T) []blas.Library {
	libs := []blas.Library{blas.Gonum()}
	if lib := blas.Open(); lib.String() != libs[0].String() {
		libs = append(libs, lib)
	}
	return libs
}

func trained(t *testing.T, o gorgonia.Options, steps int) []engine.Param {
	t.Helper()
	net := lenet(1, 100, 60)
	net.Nodes = slices.Insert(net.Nodes, 3, models.Node{Name: "drop", Op: models.OpDropout, Inputs: []string{"relufc1"}, Attrs: models.Attrs{Rate: 0.25}})
	net.Nodes[4].Inputs = []string{"drop"}
	s := open(t, o, net, 64)
	v := velocities(s)
	for i := range steps {
		n := 64 - i%3
		x, labels := samples(uint64(i), n, 784, 10)
		step(t, s, v, x, labels, int64(i))
	}
	return s.Params()
}

func TestSameBitsEveryTime(t *testing.T) {
	t.Parallel()
	for _, lib := range libraries(t) {
		for _, threads := range []int{1, 2, 3} {
			first := trained(t, gorgonia.Options{Threads: threads, BLAS: lib}, 6)
			again := trained(t, gorgonia.Options{Threads: threads, BLAS: lib}, 6)
			for k := range first {
				sameBits(t, first[k].Name, again[k].Value, first[k].Value)
			}
		}
	}
}

func TestConcurrentSessions(t *testing.T) {
	t.Parallel()
	want := trained(t, gorgonia.Options{Threads: 2}, 10)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got := trained(t, gorgonia.Options{Threads: 2}, 10)
			for k := range want {
				if !slices.Equal(got[k].Value, want[k].Value) {
					t.Errorf("%s differs from a session that ran alone", want[k].Name)
				}
			}
		})
	}
	all.Wait()
}

func TestStepAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	lib := blas.Open()
	if strings.HasPrefix(lib.String(), "gonum") {
		t.Skip("openblas is not installed; gonum allocates in every product")
	}
	s := open(t, gorgonia.Options{Threads: 2, BLAS: lib}, lenet(1), 128)
	v := velocities(s)
	x, labels := samples(1, 128, 784, 10)
	if n := testing.AllocsPerRun(20, func() { step(t, s, v, x, labels, 1) }); n != 0 {
		t.Errorf("%v allocations a training step, want 0", n)
	}
	if n := testing.AllocsPerRun(20, func() {
		if _, err := s.Forward(x, 128); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a forward pass, want 0", n)
	}
}

func TestDropoutDependsOnSeedAndStepAlone(t *testing.T) {
	t.Parallel()
	net := networks()["dropout after relu"]
	x, labels := samples(2, 32, 12, 3)
	grad := func(seed uint64, step int64, warmup int) []float32 {
		e, err := gorgonia.New(gorgonia.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Open(net, engine.Options{Batch: 32, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range warmup {
			if _, err := s.Backward(x, labels, int64(100+i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Backward(x, labels, step); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(s.Params()[0].Grad)
	}
	want := grad(1, 1, 0)
	sameBits(t, "gradient of step 1 after others", grad(1, 1, 3), want)
	if slices.Equal(grad(1, 2, 0), want) {
		t.Error("step 2 draws the mask of step 1")
	}
	if slices.Equal(grad(2, 1, 0), want) {
		t.Error("seed 2 draws the mask of seed 1")
	}
}

// A session computes with the values that it is given: it neither applies
// masks nor changes parameters.
func TestSessionLeavesParametersAlone(t *testing.T) {
	t.Parallel()
	net := lenet(1, 30)
	mask := make([]bool, len(net.Params[0].Data))
	for i := range mask {
		if mask[i] = i%3 == 0; !mask[i] {
			net.Params[0].Data[i] = 0
		}
	}
	net.Params[0].Mask = mask
	before := net.Clone()
	s := open(t, gorgonia.Options{}, net, 16)
	x, labels := samples(1, 16, 784, 10)
	if _, err := s.Backward(x, labels, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forward(x, 16); err != nil {
		t.Fatal(err)
	}
	for k, p := range s.Params() {
		sameBits(t, p.Name, p.Value, before.Params[k].Data)
		sameBits(t, "the network's "+p.Name, net.Params[k].Data, before.Params[k].Data)
	}
	p := s.Params()[0]
	if !slices.Equal(p.Mask, mask) || p.Grad[1] == 0 {
		t.Errorf("mask kept: %v; gradient of a masked weight %g, want the true one", slices.Equal(p.Mask, mask), p.Grad[1])
	}
	p.Mask[0], p.Value[0] = false, 42
	if !net.Params[0].Mask[0] || net.Params[0].Data[0] == 42 {
		t.Error("the session shares memory with the network")
	}
}

func TestCorrectCountsTheLargestLogit(t *testing.T) {
	t.Parallel()
	net := networks()["three layers"]
	s := open(t, gorgonia.Options{Threads: 2}, net, 50)
	x, labels := samples(5, 50, 20, 10)
	logits, err := s.Forward(x, 50)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range labels {
		row := logits[i*10 : (i+1)*10]
		best := slices.Index(row, slices.Max(row))
		if i%2 == 0 {
			labels[i] = int32(best)
		}
		if labels[i] == int32(best) {
			want++
		}
	}
	loss, err := s.Backward(x, labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	if loss.Correct != want {
		t.Errorf("%d correct, want %d", loss.Correct, want)
	}
}

func TestNaNShowsInTheLoss(t *testing.T) {
	t.Parallel()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		s := open(t, gorgonia.Options{}, networks()["linear relu linear"], 4)
		x, labels := samples(1, 4, 17, 3)
		out := s.Params()[2]
		out.Value[0] = float32(bad)
		s.Params()[1].Value[0] = 10 // so that the hidden unit is alive
		loss, err := s.Backward(x, labels, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsNaN(loss.Mean) && !math.IsInf(loss.Mean, 0) {
			t.Errorf("weight %g gives loss %g, want NaN or infinity", bad, loss.Mean)
		}
	}
}

func TestBadCalls(t *testing.T) {
	t.Parallel()
	net := networks()["linear alone"] // 5 inputs, 3 classes
	s := open(t, gorgonia.Options{}, net, 4)
	backward := func(x int, labels ...int32) error {
		_, err := s.Backward(make([]float32, x), labels, 0)
		return err
	}
	forward := func(x, n int) error {
		_, err := s.Forward(make([]float32, x), n)
		return err
	}
	create := func(o gorgonia.Options, net *models.Network, batch int) error {
		e, err := gorgonia.New(o)
		if err == nil {
			_, err = e.Open(net, engine.Options{Batch: batch})
		}
		return err
	}
	smooth := func(share float64) error {
		e, err := gorgonia.New(gorgonia.Options{})
		if err == nil {
			_, err = e.Open(net, engine.Options{Batch: 1, LabelSmoothing: share})
		}
		return err
	}
	broken := net.Clone()
	broken.Params = broken.Params[:1]
	round := &models.Network{Name: "round", Input: models.Shape{2, 2}, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
	cases := []struct {
		name string
		err  error
		want string
	}{
		{"input too short", backward(9, 0, 1), "9 input values for 2 samples, want 10: 5 a sample"},
		{"input too long", forward(11, 2), "11 input values for 2 samples, want 10"},
		{"no samples", backward(0), "0 samples, want 1 to 4"},
		{"too many samples", forward(25, 5), "5 samples, want 1 to 4"},
		{"negative samples", forward(0, -1), "-1 samples, want 1 to 4"},
		{"label too large", backward(10, 0, 3), "label 1 of the batch is 3, want 0 to 2"},
		{"label negative", backward(5, -7), "label 0 of the batch is -7, want 0 to 2"},
		{"no batch", create(gorgonia.Options{}, net, 0), "batch of 0 samples, want 1 or more"},
		{"label smoothing of all", smooth(1), "label smoothing 1, want 0 or more and less than 1"},
		{"label smoothing of no number", smooth(math.NaN()), "label smoothing NaN"},
		{"negative threads", create(gorgonia.Options{Threads: -1}, net, 1), "-1 threads, want 1 or more"},
		{"missing parameter", create(gorgonia.Options{}, broken, 1), "1 parameters, the graph needs 2"},
		{"logits not flat", create(gorgonia.Options{}, round, 1), "output x has shape [2 2], want a flat one"},
	}
	for _, c := range cases {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, c.err, c.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := forward(5, 1); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: error %v, want one that says closed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	e, err := gorgonia.New(gorgonia.Options{Threads: 3, BLAS: blas.Gonum()})
	if err != nil {
		t.Fatal(err)
	}
	f := e.Fingerprint()
	if f.Engine != "gorgonia/2" || f.BLAS != blas.Gonum().String() || f.Threads != 3 || f.CPU == "" {
		t.Errorf("fingerprint %+v", f)
	}
}

// A network of nothing but its input has logits all the same.
func TestInputAsLogits(t *testing.T) {
	t.Parallel()
	net := &models.Network{Name: "n", Input: models.Shape{3}, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
	s := open(t, gorgonia.Options{}, net, 2)
	x := []float32{1, 2, 3, 4, 5, 6}
	got, err := s.Forward(x, 2)
	if err != nil || !slices.Equal(got, x) {
		t.Errorf("logits %v, %v, want %v", got, err, x)
	}
	if loss, err := s.Backward(x, []int32{2, 0}, 0); err != nil || loss.Correct != 1 {
		t.Errorf("loss %+v, %v, want 1 correct", loss, err)
	}
}
