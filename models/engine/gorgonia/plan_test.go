package gorgonia

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/blas"
	"espalier/models/zoo"
)

// small are the zoo's architectures, thin and on small images, with weights.
func small(tb testing.TB, arch string) *models.Network {
	tb.Helper()
	o, ok := zoo.Default(arch)
	if !ok {
		tb.Fatalf("no architecture %s", arch)
	}
	o.Width = 0.25
	switch arch {
	case "lenet-5":
		o.Input = models.Shape{1, 16, 16}
	case "vgg-11-bn", "vgg-16-bn":
		o.Input = models.Shape{3, 32, 32}
	default:
		o.Input = models.Shape{3, 8, 8}
	}
	net, err := zoo.Build(o)
	if err != nil {
		tb.Fatal(err)
	}
	zoo.Init(net, 3)
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range net.Params {
		for i := range p.Data {
			switch p.Role {
			case models.RoleVariance, models.RoleGamma:
				p.Data[i] = float32(0.5 + r.Float64())
			case models.RoleMean, models.RoleBeta:
				p.Data[i] = float32(r.NormFloat64()) * 0.2
			}
		}
	}
	return net
}

var smallOnes = []string{"lenet-5", "vgg-11-bn", "resnet-20", "resnet-164", "densenet-40"}

// claim is the memory of a value and the steps from its first to its last use.
type claim struct {
	from, to    int // elements of the arena
	first, last place
	whole       bool // stages are all that counts: parts are at different steps
	value       *value
}

func (a claim) meets(b claim) bool {
	if a.from >= b.to || b.from >= a.to {
		return false
	}
	if a.whole || b.whole {
		return a.first.stage <= b.last.stage && b.first.stage <= a.last.stage
	}
	return !a.last.before(b.first) && !b.last.before(a.first)
}

// handedOver says whether b is computed in the place of a, at a's last use.
func handedOver(a, b claim) bool {
	return a.value.room == b.value.room && a.from == b.from && !b.first.before(a.last)
}

// No two values that are needed at the same time share memory, whatever the
// network, but for one that takes over the other's place.
func TestNoTwoLiveValuesShareMemory(t *testing.T) {
	t.Parallel()
	for _, arch := range smallOnes {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			net := small(t, arch)
			for name, src := range sources(t, net, 6, 2) {
				c, err := schedule(src)
				if err != nil {
					t.Fatal(err)
				}
				claims := claimsOf(c)
				if len(claims) < 10 {
					t.Fatalf("%s: only %d values have memory", name, len(claims))
				}
				for i, a := range claims {
					for _, b := range claims[:i] {
						if a.value != b.value && a.meets(b) && !handedOver(a, b) && !handedOver(b, a) {
							t.Fatalf("%s: values of %d and %d elements share %d to %d and %d to %d of the arena, needed from %v to %v and %v to %v",
								name, a.value.width, b.value.width, a.from, a.to, b.from, b.to, a.first, a.last, b.first, b.last)
						}
					}
				}
			}
		})
	}
}

// sources are a network's two programs as a session compiles them.
func sources(t *testing.T, net *models.Network, batch, threads int) map[string]source {
	t.Helper()
	s := &session{batch: batch, threads: threads, x: &buffer{batch: true, width: net.Input.Size()}, labels: &buffer{batch: true, width: 1, labels: []int32{}}}
	s.copyParams(net)
	m := mode{batch: batch, lib: blas.Gonum(), draw: &draw{}, fold: true}
	train, err := buildTraining(net, m)
	if err != nil {
		t.Fatal(err)
	}
	infer, err := buildInference(net, m)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]source{"training": s.trainingSource(train, net), "inference": s.inferenceSource(infer, net)}
}

// claimsOf places the program and finds out what memory each value has.
func claimsOf(c *compiler) []claim {
	p := c.program()
	arena := newArena(p.memory())
	p.place(arena)
	order := &planner{prepare: c.prepare, stages: divide(c.stages), usages: make(map[*value]*usage)}
	order.use()
	offset := func(data []float32) int {
		return int(uintptr(unsafe.Pointer(unsafe.SliceData(data)))-uintptr(unsafe.Pointer(unsafe.SliceData(arena)))) / 4
	}
	var claims []claim
	for v, u := range order.usages {
		if v.outside || v.kind == replica || v.width == 0 {
			continue
		}
		memory := v.copies
		if memory == nil {
			memory = []*buffer{v.root}
		}
		for _, b := range memory {
			at := offset(b.data)
			claims = append(claims, claim{at, at + len(b.data), u.first, u.last, !v.local(), v})
		}
	}
	return claims
}

