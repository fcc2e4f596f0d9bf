package zoo

import (
	"slices"
	"strings"

	"espalier/models"
)

// architecture is one entry of the zoo.
type architecture struct {
	name, about string
	input       models.Shape // of the published form
	minimum     int          // smallest height and width; 0 if the input need not be an image
	maximum     int          // largest height and width; 0 if there is none
	options     []string     // those of Options that it takes, beside arch, input and classes
	build       func(g chain, o Options)
}

func (a architecture) takes(option string) bool { return slices.Contains(a.options, option) }

func named(name string) (architecture, bool) {
	all := architectures()
	i := slices.IndexFunc(all, func(a architecture) bool { return a.name == name })
	if i < 0 {
		return architecture{}, false
	}
	return all[i], true
}

// architectures is the zoo, sorted by name.
func architectures() []architecture {
	mnist, cifar := models.Shape{1, 28, 28}, models.Shape{3, 32, 32}
	all := []architecture{
		{name: "lenet-300-100", about: "perceptron with hidden layers of 300 and 100 neurons (Han et al. 2015)",
			input: mnist, options: []string{"dropout", "batch_norm"}, build: func(g chain, o Options) { mlp(g, []int{300, 100}, o) }},
		{name: "mlp", about: "perceptron with any hidden layers; 500 and 300 in network slimming (Liu et al. 2017)",
			input: mnist, options: []string{"hidden", "dropout", "batch_norm"}, build: func(g chain, o Options) {
				g.net.Name = mlpName(o.Hidden)
				mlp(g, o.Hidden, o)
			}},
		{name: "lenet-5", about: "Caffe's form: 5x5 convolutions of 20 and 50 filters without ReLU by default, 500 hidden neurons",
			input: mnist, minimum: 16, options: []string{"dropout", "batch_norm", "relu", "width"}, build: lenet5},
		{name: "resnet-164", about: "pre-activation bottleneck blocks (He et al. 2016b), as in network slimming",
			input: cifar, minimum: 1, options: []string{"width"}, build: preResNet164},
		{name: "densenet-40", about: "densely connected, growth 12, without bottlenecks (Huang et al. 2017)",
			input: cifar, minimum: 4, options: []string{"dropout", "width", "growth", "stem"}, build: denseNet40},
		{name: "convnet", about: "5 convolutions of 96 to 384 filters of the ISTA paper (Ye et al. 2018)",
			input: cifar, minimum: 25, maximum: 32, options: []string{"width"}, build: istaConvNet},
		{name: "resnet-20-ista", about: "the ISTA paper's resnet-20: 2x2 projections, only first convolutions of blocks scaled",
			input: cifar, minimum: 1, options: []string{"width"}, build: istaResNet20},
	}
	for name, stages := range vggStages() {
		all = append(all, architecture{name: name, about: "CIFAR form with batch normalization (Simonyan and Zisserman 2015; Li et al. 2017)",
			input: cifar, minimum: 16, options: []string{"dropout", "width", "head"}, build: func(g chain, o Options) { vgg(g, stages, o) }})
	}
	for name, blocks := range map[string]int{"resnet-20": 3, "resnet-32": 5, "resnet-44": 7, "resnet-56": 9, "resnet-110": 18} {
		all = append(all, architecture{name: name, about: "CIFAR form with basic blocks (He et al. 2016, section 4.2)",
			input: cifar, minimum: 1, options: []string{"width", "shortcut"}, build: func(g chain, o Options) { resNet(g, blocks, o) }})
	}
	slices.SortFunc(all, func(a, b architecture) int { return strings.Compare(a.name, b.name) })
	return all
}
