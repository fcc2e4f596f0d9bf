package gorgonia_test

import (
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
)

// Running statistics move by the momentum towards the batch's mean and its
// unbiased variance. Two samples of two pixels, one channel: 1, 2, 3 and 6 have
// mean 3 and, over n - 1 = 3, variance (4 + 1 + 0 + 9) / 3.
func TestRunningStatisticsMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		momentum       float64 // 0 is the default, 0.1
		mean, variance float64
	}{
		{0, 0.9*7 + 0.1*3, 0.9*5 + 0.1*14/3},
		{0.5, 0.5*7 + 0.5*3, 0.5*5 + 0.5*14/3},
		{1, 3, 14.0 / 3},
	} {
		net := newDraft(1, 1, 2).add("b", models.OpBatchNorm, models.Attrs{Momentum: c.momentum}).flat(2)
		net.Param("b.mean").Data[0], net.Param("b.variance").Data[0] = 7, 5
		s := openWith(t, 2, net, engine.Options{Batch: 3})
		if _, err := s.Backward([]float32{1, 2, 3, 6}, []int32{0, 1}, 0); err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Params() {
			want, statistic := map[string]float64{"b.mean": c.mean, "b.variance": c.variance}[p.Name]
			if statistic && !near(float64(p.Value[0]), want, 1e-6) {
				t.Errorf("momentum %g: %s = %g, want %g", c.momentum, p.Name, p.Value[0], want)
			}
			if (p.Grad == nil) != statistic {
				t.Errorf("%s has a gradient: %v", p.Name, p.Grad != nil)
			}
		}
	}
}

// One value has no variance: an error that names the node, before anything
// changes.
func TestOneValueHasNoVariance(t *testing.T) {
	t.Parallel()
	net := newDraft(3, 4, 4).conv("c", 2, models.Attrs{Kernel: [2]int{4, 4}}).norm("deep").relu("r").flat(2)
	s := openWith(t, 2, net, engine.Options{Batch: 4})
	x, labels := samples(1, 4, 48, 2)
	before := params(s)
	_, err := s.Backward(x[:48], labels[:1], 0)
	if err == nil || !strings.Contains(err.Error(), "node deep: batch normalization of 1 sample of 1 x 1 pixels") {
		t.Errorf("error %v, want one that names the node", err)
	}
	for k, v := range params(s) {
		sameBits(t, "parameter", v, before[k])
	}
	if _, err := s.Backward(x[:96], labels[:2], 0); err != nil {
		t.Errorf("two samples: %v", err)
	}
	if _, err := s.Forward(x[:48], 1); err != nil {
		t.Errorf("inference of one sample: %v", err)
	}
}

func params(s engine.Session) [][]float32 {
	var values [][]float32
	for _, p := range s.Params() {
		values = append(values, slices.Clone(p.Value))
	}
	return values
}

// The statistics that training moved are those that inference uses.
func TestForwardUsesTheStatisticsOfTheMoment(t *testing.T) {
	t.Parallel()
	net := imageNetworks()["residual"]
	const n = 6
	x, labels := samples(4, n, net.Input.Size(), 3)
	s := openWith(t, 2, net, engine.Options{Batch: n})
	for i := range int64(3) {
		if _, err := s.Backward(x, labels, i); err != nil {
			t.Fatal(err)
		}
	}
	moved := net.Clone()
	for i, p := range s.Params() {
		copy(moved.Params[i].Data, p.Value)
	}
	got, err := s.Forward(x, n)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range newReference(moved).logits(x, n) {
		if !near(float64(got[i]), want, 2e-5) {
			t.Fatalf("logit %d = %g, want %g", i, got[i], want)
		}
	}
	fresh, err := openWith(t, 2, moved, engine.Options{Batch: n, Inference: true}).Forward(x, n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !near(float64(fresh[i]), float64(got[i]), 2e-5) {
			t.Fatalf("logit %d of an inference session = %g, want %g", i, fresh[i], got[i])
		}
	}
}

func TestInferenceSessions(t *testing.T) {
	t.Parallel()
	net := imageNetworks()["conv norm relu"]
	s := openWith(t, 2, net, engine.Options{Batch: 4, Inference: true})
	x, labels := samples(4, 4, net.Input.Size(), 3)
	if _, err := s.Backward(x, labels, 0); err == nil || !strings.Contains(err.Error(), "opened for inference") {
		t.Errorf("Backward: error %v, want one that says what the session is for", err)
	}
	for i, p := range s.Params() {
		if p.Grad != nil {
			t.Errorf("%s has a gradient", p.Name)
		}
		sameBits(t, p.Name, p.Value, net.Params[i].Data)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forward(x, 4); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: error %v, want one that says closed", err)
	}
}

