package export_test

import (
	"fmt"

	"espalier/models"
	"espalier/models/export"
	"espalier/models/zoo"
)

// A state dict goes into a network of the zoo. This one is of a VGG whose
// layers have other names.
func ExampleState_Into() {
	net, err := zoo.Build(zoo.Options{Arch: "vgg-11-bn", Width: 1.0 / 64, Input: models.Shape{3, 16, 16}, Classes: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := export.Load("testdata/small.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(state.Tensors), "tensors, first", state.Tensors[0].Name, state.Tensors[0].Shape)
	if err := state.Into(net); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s[0] = %.3f\n", net.Params[0].Name, net.Params[0].Data[0])
	// Output:
	// 50 tensors, first features.0.weight [1 3 3 3]
	// conv1_1.weight[0] = -0.191
}

// An ONNX file has its graph with it.
func ExampleImport() {
	net, notes, err := export.Import("onnx/testdata/plain-13.onnx", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range net.Nodes {
		fmt.Println(n.Name, n.Op)
	}
	fmt.Println(notes[0])
	// Output:
	// input input
	// conv1 conv2d
	// Relu relu
	// MaxPool max_pool
	// conv2 conv2d
	// Tanh tanh
	// Reshape flatten
	// fc1 linear
	// Relu_1 relu
	// fc2 linear
	// LogSoftmax "/LogSoftmax" at the end is left out: the network ends in logits
}
