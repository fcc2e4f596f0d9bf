package config

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"espalier/models"
)

// Penalty holds the coefficients of a regularizer for each kind of parameter.
// In YAML and JSON a bare number is short for that of the weights.
type Penalty struct {
	Weights float64  `json:"weights,omitempty" yaml:"weights" bare:"true" default:"0" range:"[0,)" doc:"Coefficient for the weights of linear layers and convolutions."`
	Biases  float64  `json:"biases,omitempty" yaml:"biases" default:"0" range:"[0,)" doc:"Coefficient for their biases."`
	Gamma   float64  `json:"gamma,omitempty" yaml:"gamma" default:"0" range:"[0,)" doc:"Coefficient for the scales of batch normalization; with l1 this is network slimming (Liu et al. 2017)."`
	Beta    float64  `json:"beta,omitempty" yaml:"beta" default:"0" range:"[0,)" doc:"Coefficient for the shifts of batch normalization."`
	Only    []string `json:"only,omitempty" yaml:"only,omitempty" example:"[conv*, fc1]" doc:"Only the layers with these names; * stands for any letters, ? for one. All layers when left out."`
}

// plainPenalty has no methods.
type plainPenalty Penalty

// IsZero says whether there is no penalty.
func (p Penalty) IsZero() bool {
	return p.Weights == 0 && p.Biases == 0 && p.Gamma == 0 && p.Beta == 0 && len(p.Only) == 0
}

// MarshalJSON writes a penalty on the weights alone as a number, which is how
// it was written before there were others.
func (p Penalty) MarshalJSON() ([]byte, error) {
	if (Penalty{Biases: p.Biases, Gamma: p.Gamma, Beta: p.Beta, Only: p.Only}).IsZero() {
		return json.Marshal(p.Weights)
	}
	return json.Marshal(plainPenalty(p))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Penalty) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '{' {
		*p = Penalty{}
		return json.Unmarshal(data, &p.Weights)
	}
	return json.Unmarshal(data, (*plainPenalty)(p))
}

// The words for the roles of trained parameters.
func roles() []string { return []string{"weights", "biases", "gamma", "beta"} }

// Role is the role of package models that a word of weight_decay_on means.
func Role(word string) models.Role {
	switch word {
	case "weights":
		return models.RoleWeight
	case "biases":
		return models.RoleBias
	default:
		return models.Role(word)
	}
}

// completeOptimizer leaves out a weight_decay_on that says what is so anyway.
func completeOptimizer(o Optimizer) {
	shorten := func(on *[]string) {
		slices.Sort(*on)
		if *on = slices.Compact(*on); slices.Equal(*on, []string{"weights"}) || len(*on) == 0 {
			*on = nil
		}
	}
	if o.SGD != nil {
		shorten(&o.SGD.WeightDecayOn)
	}
	for _, adam := range []*Adam{o.Adam, o.AdamW} {
		if adam != nil {
			shorten(&adam.WeightDecayOn)
		}
	}
}

// IsZero says whether nothing is said about the course of the learning rate.
func (s Schedule) IsZero() bool {
	return s.Kind == "" && s.Warmup == 0 && s.Every == 0 && len(s.At) == 0 && s.Factor == 0 && s.Final == 0
}

// checkPenalties notes patterns of only that pick no layer.
func (d *decoder) checkPenalties(around string, s *Spec, l1, l2 *Penalty) {
	if d.faulty("network", around+".l1", around+".l2") {
		return
	}
	net, err := outline(s.Network)
	if err != nil {
		return // noted by checkNetwork, or only known when the file is read
	}
	for _, penalty := range []struct {
		key string
		*Penalty
	}{{"l1", l1}, {"l2", l2}} {
		if penalty.Penalty == nil {
			continue
		}
		for i, pattern := range penalty.Only {
			d.checkPattern(index(join(join(around, penalty.key), "only"), i), pattern, net)
		}
	}
}

func (d *decoder) checkPattern(at, pattern string, net *models.Network) {
	var names []string
	for _, p := range net.Params {
		match, err := path.Match(pattern, p.Node)
		if err != nil {
			d.note(at, "%q is not a pattern; write * for any letters and ? for one", clipped(pattern))
			return
		}
		if match && p.Role.Trained() {
			return
		}
		names = append(names, p.Node)
	}
	d.note(at, "the network has no such layer with parameters; %s", suggestion(pattern, slices.Compact(names)))
}

func joined(words []string) string { return strings.Join(words, ", ") }

// listed is "a, b and c".
func listed(words []string) string {
	if last := len(words) - 1; last > 0 {
		return joined(words[:last]) + " and " + words[last]
	}
	return joined(words)
}
