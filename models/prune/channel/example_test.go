package channel_test

import (
	"fmt"
	"log"
	"strings"

	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// The stream of a residual network's stage is one group, which all blocks write
// to and read. Without projections it goes on into the next stage, which adds
// channels of its own around it.
func ExampleGroups() {
	net, err := zoo.Build(zoo.Options{Arch: "resnet-20", Input: []int{3, 32, 32}, Classes: 10})
	if err != nil {
		log.Fatal(err)
	}
	groups, err := channel.Groups(net)
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range groups {
		fmt.Printf("%s: %d of %d units are free, %d producers, read by %s\n",
			g.Name, len(g.Free()), len(g.Units), len(g.Producers), strings.ReplaceAll(strings.Join(g.Consumers, " "), "layer", ""))
	}
	// Output:
	// input: 0 of 3 units are free, 0 producers, read by conv1
	// conv1: 16 of 16 units are free, 10 producers, read by 1.0.conv1 1.1.conv1 1.2.conv1 2.0.conv1 2.1.conv1 2.2.conv1 3.0.conv1 3.1.conv1 3.2.conv1 linear
	// layer1.0.conv1: 16 of 16 units are free, 1 producers, read by 1.0.conv2
	// layer1.1.conv1: 16 of 16 units are free, 1 producers, read by 1.1.conv2
	// layer1.2.conv1: 16 of 16 units are free, 1 producers, read by 1.2.conv2
	// layer2.0.conv1: 32 of 32 units are free, 1 producers, read by 2.0.conv2
	// layer2.0.conv2: 16 of 16 units are free, 6 producers, read by 2.1.conv1 2.2.conv1 3.0.conv1 3.1.conv1 3.2.conv1 linear
	// layer2.1.conv1: 32 of 32 units are free, 1 producers, read by 2.1.conv2
	// layer2.2.conv1: 32 of 32 units are free, 1 producers, read by 2.2.conv2
	// layer3.0.conv1: 64 of 64 units are free, 1 producers, read by 3.0.conv2
	// layer3.0.conv2: 32 of 32 units are free, 3 producers, read by 3.1.conv1 3.2.conv1 linear
	// layer3.1.conv1: 64 of 64 units are free, 1 producers, read by 3.1.conv2
	// layer3.2.conv1: 64 of 64 units are free, 1 producers, read by 3.2.conv2
	// linear: 0 of 10 units are free, 1 producers, read by
}

// What is removed is gone from every parameter that has to do with it.
func ExampleRemove() {
	net, err := zoo.Build(zoo.Options{Arch: "lenet-5", Input: []int{1, 28, 28}, Classes: 10})
	if err != nil {
		log.Fatal(err)
	}
	small, err := channel.Remove(net, channel.Set{"conv1": {3, 7}, "conv2": {0, 1, 2, 49}})
	if err != nil {
		log.Fatal(err)
	}
	for i, p := range small.Params {
		fmt.Println(p.Name, net.Params[i].Shape, "->", p.Shape)
	}
	_, err = channel.Remove(net, channel.Set{"fc2": {0}})
	fmt.Println(err)
	// Output:
	// conv1.weight [20 1 5 5] -> [18 1 5 5]
	// conv1.bias [20] -> [18]
	// conv2.weight [50 20 5 5] -> [46 18 5 5]
	// conv2.bias [50] -> [46]
	// fc1.weight [500 800] -> [500 736]
	// fc1.bias [500] -> [500]
	// fc2.weight [10 500] -> [10 500]
	// fc2.bias [10] -> [10]
	// group fc2: unit 0 is fixed (output): all its 10 units are fixed
}

// A hidden neuron whose scale is 0 still sends the activation of its shift. The
// layer behind takes that over, and no output changes.
func ExampleAbsorb() {
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{3}, Input: []int{2}, Classes: 2, BatchNorm: true})
	if err != nil {
		log.Fatal(err)
	}
	zoo.Init(net, 1)
	net.Param("bn1.gamma").Data[1] = 0
	net.Param("bn1.beta").Data[1] = 4
	copy(net.Param("fc2.weight").Data, []float32{1, 0.5, 1, 1, -0.25, 1})

	constant, err := channel.Constants(net)
	if err != nil {
		log.Fatal(err)
	}
	absorbed, err := channel.Absorb(net, constant)
	if err != nil {
		log.Fatal(err)
	}
	small, err := channel.Remove(absorbed, constant)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(constant, small.Param("fc2.weight").Data, small.Param("fc2.bias").Data)
	// Output:
	// map[fc1:[1]] [1 1 1 1] [2 -1]
}
