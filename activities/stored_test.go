package activities_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/config"
	"espalier/models/zoo"
)

// A run may begin with what another one ended with, or with its architecture
// alone: the control that a pruned network is compared with.
func TestNetworksBeginWithACheckpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	pruned, err := do[activities.StepResult](b, b.steps.Prune, activities.PruneInput{
		Head: head("a", b.prepare(t).Checkpoint), Prune: config.Prune{Method: "han", Scope: "layer"}, Sparsity: 0.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := b.steps.Repo.Load(t.Context(), pruned.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	prepare := func(n config.Network) (activities.PrepareResult, error) {
		return do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{Head: head("b", ""), Network: n, Data: digits, Seed: 7})
	}
	stored := config.Network{Checkpoint: string(pruned.Checkpoint)}
	same, err := prepare(stored)
	if err != nil {
		t.Fatal(err)
	}
	if same.Checkpoint != pruned.Checkpoint {
		t.Errorf("it begins with %s, want the checkpoint itself, %s", same.Checkpoint, pruned.Checkpoint)
	}

	stored.Fresh = true
	fresh, err := prepare(stored)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.steps.Repo.Load(t.Context(), fresh.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range want.Network.Params {
		p.Mask = nil
	}
	zoo.Init(want.Network, 7)
	if diff := cmp.Diff(want.Network, got.Network); diff != "" {
		t.Errorf("fresh: %s", diff)
	}
}

func TestCheckpointsThatCannotBeBegunWith(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	for name, c := range map[string]struct {
		checkpoint string
		data       config.Data
		want       string
	}{
		"none of that digest": {strings.Repeat("0", 64), digits, "network.checkpoint: the store has no checkpoint 0000"},
		"of other data": {string(prepared.Checkpoint), config.Data{Name: "idx", Path: idx(t, 4, 4, 3)},
			"reads inputs of shape [1 28 28], the samples of data idx are [1 4 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
				Head: head("a", ""), Network: config.Network{Checkpoint: c.checkpoint}, Data: c.data, Seed: 1,
			})
			wantInput(t, err, c.want)
			_, err = do[activities.PrepareResult](b, b.steps.Prepare, activities.PrepareInput{
				Head: head("a", ""), Network: config.Network{Arch: "mlp", Hidden: []int{4}}, Data: c.data, Seed: 1, Teachers: []config.Teacher{{Key: "by.key", Checkpoint: c.checkpoint}},
			})
			wantInput(t, err, strings.Replace(c.want, "network.checkpoint", "by.key", 1))
		})
	}
}
