package config

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"espalier/models"
	"espalier/models/compress"
)

// The methods of quantization.
const (
	QuantizeShared = "shared"
	QuantizeInt8   = "int8"
)

// Quantize says how the weights of the last network that is kept come to take
// few values. What a method does not read stays empty.
type Quantize struct {
	Method           string         `json:"method" yaml:"method" bare:"true" default:"shared" words:"shared,int8" doc:"shared lets the weights of each layer share the centroids of k-means (Han et al. 2016); int8 rounds them to evenly spaced values, symmetric, with a scale for each output or filter."`
	Bits             map[string]int `json:"bits" yaml:"bits,omitempty" range:"[1,16]" example:"{default: 6, conv: 8, fc3: 5}" doc:"Width of the code of a weight, by layer, conv for convolutions, linear for linear layers, default for the others; one code stands for 0. Left out, {conv: 8, linear: 5} for shared, as in the paper, and {default: 8} for int8, which has from 2 to 8."`
	Exclude          []string       `json:"exclude,omitempty" yaml:"exclude,omitempty" example:"[fc3]" doc:"Layers whose weights and biases stay as they are."`
	Biases           int            `json:"biases,omitempty" yaml:"biases,omitempty" range:"[1,16]" example:"3" doc:"Width of the code of a bias and of batch normalization's scale and shift, which then share centroids too, one set for each of these tensors; left out, they stay as they are, as in the paper; for method shared."`
	Codebook         int            `json:"codebook,omitempty" yaml:"codebook,omitempty" range:"[10,32]" example:"16" doc:"How many leading bits of a float32 centroids keep, 16 for bfloat16; with biases, running statistics keep as many; all when left out; for method shared."`
	Init             string         `json:"init,omitempty" yaml:"init,omitempty" words:"@inits" example:"linear" doc:"Where k-means starts: evenly from the smallest weight to the largest, at even steps of the distribution, at weights that the seed of train draws, or where it ends at the least distance of all; linear when left out; for method shared."`
	Portions         []float64      `json:"portions,omitempty" yaml:"portions,omitempty" unit:"fraction" range:"(0,1]" example:"[50%, 80%, 100%]" doc:"The share of each layer's weights that have centroids after each of several steps, in ascending order and 100% in the end; after each step finetune trains the centroids and the weights that are still free (Zhou et al. 2017). Left out, all have theirs at once; for method shared."`
	CentroidGradient string         `json:"centroid_gradient,omitempty" yaml:"centroid_gradient,omitempty" words:"sum,mean" example:"mean" doc:"What moves a centroid in fine-tuning: the sum of the gradients of its weights, as in the paper, or their mean; left out, mean with portions and otherwise sum; for method shared."`
	Finetune         CentroidTuning `json:"finetune,omitzero" yaml:"finetune" doc:"How the centroids are trained after that, while each weight keeps its centroid; for method shared. What is left out is as in train."`
}

// CentroidTuning says how centroids are fine-tuned. Unset members are those of
// Train; [Spec.CentroidTrain] puts the two together.
type CentroidTuning struct {
	Epochs    int       `json:"epochs" yaml:"epochs" default:"3" range:"[0,)" example:"3" doc:"Passes over the training data; 0 leaves the centroids where k-means has put them."`
	Optimizer Optimizer `json:"optimizer,omitzero" yaml:"optimizer,omitempty" example:"{sgd: {lr: 0.001, momentum: 0.9}}" doc:"The optimizer, whose weight decay pulls on centroids; left out, that of train with a thousandth of its lr, or a tenth where centroid_gradient is mean."`
	Schedule  Schedule  `json:"schedule,omitzero" yaml:"schedule,omitempty" example:"cosine" doc:"The course of the learning rate."`
	L1        *Penalty  `json:"l1,omitempty" yaml:"l1,omitempty" example:"0" doc:"Coefficients of the sum of absolute values, all of them instead of train's."`
	L2        *Penalty  `json:"l2,omitempty" yaml:"l2,omitempty" example:"5e-4" doc:"Coefficients of half the sum of squares, all of them instead of train's."`
	Distill   *Distill  `json:"distill,omitempty" yaml:"distill,omitempty" doc:"Learn from the network that is quantized, as it was, as well as from the labels (Hinton et al. 2015). Left out, from the labels alone."`
}

// The words for kinds of layers, and for all others.
const (
	bitsConv   = "conv"
	bitsLinear = "linear"
)

