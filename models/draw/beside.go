package draw

import (
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"espalier/models"
	"espalier/models/measure"
)

// besideGap is between the two networks.
const besideGap = 3 * stripGap

// Beside writes the picture of a network and, at its right, of what pruning made
// of it. Layers are the same if their names are. It fails on networks that are
// not valid, and where w does.
func Beside(w io.Writer, before, after *models.Network) error {
	old, err := measure.Layers(before)
	if err != nil {
		return err
	}
	now, err := measure.Layers(after)
	if err != nil {
		return err
	}
	left, right := describe(before, old), describe(after, now)
	compare(left, right, old, now)
	p := &picture{Style: style}
	p.Title = "before: " + p.add(before, old, left, margin)
	p.Title += "; after: " + p.add(after, now, right, p.right+besideGap)
	return p.write(w, after.Name)
}

// compare marks what is gone, and how much of the rest stayed.
func compare(left, right []*node, old, now []measure.Layer) {
	at := make(map[string]int, len(right))
	for i, n := range right {
		at[n.name] = i
	}
	for i, n := range left {
		j, ok := at[n.name]
		if !ok {
			n.class += " gone"
			continue
		}
		if old[i].Weights == 0 {
			continue
		}
		r := right[j]
		r.compared, r.kept = true, float64(now[j].NonZeroWeights)/float64(old[i].Weights)
		r.detail = fmt.Sprintf("%s · %s of %s weights, %.1f %%", size(now[j].Out),
			humanize.Comma(now[j].NonZeroWeights), humanize.Comma(old[i].Weights), 100*r.kept)
		r.tip += fmt.Sprintf("; %s of %s weights stayed", humanize.Comma(now[j].NonZeroWeights), humanize.Comma(old[i].Weights))
	}
}

// barHeight is that of the bar at the foot of a box.
const barHeight = 4

// bar shows how much of a layer stayed, in a box of that place.
func (n *node) bar(left, top, width float64) []any {
	foot := top + boxHeight - barHeight
	return []any{
		rect{X: left, Y: foot, Width: width, Height: barHeight, Radius: 1, Class: "lost"},
		rect{X: left, Y: foot, Width: width * min(1, n.kept), Height: barHeight, Radius: 1, Class: "kept"},
	}
}
