package train_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/engine"
)

// session is a small engine of plain loops: input, hidden layer with ReLU and
// dropout, output layer, softmax cross-entropy. It computes real gradients, and
// the dropout masks are drawn from seed and step as the contract demands. A
// batch_norm after the input normalizes by its running statistics, which move
// first: so a training that forgets them goes elsewhere.
type session struct {
	in, hidden, classes int
	rate                float32
	seed                uint64
	params              []engine.Param
	h, logits, dh       []float32
	keep                []float32 // one factor for each hidden activation of the batch
	mean, variance      []float32 // running statistics; nil without batch_norm
	normal              []float32 // normalized inputs
	w1, b1, w2, b2      engine.Param
	rng                 rand.PCG
}

const (
	inputs, hidden, classes = 6, 9, 4
	batch                   = 8
)

// network is a perceptron with one hidden layer and seeded weights.
func network(rate float64, seed uint64) *models.Network {
	net := &models.Network{Name: "tiny", Input: models.Shape{inputs}, Nodes: []models.Node{
		{Name: "x", Op: models.OpInput},
		{Name: "fc1", Op: models.OpLinear, Inputs: []string{"x"}, Attrs: models.Attrs{Out: hidden}},
		{Name: "relu1", Op: models.OpReLU, Inputs: []string{"fc1"}},
		{Name: "drop1", Op: models.OpDropout, Inputs: []string{"relu1"}, Attrs: models.Attrs{Rate: rate}},
		{Name: "fc2", Op: models.OpLinear, Inputs: []string{"drop1"}, Attrs: models.Attrs{Out: classes}},
	}}
	return initial(net, seed)
}

// initial draws the weights of net.
func initial(net *models.Network, seed uint64) *models.Network {
	params, err := net.Layout()
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
		for i := range p.Data {
			switch {
			case p.Role == models.RoleVariance:
				p.Data[i] = 1
			case p.Role.Trained():
				p.Data[i] = float32(r.NormFloat64() * 0.5)
			}
		}
	}
	net.Params = params
	return net
}

// normalized is network with a batch_norm after the input.
func normalized(rate float64, seed uint64) *models.Network {
	net := network(rate, seed)
	norm := models.Node{Name: "norm", Op: models.OpBatchNorm, Inputs: []string{"x"}, Attrs: models.Attrs{NoScale: true, NoShift: true}}
	net.Nodes = slices.Insert(net.Nodes, 1, norm)
	net.Nodes[2].Inputs = []string{"norm"}
	return initial(net, seed)
}

// prune masks about the given share of each weight.
func prune(net *models.Network, share float64, seed uint64) *models.Network {
	r := rand.New(rand.NewPCG(seed, 8))
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			p.Mask = make([]bool, len(p.Data))
			for i := range p.Mask {
				p.Mask[i] = r.Float64() >= share
			}
			p.ApplyMask()
		}
	}
	return net
}

// open is a session on net.
func open(net *models.Network, seed uint64) *session {
	drop, _ := net.Node("drop1")
	s := &session{in: inputs, hidden: hidden, classes: classes, rate: float32(drop.Attrs.Rate), seed: seed,
		h: make([]float32, batch*hidden), dh: make([]float32, batch*hidden), keep: make([]float32, batch*hidden), logits: make([]float32, batch*classes)}
	for _, p := range net.Clone().Params {
		q := engine.Param{Name: p.Name, Role: p.Role, Value: p.Data, Mask: p.Mask}
		if p.Role.Trained() {
			q.Grad = make([]float32, len(p.Data))
		}
		s.params = append(s.params, q)
	}
	k := len(s.params) - 4
	s.w1, s.b1, s.w2, s.b2 = s.params[k], s.params[k+1], s.params[k+2], s.params[k+3]
	if k == 2 {
		s.mean, s.variance, s.normal = s.params[0].Value, s.params[1].Value, make([]float32, batch*inputs)
	}
	return s
}

// normalize moves the running statistics by a batch, if there are any, and
// returns it normalized by them.
func (s *session) normalize(x []float32, n int, move float32) []float32 {
	if s.mean == nil {
		return x
	}
	for c := range s.in {
		mean, variance := float32(0), float32(0)
		for i := range n {
			mean += x[i*s.in+c] / float32(n)
		}
		for i := range n {
			variance += (x[i*s.in+c] - mean) * (x[i*s.in+c] - mean) / float32(n)
		}
		s.mean[c] += move * (mean - s.mean[c])
		s.variance[c] += move * (variance - s.variance[c])
		for i := range n {
			s.normal[i*s.in+c] = (x[i*s.in+c] - s.mean[c]) / float32(math.Sqrt(float64(s.variance[c])+1e-5))
		}
	}
	return s.normal
}

func (s *session) Params() []engine.Param { return s.params }
func (s *session) Close() error           { return nil }
func (s *session) Teach([]float32) error  { return nil }

func (s *session) Forward(x []float32, n int) ([]float32, error) {
	for i := range s.keep {
		s.keep[i] = 1
	}
	s.forward(s.normalize(x, n, 0), n)
	return s.logits[:n*s.classes], nil
}

