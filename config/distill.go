package config

// Distill is what a network learns from the one that it was made of after
// Hinton et al. 2015, "Distilling the knowledge in a neural network".
type Distill struct {
	Weight      float64 `json:"weight" yaml:"weight" default:"90%" unit:"fraction" range:"(0,1]" doc:"Share of the loss that compares with the teacher's outputs; the rest compares with the labels."`
	Temperature float64 `json:"temperature" yaml:"temperature" default:"4" range:"(0,)" doc:"What the outputs of both are divided by before they are compared: the higher, the more the small probabilities count."`
	Teacher     string  `json:"teacher,omitempty" yaml:"teacher,omitempty" pattern:"[0-9a-f]{64}" example:"a8f0fa6670074ac5e81bcc9cbf18fd336c949db00e5966b3621f68c2025e9d77" doc:"Digest of a checkpoint in the store whose network is learned from instead, of any architecture for the same data."`
}

// Teacher is a checkpoint that a training learns from, and the key that names it.
type Teacher struct {
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"`
}

// Teachers are those that s names.
func (s *Spec) Teachers() []Teacher {
	var named []Teacher
	note := func(section string, d *Distill) {
		if d != nil && d.Teacher != "" {
			named = append(named, Teacher{section + ".distill.teacher", d.Teacher})
		}
	}
	if s.Prune != nil {
		note("prune.finetune", s.Prune.Finetune.Distill)
	}
	if s.Quantize != nil {
		note("quantize.finetune", s.Quantize.Finetune.Distill)
	}
	return named
}

// TaughtBy is s with a checkpoint as the teacher of what would learn from the
// dense network: of a run that begins with a network that was pruned before.
func (s *Spec) TaughtBy(dense string) *Spec {
	if s.Prune == nil || s.Prune.Finetune.Distill == nil || s.Prune.Finetune.Distill.Teacher != "" {
		return s
	}
	out, p, d := *s, *s.Prune, *s.Prune.Finetune.Distill
	d.Teacher = dense
	p.Finetune.Distill = &d
	out.Prune = &p
	return &out
}
