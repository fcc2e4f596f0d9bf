// Package channel finds out which channels of a network belong together, and
// takes them out.
//
// A filter cannot go alone. Batch normalization has a scale and a shift for its
// channel, every layer that reads it has weights for it, and where tensors are
// added the same channel must go from all of them. [Groups] derives this from
// the graph: it follows the channels from node to node and unites those that
// meet. What is united is a [Unit], the smallest thing that can be removed: so
// many rows, columns and entries of parameters. Units with the same producers
// are interchangeable, and form a [Group].
//
// # How channels flow
//
// Convolutions and linear layers make new channels of those that they read.
// Additions and products unite channel by channel; concatenation puts them side
// by side; flattening spreads each over height times width features. All else
// hands them on, a depthwise convolution too: its filter goes with the channel.
// A convolution in groups reads as many channels in each group, so that a
// channel goes together with those in its place in the other groups.
//
// What channel_select puts out are samples. Where they are added to channels of
// other layers, as on the padded shortcuts of residual networks, they are one
// with what they are taken from. Where layers alone read them they are units of
// their own, without producers: a sample may go while its original stays for
// other readers, and goes with it at the latest. [Branch] puts such a selection
// before a reader of a shared tensor.
//
// Channels of the input and of the output are fixed, and so are those that local
// response normalization sums over: it would see other neighbours.
//
// # What to do with a unit
//
// [Remove] builds the smaller network. [Zero] keeps every size and makes the
// channel count for nothing instead, by masks that hold through training; the
// two compute the same outputs. Both treat the channel as zero, which it need
// not be: one that batch normalization scales by 0 puts out a constant.
// [Constants] finds those, and [Absorb] first adds what they send to the biases
// behind them (Ye et al. 2018, section 4.1). [Penalties] and [Rescale] are for
// the training that makes scales 0. [Counter] says what is left of the
// cost, without building anything. [Compact] removes what pruned connections
// have left without a use.
//
// Nothing here chooses: that is package prune's.
package channel

import (
	"slices"

	"espalier/models"
)

// Set names units: the group's name, and the indices of its units in any order.
// It belongs to the network whose [Groups] it was made from: where units are
// removed, those of the smaller network are counted anew.
type Set map[string][]int

// Len is the number of units.
func (s Set) Len() int {
	n := 0
	for _, units := range s {
		n += len(units)
	}
	return n
}

// Group is the units that have the same producers.
type Group struct {
	// Name is the first producer, or what tells the group from another with the
	// same one: all producers joined by "+", or a prime. Units without a producer,
	// the network's input and what a channel_select takes or fills in, have that
	// node's name.
	Name      string
	Producers []string // convolutions and linear layers whose filters make the channels, in the network's order
	Consumers []string // convolutions and linear layers that read them, in the network's order
	Units     []Unit   // in the order of the filters of the first producer
}

// Free lists the units that are not fixed.
func (g Group) Free() []int {
	var free []int
	for i, u := range g.Units {
		if u.Fixed == "" {
			free = append(free, i)
		}
	}
	return free
}

// Why a unit is fixed.
const (
	FixedInput    = "input"    // the network is given it
	FixedOutput   = "output"   // the network is asked for it
	FixedLRN      = "lrn"      // local response normalization sums over neighbouring channels
	FixedExcluded = "excluded" // a producer is one of those that the caller excludes
)

// Unit is one removable channel with all that hangs on it.
type Unit struct {
	Fixed string // why it cannot be removed, or ""

	Filters    []Slice // rows of the producers' weights
	Depthwise  []Slice // rows of the weights of depthwise convolutions on the way
	Biases     []Slice // entries of the biases of both
	Gammas     []Slice // entries of scales of batch normalization
	Betas      []Slice // and of shifts
	Statistics []Slice // and of running means and variances
	Inputs     []Slice // columns of the consumers' weights, in grouped convolutions one for all groups

	// Places is where the channel is to be found: in the outputs of all nodes
	// that carry it, in the network's order.
	Places []Place
}

// Slices are all parts of parameters that go with the unit.
func (u Unit) Slices() []Slice {
	return slices.Concat(u.Filters, u.Depthwise, u.Biases, u.Gammas, u.Betas, u.Statistics, u.Inputs)
}

// Slice is part of a parameter: all elements that have one of the indices along
// the axis. Axis 0 is a weight's filter or output, and the only one of a vector.
// Axis 1 is what a weight reads.
type Slice struct {
	Node    string
	Param   string
	Role    models.Role
	Axis    int
	Indices []int // ascending
}

// Place is where a unit is in the output of a node.
type Place struct {
	Node     string
	Channels []int // ascending; features of a flat output
}

// Groups finds the network's channels, in the order of their producers. The
// units of excluded nodes, convolutions or linear layers, are fixed: their
// filters stay, though they may come to read less. It fails on a network that
// is not valid, and where an excluded node is not a layer with filters.
func Groups(net *models.Network, exclude ...string) ([]Group, error) {
	a, err := analyse(net, exclude)
	if err != nil {
		return nil, err
	}
	return a.groups, nil
}
