package prune

import (
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// candidate is one layer's weights while a selection is made.
type candidate struct {
	param     *models.Param
	scores    []float32
	stays     []bool  // starts as the present mask and only loses
	threshold float64 // of the selection that was made, for people
}

// score readies the pool's candidates for a selection, from the start.
func (p pool) score(by criterion) {
	for _, c := range p {
		c.scores, c.stays = by(c.param), present(c.param)
	}
}

// present is a copy of the parameter's mask, all true where it has none.
func present(p *models.Param) []bool {
	if p.Mask != nil {
		return slices.Clone(p.Mask)
	}
	return slices.Repeat([]bool{true}, len(p.Data))
}

// pool is the weights that compete with each other: one layer's, or all.
type pool []*candidate

// pools divides the layers that are not excluded by scope, not yet scored.
func pools(net *models.Network, o Options) []pool {
	var all pool
	var each []pool
	for _, p := range prunable(net) {
		if !slices.Contains(o.Exclude, p.Node) {
			c := &candidate{param: p}
			all, each = append(all, c), append(each, pool{c})
		}
	}
	if o.Scope == ScopeGlobal {
		return []pool{all}
	}
	return each
}

// String names the pool in errors.
func (p pool) String() string {
	if len(p) == 1 {
		return "layer " + p[0].param.Node
	}
	return fmt.Sprintf("%d layers together", len(p))
}

// removeTo leaves exactly keep weights of the pool, those with the largest
// scores, or what is left of it if that is less already. Of equal scores the
// one that stands first stays: earlier layers, then earlier positions.
func (p pool) removeTo(keep int) {
	ranked := p.scoresLeft()
	remove := max(0, len(ranked)-keep)
	if keep <= 0 || len(ranked) == 0 {
		return
	}
	slices.Sort(ranked)
	// Everything below the k-th smallest goes, and of its equals the last ones.
	smallestKept := ranked[remove]
	first, _ := slices.BinarySearch(ranked, smallestKept)
	ties := remove - first
	for _, c := range slices.Backward(p) {
		c.threshold = float64(smallestKept)
		for i := len(c.stays) - 1; i >= 0; i-- {
			switch {
			case !c.stays[i] || c.scores[i] > smallestKept:
			case c.scores[i] < smallestKept:
				c.stays[i] = false
			case ties > 0:
				c.stays[i] = false
				ties--
			}
		}
	}
}

// removeBelow removes the weights whose score is below the threshold.
func (p pool) removeBelow(threshold float64) {
	for _, c := range p {
		c.threshold = threshold
		for i, score := range c.scores {
			c.stays[i] = c.stays[i] && float64(score) >= threshold
		}
	}
}

// scoresLeft are the scores of the weights that stay, in no useful order.
func (p pool) scoresLeft() []float32 {
	var left []float32
	for _, c := range p {
		for i, score := range c.scores {
			if c.stays[i] {
				left = append(left, score)
			}
		}
	}
	return left
}

// size is the number of weights, masked ones included.
func (p pool) size() int {
	n := 0
	for _, c := range p {
		n += c.param.Shape.Size()
	}
	return n
}

// removable is how many of the pool's weights can be masked in the order of
// removeTo before one of its layers has none left.
func (p pool) removable() int {
	masked := p.size() - len(p.scoresLeft())
	most := p.size()
	for at, c := range p {
		if best, i, ok := c.best(); ok {
			most = min(most, masked+p.before(best, at, i))
		}
	}
	return most
}

// best is the weight that goes last: its score and position.
func (c *candidate) best() (score float32, position int, ok bool) {
	score = float32(math.Inf(-1))
	for i, s := range c.scores {
		if c.stays[i] && s > score {
			score, position, ok = s, i, true
		}
	}
	return score, position, ok
}

// before counts the weights that go before the one at (layer, position).
func (p pool) before(score float32, layer, position int) int {
	n := 0
	for at, c := range p {
		for i, s := range c.scores {
			later := at > layer || (at == layer && i > position)
			if c.stays[i] && (s < score || (s == score && later)) {
				n++
			}
		}
	}
	return n
}

// kept counts the weights that stay.
func kept(stays []bool) int {
	n := 0
	for _, s := range stays {
		if s {
			n++
		}
	}
	return n
}