// Images that come after others in a session, and fewer than it has room for,
// compute as they do alone.
func TestShortBatchesOfImages(t *testing.T) {
	t.Parallel()
	for name, net := range imageNetworks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const batch = 11
			x, labels := samples(3, batch, net.Input.Size(), 3)
			s := openWith(t, 3, net, engine.Options{Batch: batch})
			backward(t, s, x, labels)
			for _, n := range []int{2, 5, 10} {
				alone := openWith(t, 3, net, engine.Options{Batch: n})
				restore(s, net)
				got, want := backward(t, s, x[:n*net.Input.Size()], labels[:n]), backward(t, alone, x[:n*net.Input.Size()], labels[:n])
				if got != want {
					t.Errorf("batch of %d in a session of %d: %+v, in one of %d: %+v", n, batch, got, n, want)
				}
				for k, p := range s.Params() {
					sameBits(t, p.Name, p.Grad, alone.Params()[k].Grad)
					sameBits(t, p.Name, p.Value, alone.Params()[k].Value)
				}
			}
		})
	}
}

func backward(t *testing.T, s engine.Session, x []float32, labels []int32) engine.Loss {
	t.Helper()
	loss, err := s.Backward(x, labels, 0)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

func restore(s engine.Session, net *models.Network) {
	for i, p := range s.Params() {
		copy(p.Value, net.Params[i].Data)
	}
}

// The bits depend on the number of threads and on nothing else.
func TestImagesGiveTheSameBitsEveryTime(t *testing.T) {
	t.Parallel()
	net := imageNetworks()["residual"]
	for _, threads := range []int{1, 2, 3, 7} {
		var first engine.Session
		for range 3 {
			s := openWith(t, threads, net, engine.Options{Batch: 13})
			v := velocities(s)
			for i := range 4 {
				x, labels := samples(uint64(i), 13-i, net.Input.Size(), 3)
				step(t, s, v, x, labels, int64(i))
			}
			if first == nil {
				first = s
			}
			for k, p := range s.Params() {
				sameBits(t, p.Name, p.Value, first.Params()[k].Value)
			}
		}
	}
}

func TestImageStepAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	lib := blas.Open()
	if strings.HasPrefix(lib.String(), "gonum") {
		t.Skip("openblas is not installed; gonum allocates in every product")
	}
	net := imageNetworks()["residual"]
	x, labels := samples(1, 8, net.Input.Size(), 3)
	s := open(t, gorgonia.Options{Threads: 2, BLAS: lib}, net, 8)
	infer := openWith(t, 2, net, engine.Options{Batch: 8, Inference: true})
	for what, call := range map[string]func() error{
		"a training step":                  func() error { _, err := s.Backward(x, labels, 1); return err },
		"inference between training steps": func() error { _, err := s.Forward(x, 8); return err },
		"inference":                        func() error { _, err := infer.Forward(x, 8); return err },
		"inference of one sample":          func() error { _, err := infer.Forward(x[:len(x)/8], 1); return err },
	} {
		if n := testing.AllocsPerRun(20, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations in %s, want 0", n, what)
		}
	}
}

// Masks are the caller's business for filters as well.
func TestSessionLeavesFiltersAlone(t *testing.T) {
	t.Parallel()
	net := imageNetworks()["residual"].Clone()
	filter := net.Param("c1.weight")
	filter.Mask = make([]bool, len(filter.Data))
	for i := range filter.Mask {
		if filter.Mask[i] = i%3 == 0; !filter.Mask[i] {
			filter.Data[i] = 0
		}
	}
	s := openWith(t, 2, net, engine.Options{Batch: 4})
	x, labels := samples(1, 4, net.Input.Size(), 3)
	backward(t, s, x, labels)
	for k, p := range s.Params() {
		if p.Role.Trained() {
			sameBits(t, p.Name, p.Value, net.Params[k].Data)
		}
		if p.Name == "c1.weight" && (!slices.Equal(p.Mask, filter.Mask) || p.Grad[1] == 0) {
			t.Errorf("mask kept: %v; gradient of a masked weight %g, want the true one", slices.Equal(p.Mask, filter.Mask), p.Grad[1])
		}
	}
}

// Threads share the columns of a single image's layers, which changes no bit.
func TestOneImageOnManyThreads(t *testing.T) {
	t.Parallel()
	wide := newDraft(3, 18, 18).conv("c", 40, noBias()).norm("b").relu("r").conv("d", 64, noBias()).norm("e").
		add("pool", models.OpMaxPool, models.Attrs{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}).
		add("flat", models.OpFlatten, plain).add("f", models.OpLinear, models.Attrs{Out: 110, NoBias: true}).norm("n").relu("s").
		add("g", models.OpLinear, models.Attrs{Out: 10}).done()
	x, _ := samples(4, 3, wide.Input.Size(), 10)
	for _, n := range []int{1, 2, 3} {
		one := openWith(t, 1, wide, engine.Options{Batch: 8, Inference: true})
		want, err := one.Forward(x[:n*wide.Input.Size()], n)
		if err != nil {
			t.Fatal(err)
		}
		for _, threads := range []int{2, 4, 7} {
			got, err := openWith(t, threads, wide, engine.Options{Batch: 8, Inference: true}).Forward(x[:n*wide.Input.Size()], n)
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, "logits", got, want)
		}
		for i, v := range newReference(wide).logits(x[:n*wide.Input.Size()], n) {
			if !near(float64(want[i]), v, 2e-5) {
				t.Fatalf("logit %d = %g, want %g", i, want[i], v)
			}
		}
	}
}
