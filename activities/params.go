package activities

import (
	"espalier/config"
	"espalier/models/checkpoint"
)

// KeyParams is what determines a training's numbers beyond its parent, its kind,
// its seed and the engine. It is part of step keys, and so frozen.
func (in TrainInput) KeyParams() any {
	how := in.Train
	if how.Distill != nil { // the teacher is in the key by itself, whoever named it
		d := *how.Distill
		d.Teacher, how.Distill = "", &d
	}
	return struct {
		Data       string
		Train      config.Train
		Samples    int
		Validation int
		Augment    config.Augment    `json:",omitzero"`
		Teacher    checkpoint.Digest `json:",omitempty"`
		Until      int               `json:",omitempty"`
		Tied       *Tying            `json:",omitempty"`
	}{in.DataDigest, how, in.Data.Train, in.Data.Validation, in.Data.Augment, in.Teacher, in.Until, in.Tied}
}

// KeyParams is what determines a pruning's numbers beyond its parent and the
// engine. It is part of step keys, and so frozen.
func (in PruneInput) KeyParams() any { return in.params(in.options()) }

// KeyParams is what determines a quantization's numbers beyond its parent, its
// seed and the engine. It is part of step keys, and so frozen.
func (in QuantizeInput) KeyParams() any {
	q := in.Quantize
	return struct {
		Method   string
		Bits     map[string]int
		Exclude  []string `json:",omitempty"`
		Init     string   `json:",omitempty"`
		Biases   int      `json:",omitempty"`
		Codebook int      `json:",omitempty"`
		Portion  float64  `json:",omitempty"`
	}{q.Method, q.Bits, q.Exclude, q.Init, q.Biases, q.Codebook, in.Portion}
}

// KeyParams is what determines an evaluation's numbers beyond its parent and
// the engine. It is part of step keys, and so frozen.
func (in EvaluateInput) KeyParams() any {
	return struct {
		Data    string
		Batch   int
		Latency bool `json:",omitempty"`
	}{in.DataDigest, evaluationBatch, in.Latency}
}
