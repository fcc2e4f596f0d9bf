package train_test

import (
	"fmt"

	"espalier/models/train"
)

// Training is cut in its second epoch; another trainer, with a session of its
// own, goes on from the snapshot and arrives at the same weights.
func ExampleNew() {
	o := train.Options{Epochs: 3, Batch: 8, Seed: 1,
		Optimizer: train.Optimizer{Kind: train.SGD, LR: 0.1, Momentum: 0.9},
		Schedule:  train.Schedule{Kind: train.Cosine}}
	net := network(0.2, 1)
	steps := func(t *train.Trainer, n int) {
		for range n {
			if _, err := t.Step(); err != nil {
				fmt.Println(err)
			}
		}
	}
	whole, _ := train.New(net, open(net, o.Seed), newClusters(64, o.Seed), o, nil)
	steps(whole, 24)

	first, _ := train.New(net, open(net, o.Seed), newClusters(64, o.Seed), o, nil)
	steps(first, 11)
	kept := first.Snapshot()
	fmt.Printf("kept after step %d: epoch %d, batch %d\n", kept.Training.Cursor.Step, kept.Training.Cursor.Epoch, kept.Training.Cursor.Batch)

	second, _ := train.New(kept.Network, open(kept.Network, o.Seed), newClusters(64, o.Seed), o, kept.Training)
	steps(second, 13)
	fmt.Println("done:", second.Done(), "same bits:", diff(whole, second) == "")
	// Output:
	// kept after step 11: epoch 1, batch 3
	// done: true same bits: true
}
