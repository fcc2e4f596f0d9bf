package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/checkpoint/storetest"
)

// A worker dies in the middle of a step, and another one goes on. When the
// first turns out to be alive, it cannot harm the step any more.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := dirstore.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	ctx, repo := context.Background(), &checkpoint.Repo{Store: store}
	step, err := checkpoint.StepKey(checkpoint.StepInput{Kind: "train", Seed: 1, Engine: "gorgonia/1"})
	if err != nil {
		log.Fatal(err)
	}

	first, err := repo.Open(ctx, step, storetest.Attempt("first"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := first.Journal.Commit(ctx, storetest.Midway(100), nil); err != nil {
		log.Fatal(err)
	}

	second, err := repo.Open(ctx, step, storetest.Attempt("second"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the second goes on from step", second.From.Training.Cursor.Step)

	_, err = first.Journal.Commit(ctx, storetest.Midway(200), nil)
	fmt.Println("the first is fenced off:", errors.Is(err, checkpoint.ErrFenced))

	// Output:
	// the second goes on from step 100
	// the first is fenced off: true
}