// slower is what train's learning rate is divided by where finetune has no
// optimizer: the gradients of hundreds of weights add up in a centroid.
func (q *Quantize) slower() float64 {
	if q.CentroidGradient == "mean" {
		return 10
	}
	return 1000
}

// tuning sets the seeds of quantization apart from those of other trainings.
const tuning = 3 << 32

// Layers are the widths of the codes of net's layers, by name: those with
// weights that are not excluded and that Bits speaks of.
func (q *Quantize) Layers(net *models.Network) map[string]int {
	widths := map[string]int{}
	for _, p := range net.Params {
		if bits, ok := q.bits(net, p.Node); ok && p.Role == models.RoleWeight && !slices.Contains(q.Exclude, p.Node) {
			widths[p.Node] = bits
		}
	}
	return widths
}

// BiasLayers are the widths of the codes of biases and of batch normalization,
// by layer: of all that are not excluded.
func (q *Quantize) BiasLayers(net *models.Network) map[string]int {
	widths := map[string]int{}
	for _, p := range net.Params {
		if q.Biases > 0 && p.Role != models.RoleWeight && p.Role.Trained() && !slices.Contains(q.Exclude, p.Node) {
			widths[p.Node] = q.Biases
		}
	}
	return widths
}

// bits are a layer's own, or those of its kind, or those of all others.
func (q *Quantize) bits(net *models.Network, layer string) (int, bool) {
	node, _ := net.Node(layer)
	kind := ""
	switch node.Op {
	case models.OpConv2D:
		kind = bitsConv
	case models.OpLinear:
		kind = bitsLinear
	}
	for _, key := range []string{layer, kind, compress.Default} {
		if bits, ok := q.Bits[key]; ok && key != "" {
			return bits, true
		}
	}
	return 0, false
}

// Check says what of q does not fit a network that was not known when the spec
// was read.
func (q *Quantize) Check(net *models.Network) error {
	for _, p := range q.problems(net) {
		return fmt.Errorf("%s: %s", p.path, p.says)
	}
	return nil
}

// problem is what is wrong at a path.
type problem struct{ path, says string }

// problems are what does not fit a network: layers that it does not have, and
// those of which nothing is said.
func (q *Quantize) problems(net *models.Network) []problem {
	var layers, open []string
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			layers = append(layers, p.Node)
		}
	}
	var all []problem
	for _, name := range slices.Sorted(maps.Keys(q.Bits)) {
		if words := append(slices.Clone(layers), bitsConv, bitsLinear, compress.Default); !slices.Contains(words, name) {
			all = append(all, problem{"quantize.bits." + name, "the network has no such layer with weights; " + suggestion(name, words)})
		}
	}
	for i, name := range q.Exclude {
		_, own := q.Bits[name]
		switch {
		case !slices.Contains(layers, name):
			all = append(all, problem{index("quantize.exclude", i), "the network has no such layer with weights; " + suggestion(name, layers)})
		case own:
			all = append(all, problem{index("quantize.exclude", i), name + " has its own value in bits; want one of the two"})
		}
	}
	for _, name := range layers {
		if _, ok := q.bits(net, name); !ok && !slices.Contains(q.Exclude, name) {
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		all = append(all, problem{"quantize.bits", "says nothing about " + joined(open) + "; add default for all the others, or name them in quantize.exclude"})
	} else if len(q.Layers(net)) == 0 {
		all = append(all, problem{"quantize.exclude", "leaves no layer to quantize"})
	}
	return all
}

// QuantizeSeed is that of the centroids that are drawn, drawn itself from
// train's; 0 where none are, so that the step is the same whatever the seed.
func (s *Spec) QuantizeSeed() uint64 {
	if s.Quantize == nil || s.Quantize.Init != compress.InitRandom {
		return 0
	}
	return rand.NewPCG(s.Train.Seed, tuning).Uint64()
}

// Steps is how many steps it takes until all weights have centroids.
func (q *Quantize) Steps() int { return max(1, len(q.Portions)) }

// Portion is the share of the weights that have centroids after a step, counted
// from 0.
func (q *Quantize) Portion(step int) float64 {
	if len(q.Portions) == 0 {
		return 1
	}
	return q.Portions[step]
}