func (s *session) forward(x []float32, n int) {
	w1, b1, w2, b2 := s.w1.Value, s.b1.Value, s.w2.Value, s.b2.Value
	for i := range n {
		h, z := s.h[i*s.hidden:][:s.hidden], s.logits[i*s.classes:][:s.classes]
		for j := range h {
			sum := b1[j] + dot(w1[j*s.in:][:s.in], x[i*s.in:])
			h[j] = max(sum, 0) * s.keep[i*s.hidden+j]
		}
		for k := range z {
			z[k] = b2[k] + dot(w2[k*s.hidden:][:s.hidden], h)
		}
	}
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func (s *session) Backward(x []float32, labels []int32, step int64) (engine.Loss, error) {
	s.rng.Seed(s.seed, uint64(step))
	for i := range s.keep {
		s.keep[i] = 1 / (1 - s.rate)
		if float32(s.rng.Uint64()>>40)/(1<<24) < s.rate {
			s.keep[i] = 0
		}
	}
	n := len(labels)
	x = s.normalize(x, n, 0.1)
	s.forward(x, n)
	loss := s.softmax(labels)
	for _, p := range s.params {
		clear(p.Grad)
	}
	g1, gb1, w2, g2, gb2 := s.w1.Grad, s.b1.Grad, s.w2.Value, s.w2.Grad, s.b2.Grad
	clear(s.dh)
	for i := range n {
		for k, d := range s.logits[i*s.classes:][:s.classes] {
			gb2[k] += d
			for j := range s.hidden {
				g2[k*s.hidden+j] += d * s.h[i*s.hidden+j]
				s.dh[i*s.hidden+j] += d * w2[k*s.hidden+j]
			}
		}
		for j := range s.hidden {
			if s.h[i*s.hidden+j] <= 0 {
				continue
			}
			d := s.dh[i*s.hidden+j] * s.keep[i*s.hidden+j]
			gb1[j] += d
			for c := range s.in {
				g1[j*s.in+c] += d * x[i*s.in+c]
			}
		}
	}
	return loss, nil
}

// softmax turns the logits into the gradient of the mean loss.
func (s *session) softmax(labels []int32) engine.Loss {
	var loss engine.Loss
	for i, label := range labels {
		z := s.logits[i*s.classes:][:s.classes]
		top, best := z[0], 0
		for k, v := range z {
			if v > top {
				top, best = v, k
			}
		}
		sum := 0.0
		for _, v := range z {
			sum += math.Exp(float64(v - top))
		}
		loss.Mean += math.Log(sum) - float64(z[label]-top)
		if best == int(label) {
			loss.Correct++
		}
		for k, v := range z {
			z[k] = float32(math.Exp(float64(v-top)) / sum)
		}
		z[label]--
		for k := range z {
			z[k] /= float32(len(labels))
		}
	}
	loss.Mean /= float64(len(labels))
	return loss
}

// clusters is a data set of one Gaussian cloud for each class, with batches in
// an order that depends on seed and epoch only; the last one is shorter.
type clusters struct {
	n      int
	seed   uint64
	x      []float32
	labels []int32
	bx     []float32
	bl     []int32
	order  []int
	rng    rand.PCG
}

func newClusters(n int, seed uint64) *clusters {
	c := &clusters{n: n, seed: seed, bx: make([]float32, batch*inputs), bl: make([]int32, batch), order: make([]int, n)}
	r := rand.New(rand.NewPCG(3, 3))
	centre := make([]float64, classes*inputs)
	for i := range centre {
		centre[i] = r.NormFloat64() * 1.5
	}
	for range n {
		k := r.IntN(classes)
		c.labels = append(c.labels, int32(k))
		for j := range inputs {
			c.x = append(c.x, float32(centre[k*inputs+j]+r.NormFloat64()))
		}
	}
	return c
}

func (c *clusters) Batches() int { return (c.n + batch - 1) / batch }

func (c *clusters) Batch(epoch, i int) ([]float32, []int32, error) {
	c.rng.Seed(c.seed, uint64(epoch))
	for j := range c.order {
		k := int(c.rng.Uint64() % uint64(j+1))
		c.order[j] = c.order[k]
		c.order[k] = j
	}
	part := c.order[i*batch : min((i+1)*batch, c.n)]
	for j, at := range part {
		copy(c.bx[j*inputs:][:inputs], c.x[at*inputs:])
		c.bl[j] = c.labels[at]
	}
	return c.bx[:len(part)*inputs], c.bl[:len(part)], nil
}

// The gradients of the test's own engine are those of finite differences.
func TestTheTestEngineDifferentiates(t *testing.T) {
	t.Parallel()
	net := network(0.3, 1)
	s := open(net, 5)
	x, labels, _ := newClusters(20, 1).Batch(0, 0)
	if _, err := s.Backward(x, labels, 3); err != nil {
		t.Fatal(err)
	}
	for i, p := range net.Params {
		grads := append([]float32(nil), s.params[i].Grad...)
		for j := range p.Data {
			at := func(d float32) float64 {
				s.params[i].Value[j] = p.Data[j] + d
				loss, _ := s.Backward(x, labels, 3)
				s.params[i].Value[j] = p.Data[j]
				return loss.Mean
			}
			want := (at(1e-3) - at(-1e-3)) / 2e-3
			if math.Abs(float64(grads[j])-want) > 2e-3 {
				t.Fatalf("gradient of %s[%d] = %g, finite differences give %g", p.Name, j, grads[j], want)
			}
		}
	}
}
