package prune

import (
	"math"

	"espalier/models"
)

// adjustDropout plans lower dropout rates: a thinner layer is regularized by
// its sparsity already. Han et al. 2015, section 3.2: D_r = D_o sqrt(C_r / C_o),
// with C the connections of the layer before the dropout. The plan takes the
// rate and the connections of the pass before for D_o and C_o; over passes the
// factors multiply to the formula over the whole, so that nobody need remember
// the first rate.
func (p *Plan) adjustDropout(net *models.Network) {
	source := sources(net)
	for _, node := range net.Nodes {
		if node.Op != models.OpDropout || node.Attrs.Rate == 0 {
			continue
		}
		for _, l := range p.Layers {
			if l.Name == source[node.Name].layer && l.After < l.Before {
				rate := node.Attrs.Rate * math.Sqrt(share(l.After, l.Before))
				p.Dropout = append(p.Dropout, Dropout{Node: node.Name, From: node.Attrs.Rate, To: rate})
			}
		}
	}
}
