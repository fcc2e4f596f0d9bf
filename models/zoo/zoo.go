// Package zoo builds networks by name.
//
// An architecture is a function from [Options] to a graph with its parameters
// allocated and zero; [Init] then draws their first values. The two are apart
// because a checkpoint brings its own values: only the first step of a run
// draws any. Nothing here trains, and the package knows no data set: the input
// shape and the number of classes are told.
//
// # Architectures
//
// "lenet-300-100" is the classic network of the pruning papers (Han et al.
// 2015): linear layers of 300 and 100 neurons and one for the classes, ReLU
// between them, biases everywhere. Its published form reads 28x28 images and
// has 266,610 parameters; here the name fixes the hidden widths only, and any
// input and number of classes fit. "mlp" is the same with any hidden widths.
//
// Linear layers are called fc1, fc2, ... in order, the nodes between them
// relu1, drop1, relu2, ...
package zoo

import (
	"fmt"
	"strings"

	"espalier/models"
)

// Options choose an architecture and fit it to its data.
type Options struct {
	Arch    string       // one of Names
	Hidden  []int        // mlp only: widths of the hidden layers, first to last
	Dropout float64      // share of each hidden layer dropped in training, in [0, 1); 0 is none
	Input   models.Shape // of one sample, without the batch axis
	Classes int          // outputs, at least 2
}

// The limits keep a typing error from asking for more memory than there is:
// maxParams float32 values are 4 GiB.
const (
	maxWidth  = 1 << 20
	maxParams = 1 << 30
)

// Names lists the architectures that Build knows, sorted.
func Names() []string { return []string{"lenet-300-100", "mlp"} }

// Build returns the network with its parameters allocated, zero and dense. The
// error of a bad option names the option, its value and what is allowed.
func Build(o Options) (*models.Network, error) {
	var net *models.Network
	var err error
	switch o.Arch {
	case "lenet-300-100":
		if len(o.Hidden) > 0 {
			return nil, fmt.Errorf("arch lenet-300-100: hidden %v cannot be set, its name says 300 and 100; use mlp for other widths", o.Hidden)
		}
		net, err = mlp(o.Arch, []int{300, 100}, o)
	case "mlp":
		net, err = mlp(mlpName(o.Hidden), o.Hidden, o)
	default:
		return nil, fmt.Errorf("arch %q is not known; allowed are %s", o.Arch, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("arch %s: %w", o.Arch, err)
	}
	return net, nil
}

// allocate gives the network the parameters that its graph needs.
func allocate(net *models.Network) error {
	params, err := net.Layout()
	if err != nil {
		return err
	}
	total := 0
	for _, p := range params {
		if total += p.Shape.Size(); total > maxParams {
			return fmt.Errorf("more than %d parameters", maxParams)
		}
	}
	for _, p := range params {
		p.Data = make([]float32, p.Shape.Size())
	}
	net.Params = params
	return nil
}
