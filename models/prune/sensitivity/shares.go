package sensitivity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"espalier/models/prune"
)

// Shares are the shares by layer, as [prune.Options] have them, that each cost
// no more than drop of the accuracy of the whole network, 0.01 for a point of a
// hundred. A layer's is where its curve, drawn in straight lines from the whole
// network through the points, first falls lower; it ends with the last point.
// It is rounded down to whole channels and to a tenth of a percent, and layers
// of which nothing may go have none.
func (r *Report) Shares(drop float64) map[string]float64 {
	shares := map[string]float64{}
	for _, c := range r.Layers {
		// What a float64 makes of 0.9 - 0.89 is not to decide.
		if share := c.bears(r.Accuracy, r.Accuracy-drop-1e-9); share > 0 {
			shares[c.Layer] = share
		}
	}
	return shares
}

// bears is the share at which the curve, which begins at accuracy, falls below
// the lowest accuracy that is allowed.
func (c Curve) bears(accuracy, lowest float64) float64 {
	share := 0.0
	for _, p := range c.Points {
		at := c.Removed(p)
		if p.Accuracy < lowest {
			share += (at - share) * (accuracy - lowest) / (accuracy - p.Accuracy)
			break
		}
		share, accuracy = at, p.Accuracy
	}
	whole := math.Floor(share*float64(c.Size) + 1e-9)
	return math.Floor(1000*whole/float64(c.Size)+1e-9) / 1000
}

// Read reads a report from JSON, in which there may be more than that, and
// checks it: an error says what no scan would have written.
func Read(from io.Reader) (*Report, error) {
	r := &Report{}
	if err := json.NewDecoder(from).Decode(r); err != nil {
		return nil, fmt.Errorf("no report of sensitivity: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("no report of sensitivity: %w", err)
	}
	return r, nil
}

func (r *Report) check() error {
	about, err := prune.Describe(r.Method)
	if err != nil {
		return err
	}
	if !slices.Contains(about.Granularities, r.Granularity) {
		return fmt.Errorf("granularity %q of method %s; allowed are %s", r.Granularity, r.Method, strings.Join(about.Granularities, ", "))
	}
	if !isShare(r.Accuracy) {
		return fmt.Errorf("accuracy %g is not in 0 to 1", r.Accuracy)
	}
	if len(r.Layers) == 0 {
		return errors.New("it has no layers")
	}
	seen := map[string]bool{}
	for i, c := range r.Layers {
		if c.Layer == "" || seen[c.Layer] {
			return fmt.Errorf("layer %d has the name %q, want one of its own", i+1, c.Layer)
		}
		seen[c.Layer] = true
		if err := c.check(); err != nil {
			return fmt.Errorf("layer %s: %w", c.Layer, err)
		}
	}
	return nil
}

func (c Curve) check() error {
	if c.Size < 1 {
		return fmt.Errorf("size %d is not at least 1", c.Size)
	}
	before := 0
	for _, p := range c.Points {
		if p.Removed < before || p.Removed > c.Size {
			return fmt.Errorf("%d removed of %d, after %d", p.Removed, c.Size, before)
		}
		if !isShare(p.Accuracy) {
			return fmt.Errorf("accuracy %g is not in 0 to 1", p.Accuracy)
		}
		before = p.Removed
	}
	return nil
}

// isShare is written so that NaN is none.
func isShare(x float64) bool { return x >= 0 && x <= 1 }
