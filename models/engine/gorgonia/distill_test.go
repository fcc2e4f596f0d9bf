package gorgonia_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/engine/gorgonia"
)

// distilled is the reference's loss with a teacher.
func (r *reference) distilled(x []float32, labels []int32, teacher []float32, d engine.Distillation) float64 {
	logits, total := r.logits(x, len(labels)), 0.0
	classes := len(logits) / len(labels)
	soften := func(v []float64) []float64 {
		sum, p := 0.0, make([]float64, len(v))
		for i := range v {
			p[i] = math.Exp(v[i] / d.Temperature)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	for i := range labels {
		row, other := logits[i*classes:(i+1)*classes], make([]float64, classes)
		for k := range other {
			other[k] = float64(teacher[i*classes+k])
		}
		p, q := soften(other), soften(row)
		for k := range p {
			total += d.Weight * d.Temperature * d.Temperature * p[k] * math.Log(p[k]/q[k])
		}
	}
	return (1-d.Weight)*r.loss(x, labels) + total/float64(len(labels))
}

func teach(t testing.TB, s engine.Session, logits []float32) {
	t.Helper()
	if err := s.Teach(logits); err != nil {
		t.Fatal(err)
	}
}

// Loss and gradients with a teacher are those of the definition, whatever the
// threads and in batches that are shorter than the session's.
func TestDistillationAgreesWithNumericGradients(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]engine.Distillation{"half": {Weight: 0.5, Temperature: 4}, "all": {Weight: 1, Temperature: 1}, "sharp": {Weight: 0.3, Temperature: 0.7}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net := networks()["three layers"]
			const n = 33
			x, labels := samples(2, n, net.Input.Size(), classes(net))
			teacher, _ := samples(3, n, classes(net), 2)
			ref := newReference(net)
			ref.train = true
			for _, threads := range []int{1, 2, 3} {
				s := openWith(t, threads, net, engine.Options{Batch: 40, Distill: d})
				teach(t, s, teacher)
				loss, err := s.Backward(x, labels, 0)
				if err != nil {
					t.Fatal(err)
				}
				if want := ref.distilled(x, labels, teacher, d); !near(loss.Mean, want, 1e-5) {
					t.Errorf("%d threads: loss %g, want %g", threads, loss.Mean, want)
				}
				for _, p := range s.Params() {
					for i := 0; i < len(p.Grad); i += 1 + len(p.Grad)/40 {
						const h = 1e-6
						values := ref.params[p.Name]
						was := values[i]
						values[i] = was + h
						up := ref.distilled(x, labels, teacher, d)
						values[i] = was - h
						down := ref.distilled(x, labels, teacher, d)
						values[i] = was
						if want := (up - down) / (2 * h); !near(float64(p.Grad[i]), want, 1e-4) {
							t.Fatalf("%d threads: gradient of %s[%d] = %g, want %g", threads, p.Name, i, p.Grad[i], want)
						}
					}
				}
			}
		})
	}
}

func TestATaughtStepIsTheSameEveryTimeAndAllocatesNothing(t *testing.T) {
	net := lenet(1, 30, 20)
	x, labels := samples(2, 64, 784, 10)
	teacher, _ := samples(3, 64, 10, 2)
	s := openWith(t, 2, net, engine.Options{Batch: 64, Distill: engine.Distillation{Weight: 0.5, Temperature: 2}})
	once := func() {
		teach(t, s, teacher)
		if _, err := s.Backward(x, labels, 1); err != nil {
			t.Fatal(err)
		}
	}
	once()
	first := slices.Clone(s.Params()[0].Grad)
	for i := range teacher[:10] {
		teacher[i] = -teacher[i]
	}
	once()
	if slices.Equal(first, s.Params()[0].Grad) {
		t.Error("another teacher gives the same gradients")
	}
	for i := range teacher[:10] {
		teacher[i] = -teacher[i]
	}
	once()
	sameBits(t, "gradient", s.Params()[0].Grad, first)
	if raceDetector || strings.HasPrefix(blas.Open().String(), "gonum") {
		return // both allocate
	}
	if n := testing.AllocsPerRun(20, once); n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
}

func TestBadLessons(t *testing.T) {
	t.Parallel()
	net := networks()["linear alone"] // 5 inputs, 3 classes
	open := func(o engine.Options) engine.Session { return openWith(t, 1, net, o) }
	d := engine.Distillation{Weight: 0.5, Temperature: 2}
	s := open(engine.Options{Batch: 4, Distill: d})
	backward := func(n int) error {
		_, err := s.Backward(make([]float32, 5*n), make([]int32, n), 0)
		return err
	}
	wants := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	wants(backward(2), "taught 0 samples for a step of 2")
	wants(s.Teach(make([]float32, 7)), "7 logits of a teacher, want 3 for each of 1 to 4 samples")
	wants(s.Teach(make([]float32, 15)), "15 logits")
	wants(s.Teach(nil), "0 logits")
	teach(t, s, make([]float32, 9))
	wants(backward(2), "taught 3 samples for a step of 2")
	if err := backward(3); err != nil {
		t.Error(err)
	}
	wants(backward(3), "taught 0 samples for a step of 3")
	wants(open(engine.Options{Batch: 4}).Teach(make([]float32, 3)), "without distillation")
	wants(open(engine.Options{Batch: 4, Distill: d, Inference: true}).Teach(make([]float32, 3)), "without distillation")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wants(s.Teach(make([]float32, 3)), "closed")
	for _, c := range []struct {
		d    engine.Distillation
		want string
	}{
		{engine.Distillation{Weight: -0.1, Temperature: 1}, "weight -0.1 is not in [0, 1]"},
		{engine.Distillation{Weight: math.NaN(), Temperature: 1}, "weight NaN"},
		{engine.Distillation{Weight: 0.5}, "temperature 0 is not a positive number"},
		{engine.Distillation{Weight: 0.5, Temperature: math.Inf(1)}, "temperature +Inf"},
	} {
		e, err := gorgonia.New(gorgonia.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Open(net, engine.Options{Batch: 1, Distill: c.d})
		wants(err, c.want)
	}
}
