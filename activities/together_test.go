package activities_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"espalier/activities"
	"espalier/models/checkpoint"
)

// Runs that come to a step at the same moment compute it once.
func TestRunsThatComeTogetherComputeAStepOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	prepared := b.prepare(t)
	const runs = 6
	results := make([]activities.StepResult, runs)
	var together sync.WaitGroup
	for i := range runs {
		other := b
		other.env = (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		other.env.SetTestTimeout(time.Minute)
		other.env.RegisterActivity(b.steps.Train)
		together.Go(func() {
			var err error
			if results[i], err = other.train(fmt.Sprint("run ", i), prepared, sgd); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	opened, reused := 0, 0
	for entry, err := range b.steps.Repo.History(t.Context(), results[0].Key) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == checkpoint.EntryOpen {
			opened++
		}
	}
	for _, r := range results {
		if r.Reused {
			reused++
		}
		if r.Checkpoint != results[0].Checkpoint {
			t.Errorf("one run ends in %s, another in %s", r.Checkpoint.Short(), results[0].Checkpoint.Short())
		}
	}
	if opened != 1 || reused != runs-1 {
		t.Errorf("%d attempts, %d results found again, want 1 and %d", opened, reused, runs-1)
	}
}
