package reconstruct

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"espalier/models"
)

// other marks columns that belong to none of the units to choose from.
const other = -1

// reader is a layer that reads the group's channels, and its equations. A linear
// layer is a convolution of one pixel here.
type reader struct {
	node   models.Node
	weight *models.Param // the current one
	image  models.Shape  // of what it reads: C x H x W
	out    models.Shape
	// live are the columns of the weight that are not masked in every filter, and
	// unit is for each the unit that it reads, an index of Problem.Alive, or other.
	live, unit []int
	behind     *models.Node  // the batch normalization that alone follows, or nil
	scale      []float64     // what it multiplies each filter by; 0 for filters that are gone
	shifts     *models.Param // what takes up an intercept, or nil
	side       []string      // nodes that are added to the layer's output, if their error counts
	points     []int32       // positions of the output, perImage for each image
	perImage   int

	// The equations: targets row by row and, once they are summed, products. The
	// last column of the patches is 1, for the intercept.
	targets []float32
	gram    *mat.Dense // live+1 x live+1
	cov     *mat.Dense // live+1 x filters
	energy  []float64  // sum of the squared targets of each filter
	own     *quadratic // nil if all targets are zero
}

// columns is the number of columns of the equations, without the intercept's.
func (r *reader) columns() int { return len(r.live) }

func (r *reader) filters() int { return r.weight.Shape[0] }

// newReader finds what belongs to one of the group's consumers.
func newReader(p Problem, shapes map[string]models.Shape, name string) (*reader, error) {
	node, ok := p.Current.Node(name)
	if !ok {
		return nil, fmt.Errorf("network %s has no layer %q, which is to read its channels", p.Current.Name, name)
	}
	if g := node.Attrs.Defaults().Groups; g != 1 {
		return nil, fmt.Errorf("layer %s: a convolution in %d groups cannot be reconstructed", name, g)
	}
	r := &reader{
		node: node, weight: p.Current.Param(name + "." + string(models.RoleWeight)),
		image: pixels(shapes[node.Inputs[0]]), out: pixels(shapes[name]),
	}
	r.columnsOf(p)
	r.behind = normBehind(p.Current, node)
	r.scale, r.shifts = r.scales(p.Current), r.shifter(p.Current)
	if p.Residual {
		r.side = r.sides(p)
	}
	r.draw(p)
	return r, nil
}

// pixels is the shape as an image.
func pixels(s models.Shape) models.Shape {
	if len(s) == 1 {
		return models.Shape{s[0], 1, 1}
	}
	return s
}

// columnsOf finds the live columns and whose they are.
func (r *reader) columnsOf(p Problem) {
	taps := r.weight.Shape[2:].Size()
	owner := slices.Repeat([]int{other}, r.weight.Shape[1])
	for i, u := range p.Alive {
		for _, s := range p.Group.Units[u].Inputs {
			if s.Param == r.weight.Name {
				for _, index := range s.Indices {
					owner[index] = i
				}
			}
		}
	}
	width := r.weight.Shape[1:].Size()
	for c := range width {
		if r.anyLive(c, width) {
			r.live, r.unit = append(r.live, c), append(r.unit, owner[c/taps])
		}
	}
}

func (r *reader) anyLive(column, width int) bool {
	if r.weight.Mask == nil {
		return true
	}
	for at := column; at < len(r.weight.Mask); at += width {
		if r.weight.Mask[at] {
			return true
		}
	}
	return false
}

// stays says whether the weight of a filter for a live column is not masked.
func (r *reader) stays(filter, column int) bool {
	return r.weight.Mask == nil || r.weight.Mask[filter*r.weight.Shape[1:].Size()+r.live[column]]
}

// normBehind is the batch normalization that is all that reads the node.
func normBehind(net *models.Network, node models.Node) *models.Node {
	if next := soleReader(net, node.Name); next != nil && next.Op == models.OpBatchNorm {
		return next
	}
	return nil
}

// soleReader is the node that alone reads the named one, or nil.
func soleReader(net *models.Network, name string) *models.Node {
	var found *models.Node
	for i := range net.Nodes {
		if slices.Contains(net.Nodes[i].Inputs, name) {
			if found != nil {
				return nil
			}
			found = &net.Nodes[i]
		}
	}
	return found
}

// scales are the filters' factors behind the layer.
func (r *reader) scales(net *models.Network) []float64 {
	scale := slices.Repeat([]float64{1}, r.filters())
	width := r.weight.Shape[1:].Size()
	var gamma, variance *models.Param
	if r.behind != nil {
		gamma = net.Param(r.behind.Name + "." + string(models.RoleGamma)) // nil without a scale
		variance = net.Param(r.behind.Name + "." + string(models.RoleVariance))
	}
	for f := range scale {
		if variance != nil {
			scale[f] = 1 / math.Sqrt(float64(variance.Data[f])+r.behind.Attrs.Defaults().Eps)
		}
		if gamma != nil {
			scale[f] *= float64(gamma.Data[f])
		}
		if m := r.weight.Mask; m != nil && !slices.Contains(m[f*width:(f+1)*width], true) {
			scale[f] = 0
		}
	}
	return scale
}

// sides are the other summands of the addition that the layer leads into, behind
// its normalization or directly. Those that another reader of the group makes
// are left out: both would correct one error.
func (r *reader) sides(p Problem) []string {
	end := r.node.Name
	if r.behind != nil {
		end = r.behind.Name
	}
	sum := soleReader(p.Current, end)
	if sum == nil || sum.Op != models.OpAdd {
		return nil
	}
	var side []string
	for _, input := range sum.Inputs {
		from, _ := p.Current.Node(input)
		if from.Op == models.OpBatchNorm {
			from, _ = p.Current.Node(from.Inputs[0])
		}
		if input != end && !slices.Contains(p.Group.Consumers, from.Name) {
			side = append(side, input)
		}
	}
	return side
}

// draw chooses the positions of each image, the same for all that is computed of
// this layer.
func (r *reader) draw(p Problem) {
	positions := r.out[1] * r.out[2]
	r.perImage = min(p.Points, positions)
	name := fnv.New64a()
	_, _ = name.Write([]byte(r.node.Name)) // never fails
	random := rand.New(rand.NewPCG(p.Seed, name.Sum64()))
	order := make([]int32, positions)
	for i := range order {
		order[i] = int32(i)
	}
	r.points = make([]int32, 0, p.N*r.perImage)
	for range p.N {
		for i := range r.perImage { // the first steps of a shuffle
			j := i + random.IntN(positions-i)
			order[i], order[j] = order[j], order[i]
		}
		r.points = append(r.points, order[:r.perImage]...)
	}
}
