package train

import (
	"fmt"
	"path"
	"slices"

	"espalier/models"
	"espalier/models/engine"
)

// Penalty holds the coefficients of one regularizer, one for each role of
// trained parameters. The zero value is none.
type Penalty struct {
	Weight, Bias, Gamma, Beta float64
	// Only, if not empty, restricts it to nodes whose name matches one of these
	// patterns in the syntax of path.Match: "conv*", "layer1.*".
	Only []string
}

func (p Penalty) of(role models.Role) float64 {
	switch role {
	case models.RoleWeight:
		return p.Weight
	case models.RoleBias:
		return p.Bias
	case models.RoleGamma:
		return p.Gamma
	case models.RoleBeta:
		return p.Beta
	default:
		return 0
	}
}

func (p Penalty) validate(name string) error {
	for _, pattern := range p.Only {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%s: only: pattern %q is malformed", name, pattern)
		}
	}
	return notNegative(name+": ", setting{"weight", p.Weight}, setting{"bias", p.Bias}, setting{"gamma", p.Gamma}, setting{"beta", p.Beta})
}

// coefficients are those of each parameter of net. A pattern that picks no
// trained parameter is an error: it was meant to pick one.
func (p Penalty) coefficients(name string, net *models.Network) ([]float32, error) {
	all := make([]float32, len(net.Params))
	used := make([]bool, len(p.Only))
	for i, q := range net.Params {
		if !q.Role.Trained() {
			continue
		}
		picked := len(p.Only) == 0
		for k, pattern := range p.Only {
			if ok, _ := path.Match(pattern, q.Node); ok {
				picked, used[k] = true, true
			}
		}
		if picked {
			all[i] = float32(p.of(q.Role))
		}
	}
	if k := slices.Index(used, false); k >= 0 {
		return nil, fmt.Errorf("%s: only: %q matches no layer with parameters of network %s", name, p.Only[k], net.Name)
	}
	return all, nil
}

// trained is a parameter that gradients move, and what pulls on it.
type trained struct {
	engine.Param
	l1, l2, decay float32
	lambda        float64 // of its proximal step
	tie           *tie    // what Param holds are centroids; nil if they are weights
}

// trainedParams are those of the session's parameters that are trained.
func (o Options) trainedParams(net *models.Network, params []engine.Param) ([]trained, error) {
	l1, err := o.L1.coefficients("l1", net)
	if err != nil {
		return nil, err
	}
	l2, err := o.L2.coefficients("l2", net)
	if err != nil {
		return nil, err
	}
	lambda, err := lambdas(o.Proximal, net)
	if err != nil {
		return nil, err
	}
	var all []trained
	for i, p := range params {
		if p.Role.Trained() {
			all = append(all, trained{p, l1[i], l2[i], o.Optimizer.decay(p.Role), lambda[i], nil})
		}
	}
	return all, tieUp(all, o.Ties, o.MeanGradient)
}

// decay is the weight decay of parameters of a role.
func (o Optimizer) decay(role models.Role) float32 {
	on := o.DecayOn
	if len(on) == 0 {
		on = []models.Role{models.RoleWeight}
	}
	if !slices.Contains(on, role) {
		return 0
	}
	return float32(o.WeightDecay)
}
