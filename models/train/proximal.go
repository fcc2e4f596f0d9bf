package train

import (
	"fmt"

	"espalier/models"
	"espalier/models/engine/kernel"
)

// Proximal is the penalty Lambda*|w| on every element of one parameter, taken
// as a proximal step and not by its gradient: after each optimizer step of
// learning rate lr the parameter w becomes
//
//	sign(w) * max(|w| - lr*Lambda, 0)
//
// which leaves exact zeros (ISTA; Ye et al. 2018, section 4, on the gammas of
// batch normalization). It comes besides weight decay, L1 and L2 where those
// act on the parameter too, which the paper's do not.
type Proximal struct {
	Param  string  // its name: "bn1.gamma"
	Lambda float64 // the paper's rho times lambda of the layer, at least 0
}

func validProximal(steps []Proximal) error {
	seen := make(map[string]bool, len(steps))
	for _, p := range steps {
		if seen[p.Param] {
			return fmt.Errorf("proximal: parameter %q is named twice", p.Param)
		}
		seen[p.Param] = true
		if err := notNegative("proximal: parameter "+p.Param+": ", setting{"lambda", p.Lambda}); err != nil {
			return err
		}
	}
	return nil
}

// lambdas are those of each parameter of net. A name that no trained parameter
// has is an error.
func lambdas(steps []Proximal, net *models.Network) ([]float64, error) {
	of := make(map[string]float64, len(steps))
	for _, s := range steps {
		p := net.Param(s.Param)
		switch {
		case p == nil:
			return nil, fmt.Errorf("proximal: network %s has no parameter %q", net.Name, s.Param)
		case !p.Role.Trained():
			return nil, fmt.Errorf("proximal: parameter %s is not trained", s.Param)
		}
		of[s.Param] = s.Lambda
	}
	all := make([]float64, len(net.Params))
	for i, p := range net.Params {
		all[i] = of[p.Name]
	}
	return all, nil
}

// shrink takes the parameter's proximal step, if it has one.
func (p *trained) shrink(lr float64) {
	if p.lambda > 0 {
		kernel.SoftThreshold(p.Value, float32(lr*p.lambda))
	}
}

// settle makes averages 0 where the parameter itself is: an average of a weight
// that reached 0 comes near it and no further.
func (p *trained) settle(average []float32) {
	if p.lambda == 0 {
		return
	}
	for i, w := range p.Value {
		if w == 0 {
			average[i] = 0
		}
	}
}