// Nothing is read that has not been written: memory full of NaN gives the same
// bits.
func TestMemoryNeedNotBeCleared(t *testing.T) {
	t.Parallel()
	for _, arch := range smallOnes {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			net := small(t, arch)
			const n = 5
			r := rand.New(rand.NewPCG(1, 9))
			x, labels := random(r, n*net.Input.Size()), []int32{1, 0, 3, 2, 1}
			var want [][]float32
			for _, fill := range []float32{0, float32(math.NaN())} {
				s, err := open(net, engine.Options{Batch: 8}, blas.Gonum(), 2)
				if err != nil {
					t.Fatal(err)
				}
				arena := newArena(max(s.train.memory(), s.infer.memory()))
				for i := range arena {
					arena[i] = fill
				}
				s.train.place(arena)
				s.infer.place(arena)
				if _, err := s.Backward(x, labels, 0); err != nil {
					t.Fatal(err)
				}
				logits, err := s.Forward(x, n)
				if err != nil {
					t.Fatal(err)
				}
				got := [][]float32{append([]float32(nil), logits...)}
				for _, p := range s.Params() {
					got = append(got, p.Value, p.Grad)
				}
				if want == nil {
					want = got
				}
				for k := range want {
					for i := range want[k] {
						if math.Float32bits(got[k][i]) != math.Float32bits(want[k][i]) {
							t.Fatalf("tensor %d, element %d = %g, in clear memory %g", k, i, got[k][i], want[k][i])
						}
					}
				}
			}
		})
	}
}

// Batch normalization in the weights and on its own are the same function.
func TestFoldingChangesRoundingOnly(t *testing.T) {
	t.Parallel()
	for _, arch := range smallOnes {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			net := small(t, arch)
			const n = 7
			x := random(rand.New(rand.NewPCG(1, 9)), n*net.Input.Size())
			folded, tasks := logits(t, net, x, n, true)
			apart, more := logits(t, net, x, n, false)
			if fewer := tasks < more; fewer != (arch != "lenet-5" && arch != "densenet-40") {
				t.Errorf("%d tasks folded, %d apart", tasks, more)
			}
			scale := 0.0
			for _, v := range apart {
				scale = max(scale, math.Abs(float64(v)))
			}
			for i := range apart {
				if math.Abs(float64(folded[i]-apart[i])) > 2e-5*scale {
					t.Fatalf("logit %d = %g folded, %g apart, the largest %g", i, folded[i], apart[i], scale)
				}
			}
		})
	}
}

// logits runs the inference program and says how many tasks it has.
func logits(t *testing.T, net *models.Network, x []float32, n int, fold bool) ([]float32, int) {
	t.Helper()
	s := &session{batch: n, threads: 2, x: &buffer{batch: true, width: net.Input.Size(), data: x}}
	s.copyParams(net)
	g, err := buildInference(net, mode{batch: n, lib: blas.Gonum(), fold: fold})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(s.inferenceSource(g, net))
	if err != nil {
		t.Fatal(err)
	}
	p.place(newArena(p.memory()))
	p.prepare()
	p.run(n)
	tasks := 0
	for _, stage := range p.stages {
		tasks += len(stage.parts[0].tasks)
	}
	return p.result(g.logits).data, tasks
}

// Inference needs memory for little more than the weights: activations live as
// long as a chunk of samples passes.
func TestInferenceKeepsNoActivations(t *testing.T) {
	t.Parallel()
	net := small(t, "resnet-20")
	memory := func(batch int) int {
		s, err := open(net, engine.Options{Batch: batch, Inference: true}, blas.Gonum(), 2)
		if err != nil {
			t.Fatal(err)
		}
		return s.infer.memory()
	}
	if few, many := memory(64), memory(1024); many > few+1024*64 {
		t.Errorf("%d elements for a batch of 64, %d for 1024", few, many)
	}
}
