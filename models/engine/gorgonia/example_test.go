package gorgonia_test

import (
	"fmt"
	"log"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/engine/kernel"
)

// A session computes gradients; whoever trains owns the optimizer and writes
// the new values into the session's parameters.
func Example() {
	net := &models.Network{
		Name:  "xor",
		Input: models.Shape{2},
		Nodes: []models.Node{
			{Name: "x", Op: models.OpInput},
			{Name: "fc1", Op: models.OpLinear, Inputs: []string{"x"}, Attrs: models.Attrs{Out: 3}},
			{Name: "relu", Op: models.OpReLU, Inputs: []string{"fc1"}},
			{Name: "fc2", Op: models.OpLinear, Inputs: []string{"relu"}, Attrs: models.Attrs{Out: 2}},
		},
	}
	var err error
	if net.Params, err = net.Layout(); err != nil {
		log.Fatal(err)
	}
	start := map[string][]float32{
		"fc1.weight": {1, 1, 1, -1, -1, 1}, "fc1.bias": {0, 0, 0},
		"fc2.weight": {0, 0, 0, 0.1, 0.1, 0.1}, "fc2.bias": {0, 0},
	}
	for _, p := range net.Params {
		p.Data = start[p.Name]
	}

	backend, err := gorgonia.New(gorgonia.Options{})
	if err != nil {
		log.Fatal(err)
	}
	session, err := backend.Open(net, engine.Options{Batch: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	x, labels := []float32{0, 0, 0, 1, 1, 0, 1, 1}, []int32{0, 1, 1, 0}
	for step := range 500 {
		loss, err := session.Backward(x, labels, int64(step))
		if err != nil {
			log.Fatal(err)
		}
		if step%250 == 0 {
			fmt.Printf("step %d: %d of 4 correct, loss %.2f\n", step, loss.Correct, loss.Mean)
		}
		for _, p := range session.Params() {
			kernel.SGD(p.Value, nil, p.Grad, 0.5, 0, 0, false)
		}
	}
	logits, err := session.Forward([]float32{1, 0}, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("1 xor 0 is true:", logits[1] > logits[0])
	// Output:
	// step 0: 3 of 4 correct, loss 0.67
	// step 250: 4 of 4 correct, loss 0.01
	// 1 xor 0 is true: true
}
