package reconstruct

import (
	"context"
	"fmt"
	"math"
	"slices"

	"espalier/models"
)

// choice fits the readers to what is left without the units.
func (s *system) choice(ctx context.Context, gone []int, fitted func(*fit, context.Context) error) (*Choice, error) {
	c := &Choice{Gone: slices.Clone(gone), Values: map[string][]float32{}}
	drop := make([]bool, len(s.Alive))
	for i, u := range s.Alive {
		_, drop[i] = slices.BinarySearch(gone, u)
	}
	c.Error = s.all.without(drop)
	c.Refitted = c.Error
	heard, refitted := 0, 0.0
	for _, r := range s.readers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := r.newFit(drop)
		if s.Reconstruct {
			if err := fitted(f, ctx); err != nil {
				return nil, fmt.Errorf("layer %s: %w", r.node.Name, err)
			}
			if total := r.total(); total > 0 {
				heard, refitted = heard+1, refitted+f.error()/total
			}
		}
		if err := f.write(c.Values); err != nil {
			return nil, fmt.Errorf("layer %s: %w", r.node.Name, err)
		}
	}
	if heard > 0 {
		c.Refitted = refitted / float64(heard)
	}
	return c, nil
}

// takesIntercept says whether a filter's intercept has a place to go to.
func (r *reader) takesIntercept(filter int) bool {
	return r.shifts != nil && (r.shifts.Mask == nil || r.shifts.Mask[filter])
}

// shifter is the parameter that an intercept is added to or, if it is a running
// mean, taken off; nil if there is none.
func (r *reader) shifter(net *models.Network) *models.Param {
	if bias := net.Param(r.node.Name + "." + string(models.RoleBias)); bias != nil || r.behind == nil {
		return bias
	}
	return net.Param(r.behind.Name + "." + string(models.RoleMean))
}

// write adds the reader's new values.
func (f *fit) write(values map[string][]float32) error {
	weight, width := slices.Clone(f.weight.Data), f.weight.Shape[1:].Size()
	for k := range f.filters() {
		for i, column := range f.live {
			if f.stays(k, i) {
				weight[k*width+column] = float32(f.weights.At(k, i))
			}
		}
	}
	if i := slices.IndexFunc(weight, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }); i >= 0 {
		return fmt.Errorf("the fitted weight %d is %g, no finite number", i, weight[i])
	}
	values[f.weight.Name] = weight
	shift := make([]float64, f.filters())
	for k := range shift {
		shift[k] = f.weights.At(k, f.columns())
	}
	if slices.ContainsFunc(shift, func(v float64) bool { return v != 0 }) {
		sign := 1.0
		if f.shifts.Role == models.RoleMean {
			sign = -1
		}
		moved := slices.Clone(f.shifts.Data)
		for k, v := range shift {
			moved[k] = float32(float64(moved[k]) + sign*v)
		}
		values[f.shifts.Name] = moved
	}
	return nil
}