// CentroidTrain is the training of the centroids after a step, from 0, with
// nothing left open, and whether there is any: what quantize.finetune does not
// say is as in train, with a thousandth of its learning rate (a tenth for
// means) and without proximal steps. The seed is drawn from train's.
func (s *Spec) CentroidTrain(step int) (Train, bool) {
	if s.Quantize == nil || s.Quantize.Method != QuantizeShared || s.Quantize.Finetune.Epochs == 0 {
		return Train{}, false
	}
	f := s.Quantize.Finetune
	if f.Optimizer == (Optimizer{}) {
		f.Optimizer = s.Train.Optimizer.slowed(s.Quantize.slower())
	}
	t := s.Train.with(f.Epochs, f.Optimizer, f.Schedule, f.L1, f.L2)
	t.ISTA, t.Distill = nil, f.Distill
	t.Seed = rand.NewPCG(s.Train.Seed, tuning+1+uint64(step)).Uint64()
	return t, true
}

// completeQuantize fills in what differs from method to method.
func completeQuantize(q *Quantize) {
	if q.Method == QuantizeInt8 {
		if q.Bits == nil {
			q.Bits = map[string]int{compress.Default: compress.MaxUniformBits}
		}
		q.Finetune = CentroidTuning{}
		return
	}
	if q.Bits == nil {
		q.Bits = map[string]int{bitsConv: 8, bitsLinear: 5}
	}
	orElse(&q.Init, compress.InitLinear)
	if len(q.Portions) > 0 {
		orElse(&q.CentroidGradient, "mean") // a sum wants a rate at which a single weight hardly moves
	}
	orElse(&q.CentroidGradient, "sum")
	completeSchedule(&q.Finetune.Schedule)
	completeOptimizer(q.Finetune.Optimizer)
}

// checkQuantize holds the rules between the parts of quantize, and between it
// and the network's layers.
func (d *decoder) checkQuantize(s *Spec) {
	q := s.Quantize
	if d.faulty("quantize.method") {
		return
	}
	for _, key := range []string{"biases", "codebook", "init", "portions", "centroid_gradient", "finetune"} {
		d.meant(join("quantize", key), "method", q.Method, []string{QuantizeShared})
	}
	if q.Method == QuantizeInt8 {
		for _, name := range slices.Sorted(maps.Keys(q.Bits)) {
			path := "quantize.bits." + name
			if bits := q.Bits[name]; !d.faulty(path) && (bits < compress.MinUniformBits || bits > compress.MaxUniformBits) {
				d.note(path, "method int8 has from %d to %d bits, not %d", compress.MinUniformBits, compress.MaxUniformBits, bits)
			}
		}
	} else {
		d.checkCentroids(s)
	}
	if d.faulty("network", "quantize.bits", "quantize.exclude") {
		return
	}
	net, err := outline(s.Network)
	if err != nil {
		return // noted by checkNetwork, or only known when the network is read
	}
	for _, p := range q.problems(net) {
		d.note(p.path, "%s", p.says)
	}
}

// checkCentroids checks the fine-tuning as that of passes is checked.
func (d *decoder) checkCentroids(s *Spec) {
	const path = "quantize.finetune"
	f := s.Quantize.Finetune
	d.checkPortions(s.Quantize)
	d.checkOptimizer(path+".optimizer", f.Optimizer)
	d.checkPenalties(path, s, f.L1, f.L2)
	if d.given(path+".schedule") && !d.faulty(path) {
		d.checkSchedule(path+".schedule", f.Schedule, f.Epochs)
	}
}

// checkPortions wants them to ascend to 1, with a training after each.
func (d *decoder) checkPortions(q *Quantize) {
	const path = "quantize.portions"
	if !d.given(path) || d.faulty(path) {
		return
	}
	n := len(q.Portions)
	switch {
	case n == 0:
		d.note(path, "is empty; want shares that end with 100%%, or leave it out")
	case q.Portions[n-1] != 1:
		d.note(index(path, n-1), "the last portion is %.6g%%, not 100%%", 100*q.Portions[n-1])
	case q.Finetune.Epochs == 0 && !d.faulty("quantize.finetune"):
		d.note("quantize.finetune.epochs", "is 0, and portions want at least 1 to train what is still free")
	}
	for i := 1; i < n; i++ {
		if q.Portions[i] <= q.Portions[i-1] {
			d.note(index(path, i), "%.6g%% comes after %.6g%%; portions ascend", 100*q.Portions[i], 100*q.Portions[i-1])
		}
	}
}
