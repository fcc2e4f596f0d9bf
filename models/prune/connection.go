package prune

import (
	"fmt"
	"math"

	"espalier/models"
)

// checkConnections is the check of methods that mask weights.
func checkConnections(net *models.Network, o Options) error {
	bySparsity, byQuality := o.Sparsity != 0 || len(o.Layers) > 0, len(o.Quality) > 0
	if bySparsity == byQuality {
		if !takes(o.Method, OptionQuality) {
			return fmt.Errorf("method %s takes a sparsity between 0 and 1", o.Method)
		}
		return fmt.Errorf("method %s takes either a sparsity between 0 and 1 or a quality, exactly one of the two", o.Method)
	}
	for _, p := range pools(net, o) {
		if byQuality {
			if p.quality(o) == 0 {
				return fmt.Errorf("quality: %s has none and there is no %s; give it one or exclude it", p, defaultQuality)
			}
			continue
		}
		share := p.sparsity(o)
		if share == 0 {
			return fmt.Errorf("layers: %s has no sparsity; give it one, set sparsity for all, or exclude it", p)
		}
		// Even the best case needs a weight in each layer.
		if most := p.size() - len(p); removed(p.size(), share) > most {
			return p.tooSparse(share, most)
		}
	}
	return nil
}

// connectionPlan masks the weights with the smallest scores.
func connectionPlan(net *models.Network, o Options, by criterion) (*Plan, error) {
	chosen := map[string]*candidate{}
	for _, p := range pools(net, o) {
		if err := p.choose(o, by); err != nil {
			return nil, err
		}
		for _, c := range p {
			chosen[c.param.Name] = c
		}
	}
	return newPlan(net, o, chosen), nil
}

// choose removes what the options want of this pool.
func (p pool) choose(o Options, by criterion) error {
	p.score(by)
	quality, share := p.quality(o), p.sparsity(o)
	if quality > 0 {
		p.removeBelow(quality * deviation(p))
	} else {
		p.removeTo(p.size() - removed(p.size(), share))
	}
	for _, c := range p {
		switch {
		case kept(c.stays) > 0:
		case kept(present(c.param)) == 0:
			return fmt.Errorf("layer %s has no weights left to prune", c.param.Node)
		case quality > 0:
			p.score(by)
			return p.tooCoarse(quality)
		default:
			p.score(by)
			return p.tooSparse(share, p.removable())
		}
	}
	return nil
}

// sparsity is the pool's target, 0 if it has none.
func (p pool) sparsity(o Options) float64 {
	if share, ok := o.Layers[p[0].param.Node]; ok {
		return share
	}
	return o.Sparsity
}

// quality is the pool's quality, 0 if it has none.
func (p pool) quality(o Options) float64 {
	if q, ok := o.Quality[p[0].param.Node]; ok {
		return q
	}
	return o.Quality[defaultQuality]
}

// removed is the number of weights, of n, that a sparsity masks.
func removed(n int, sparsity float64) int { return int(math.Round(sparsity * float64(n))) }

func (p pool) tooSparse(share float64, most int) error {
	n := p.size()
	return fmt.Errorf("sparsity %g of %s would mask %d of %d weights and leave a layer empty; at most %d can go, sparsity %g",
		share, p, removed(n, share), n, most, math.Floor(1e6*float64(most)/float64(n))/1e6)
}

func (p pool) tooCoarse(quality float64) error {
	most := math.Inf(1)
	for _, c := range p {
		if best, _, ok := c.best(); ok {
			most = min(most, float64(best)/deviation(p))
		}
	}
	return fmt.Errorf("quality %g of %s would leave a layer without weights; at most %g leaves one in each",
		quality, p, math.Floor(1e3*most)/1e3)
}

// deviation is the standard deviation of the pool's non-zero weights about
// their mean, dividing by their number; 0 if there are none.
func deviation(p pool) float64 {
	mean, n := 0.0, 0
	p.eachNonZero(func(w float64) { mean += w; n++ })
	if n == 0 {
		return 0
	}
	mean /= float64(n)
	sum := 0.0
	// The conversion keeps the product from being fused with the addition,
	// which would round differently on other processors.
	p.eachNonZero(func(w float64) { sum += float64((w - mean) * (w - mean)) })
	return math.Sqrt(sum / float64(n))
}

func (p pool) eachNonZero(do func(w float64)) {
	for _, c := range p {
		for _, w := range c.param.Data {
			if w != 0 {
				do(float64(w))
			}
		}
	}
}
