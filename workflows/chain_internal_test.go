package workflows

import (
	"fmt"
	"strings"
	"testing"

	"espalier/config"
	"espalier/models/checkpoint"
)

// What is lost is made again by the link that left it; a teacher of another run
// by none, so that prepare says what is wrong with it.
func TestLostCheckpointsAreMadeAgainByTheirLink(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("a", 64)
	spec, err := config.Parse("a.yaml", fmt.Appendf(nil, `name: a
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 200, test: 100}
train: {epochs: 1, batch: 50, optimizer: {sgd: {lr: 0.05}}}
prune: {method: han, schedule: {passes: 1, target: {sparsity: 50%%}}, finetune: {epochs: 1, distill: {teacher: %s}}}
`, other))
	if err != nil {
		t.Fatal(err)
	}
	r := &run{spec: *spec, chain: chain(spec), state: State{Links: []Link{{Checkpoint: "initial"}, {Checkpoint: "dense"}, {Checkpoint: "pruned"}}}}
	const finetune = 3
	for lost, want := range map[checkpoint.Digest]int{"pruned": 2, "dense": 1, checkpoint.Digest(other): 0, "": 2} {
		if got := r.holder(lost, finetune); got != want {
			t.Errorf("what leaves %.8q again is link %d, want %d", lost, got, want)
		}
	}
}
