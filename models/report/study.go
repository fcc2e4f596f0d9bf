package report

import "espalier/models/measure"

// Study is what a report is of: runs and sweeps, with all that they stand on,
// in plain values. The same study makes the same bytes.
type Study struct {
	Title   string
	Version string // of the program that writes the report
	Parts   []Part // in the order in which they are told
}

// Part is a run, or a sweep with its trials.
type Part struct {
	ID    string
	Name  string
	Sweep bool
	State string
	Over  string // why a sweep began no more trials
	Facts []Fact // what was run and on what, in words
	// Network is the architecture, in words.
	Network string

	Seeds    []uint64
	Data     Data
	Machines []Machine // the most used first
	// Told and Steps say of how many steps, by their journals, the machines are known.
	Told, Steps int

	Objectives []Objective // the first decides where one must
	Trials     []Trial     // a run is one trial
	LeftOut    int         // trials that are not told

	File  string   // what commands call the spec
	Spec  string   // as YAML
	Needs []string // what else is needed to do the steps again, in words
	// Best is the trial whose layers are told, -1 if there are none.
	Best   int
	Layers []Layer
	Packed int64 // bytes of the best trial's network as a packed model, 0 if not known
}

// Fact is a line of what was run.
type Fact struct{ Name, Value string }

// Data is a data set and how much of it is used.
type Data struct {
	Name       string
	Digest     string // of its content, empty if not known
	Classes    int    // 0 if not known
	Validation int    // samples that are held out of training
}

// Machine is what computed steps.
type Machine struct {
	Engine, CPU, BLAS string
	Threads           int
	Versions          []string // of the program, in order
	Steps             int
}

// Objective is what trials are compared by, under its name in a spec.
type Objective struct {
	Name     string
	Maximize bool
}

// Setting is what a trial sets at a path of the spec.
type Setting struct{ Path, Value string }

// Trial is a choice of values with its seed, and what it reached.
type Trial struct {
	Run      string
	Number   int // in its sweep
	Settings []Setting
	Seed     uint64
	State    string
	Why      string // it failed, or ended early
	Passes   []Pass
	// Command does its steps again, empty where none does.
	Command string
}

// Last is the last pass that was kept, nil if there is none.
func (t *Trial) Last() *Pass {
	for i := len(t.Passes) - 1; i >= 0; i-- {
		if t.Passes[i].Kept {
			return &t.Passes[i]
		}
	}
	return nil
}

// First is the dense network, nil where it is not known.
func (t *Trial) First() *Pass {
	if len(t.Passes) == 0 || t.Passes[0].Number > 0 {
		return nil
	}
	return &t.Passes[0]
}

// Pass is what a pass of a trial ended with. Shares are from 0 to 1. Counts
// and bytes are 0 where they are not known.
type Pass struct {
	Number  int
	Network string // dense, pruned or quantized
	Kept    bool

	Accuracy, Low, High float64 // on the test set, with its 95 % Wilson interval
	Validation          float64 // accuracy on held-out samples, 0 without any
	Loss                float64 // nats
	Sparsity            float64

	Weights, NonZero, Params int64 // weights that there are and remain; parameters that remain
	MACs, EffectiveMACs      int64 // of one sample; with weights that are not 0

	DenseBytes, CSRBytes                  int64
	PrunedBytes, CodedBytes, HuffmanBytes int64 // of quantized networks, by the rules of Han et al. 2016
	FileBytes                             int64 // of the checkpoint

	Latency    float64 // seconds for one sample, 0 if it was not measured
	Checkpoint string  // digest
}

// Layer is a layer of the best trial: in its dense network and in its last.
type Layer struct {
	Name, Op string
	Before   measure.Amounts // zero where it was not there or is not known
	After    measure.Amounts
	Packed   int64 // bytes in the packed model
}

// gone is the share of the layer's weights that are not there or 0, in percent.
func (l *Layer) gone() string {
	if l.Before.Weights == 0 {
		return unknown
	}
	return shared(1 - float64(l.After.NonZeroWeights)/float64(l.Before.Weights))
}

// Reached is the value of an objective, as the sweep compares it; known is
// false where it was not measured.
func (p *Pass) Reached(objective string) (value float64, known bool) {
	switch objective {
	case "accuracy":
		if p.Validation > 0 {
			return p.Validation, true
		}
		return p.Accuracy, true
	case "sparsity":
		return p.Sparsity, true
	case "loss":
		return p.Loss, true
	case "parameters":
		value = float64(p.Params)
	case "nonzero_weights":
		value = float64(p.NonZero)
	case "effective_macs":
		value = float64(p.EffectiveMACs)
	case "bytes":
		value = float64(p.smallest())
	case "latency":
		value = p.Latency
	}
	return value, value > 0
}

// smallest is the network's bytes in the smallest form that was counted.
func (p *Pass) smallest() int64 { return measure.Smallest(p.DenseBytes, p.CSRBytes, p.HuffmanBytes) }

// Better is the trial whose last network is the best by the objectives, each
// deciding where those before are equal; -1 if no trial has any.
func Better(trials []Trial, objectives []Objective) int {
	best := -1
	for i := range trials {
		if trials[i].Last() != nil && (best < 0 || trials[i].Last().beats(trials[best].Last(), objectives)) {
			best = i
		}
	}
	return best
}

func (p *Pass) beats(q *Pass, objectives []Objective) bool {
	for _, o := range objectives {
		a, _ := p.Reached(o.Name)
		b, _ := q.Reached(o.Name)
		if a != b {
			return a > b == o.Maximize
		}
	}
	return false
}
