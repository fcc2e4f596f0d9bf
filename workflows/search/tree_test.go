package search_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/workflows/search"
)

// links makes a chain of the words of a text; each is made of the one before.
func links(text string) []search.Link {
	var all []search.Link
	for i, word := range strings.Fields(text) {
		all = append(all, search.Link{Key: word, Kind: word[:1], From: i - 1, Work: 2})
	}
	return all
}

func TestStepsThatTrialsShareAreThereOnce(t *testing.T) {
	t.Parallel()
	var tree search.Tree
	var waits []string
	for trial, chain := range []string{"p1 t1 h1", "p1 t1 h2 f2", "p2 t2", "p1 t1 h2 f3", "p1 t1 h2 f3"} {
		waits = append(waits, fmt.Sprint(tree.Add(trial, links(chain))))
	}
	if diff := cmp.Diff([]string{"[]", "[0 1]", "[]", "[0 1 3]", "[0 1 3 7]"}, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	want := []search.Step{
		{Key: "p1", Kind: "p", From: -1, Owner: 0, Trials: 4, Work: 2}, {Key: "t1", Kind: "t", From: 0, Owner: 0, Trials: 4, Work: 2},
		{Key: "h1", Kind: "h", From: 1, Owner: 0, Trials: 1, Work: 2}, {Key: "h2", Kind: "h", From: 1, Owner: 1, Trials: 3, Work: 2},
		{Key: "f2", Kind: "f", From: 3, Owner: 1, Trials: 1, Work: 2},
		{Key: "p2", Kind: "p", From: -1, Owner: 2, Trials: 1, Work: 2}, {Key: "t2", Kind: "t", From: 5, Owner: 2, Trials: 1, Work: 2},
		{Key: "f3", Kind: "f", From: 3, Owner: 3, Trials: 2, Work: 2},
	}
	if diff := cmp.Diff(want, tree.Steps, cmpopts.IgnoreUnexported(search.Step{})); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if steps, work := tree.Shared(); tree.Trials != 5 || tree.Links != 17 || steps != 9 || work != 18 {
		t.Errorf("%d trials with %d links share %d steps and %g of work, want 5, 17, 9 and 18", tree.Trials, tree.Links, steps, work)
	}
}
