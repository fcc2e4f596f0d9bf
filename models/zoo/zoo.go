// Package zoo builds networks by name.
//
// An architecture is a function from [Options] to a graph with its parameters
// allocated and zero; [Init] then draws their first values. The two are apart
// because a checkpoint brings its own values: only the first step of a run
// draws any. Nothing here trains, and the package knows no data set: the input
// shape and the number of classes are told, and [Default] has those of the
// published form.
//
// # Architectures
//
// The networks of the pruning papers, in the form in which the papers count
// them: "lenet-300-100" and any other "mlp", Caffe's "lenet-5", the CIFAR forms
// of VGG, ResNet, pre-activation ResNet and DenseNet, and the two networks of
// the ISTA paper. [Names] lists them and [Describe] says a line on each. With
// Default's options the parameters and multiply-adds of each equal the
// published counts.
//
// A convolutional network takes images of channels, height and width in any
// size that its pools leave something of; Options.Width scales all of its
// channel counts.
//
// # Names of nodes
//
// They are those of the PyTorch code in which most published weights come:
// conv1, bn1, layer1.0.conv1 and linear in residual networks, dense1.0.conv1
// and trans1.conv1 in densely connected ones. VGG has conv1_1, bn1_1, relu1_1
// and pool1 by stage, as Simonyan and Zisserman count. Perceptrons and heads
// have fc1, relu1, drop1, fc2, ...
package zoo

import (
	"fmt"
	"slices"
	"strings"

	"espalier/models"
)

// Options choose an architecture and fit it to its data. Zero stands for the
// architecture's own value; one that the architecture cannot use must be zero.
type Options struct {
	Arch    string       // one of Names
	Hidden  []int        // mlp only: widths of the hidden layers, first to last
	Dropout float64      // share dropped in training, in [0, 1); 0 is none. Of each hidden linear layer; before the head of vgg; of each layer of densenet
	Input   models.Shape // of one sample, without the batch axis
	Classes int          // outputs, at least 2

	BatchNorm bool    // perceptrons and lenet-5: batch normalization behind each hidden layer, as network slimming needs it
	ReLU      bool    // lenet-5: ReLU behind each convolution, as criteria that count zeros need it
	Width     float64 // factor of every channel count but the input's, rounded to at least 1; 0 is 1
	Shortcut  string  // resnet-20 to 110: one of Shortcuts; "" is A
	Growth    int     // densenet: channels that each layer adds; 0 is 12
	Stem      int     // densenet: channels of the first convolution; 0 is 16
	Head      string  // vgg: one of Heads; "" is linear
}

// The shortcuts of residual blocks whose output has another shape than their
// input (He et al. 2016, section 3.3).
const (
	ShortcutPad        = "A" // every second pixel, padded with channels of zeros: no parameters
	ShortcutProjection = "B" // a 1x1 convolution with batch normalization
)

// The heads of vgg.
const (
	HeadLinear = "linear" // one linear layer (network slimming)
	HeadLi     = "li"     // 512 hidden neurons with batch normalization and ReLU (Li et al. 2017)
)

// Shortcuts lists the shortcuts.
func Shortcuts() []string { return []string{ShortcutPad, ShortcutProjection} }

// Heads lists the heads.
func Heads() []string { return []string{HeadLi, HeadLinear} }

// The limits keep a typing error from asking for more memory than there is:
// maxParams float32 values are 4 GiB.
const (
	maxWidth  = 1 << 20
	maxParams = 1 << 30
)

// Names lists the architectures that Build knows, sorted.
func Names() []string {
	var names []string
	for _, a := range architectures() {
		names = append(names, a.name)
	}
	return names
}

// Describe is one line on the architecture, "" if there is none of that name.
func Describe(name string) string {
	a, _ := named(name)
	return a.about
}

// Default has the input and the classes of the architecture's published form,
// and for mlp the hidden layers of network slimming's. It is false if there is
// none of that name.
func Default(name string) (Options, bool) {
	a, ok := named(name)
	if !ok {
		return Options{}, false
	}
	o := Options{Arch: name, Input: append(models.Shape(nil), a.input...), Classes: 10}
	if name == "mlp" {
		o.Hidden = []int{500, 300}
	}
	return o, true
}

// Outline is the graph that Build would make of the options, with the right
// node names but the published input and the smallest widths, so that it costs
// no memory: what a spec may name can be checked before the data is known.
func Outline(o Options) (*models.Network, error) {
	a, ok := named(o.Arch)
	if !ok {
		return Build(o) // which has the error
	}
	o.Input, o.Classes = a.input, 2
	if err := a.check(o); err != nil {
		return nil, fmt.Errorf("arch %s: %w", o.Arch, err)
	}
	if a.takes("width") {
		o.Width = 1.0 / maxWidth
		return Build(o)
	}
	o.Hidden, o.Input = slices.Repeat([]int{1}, len(o.Hidden)), models.Shape{1}
	return Build(o)
}

// Build returns the network with its parameters allocated, zero and dense. The
// error of a bad option names the option, its value and what is allowed.
func Build(o Options) (*models.Network, error) {
	a, ok := named(o.Arch)
	if !ok {
		return nil, fmt.Errorf("arch %q is not known; allowed are %s", o.Arch, strings.Join(Names(), ", "))
	}
	if err := a.check(o); err != nil {
		return nil, fmt.Errorf("arch %s: %w", o.Arch, err)
	}
	net := &models.Network{Name: o.Arch, Input: append(models.Shape(nil), o.Input...)}
	graph := chain{net: net}
	graph.add("input", models.OpInput, models.Attrs{})
	a.build(graph, o)
	if err := allocate(net); err != nil {
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
