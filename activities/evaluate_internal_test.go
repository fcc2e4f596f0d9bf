package activities

import (
	"testing"

	"espalier/models"
	"espalier/models/zoo"
)

// Small networks keep the batch that they always had; large images get fewer.
func TestEvaluationBatchesFollowTheNetwork(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]int{"lenet-300-100": 500, "lenet-5": 364, "resnet-20": 256, "vgg-16-bn": 64} {
		o, _ := zoo.Default(arch)
		net, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := batchFor(net); got != want || err != nil {
			t.Errorf("%s: batches of %d, %v; want %d", arch, got, err, want)
		}
	}
	wide := &models.Network{Name: "wide", Input: models.Shape{1 << 30}, Nodes: []models.Node{{Name: "x", Op: models.OpInput}}}
	if got, err := batchFor(wide); got != 1 || err != nil {
		t.Errorf("batches of %d, %v of a huge input; want 1", got, err)
	}
}
