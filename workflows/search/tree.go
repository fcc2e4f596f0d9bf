package search

// Link is one step of a trial's chain.
type Link struct {
	Key  string  // equal keys are the same step
	Kind string  // for people
	From int     // the earlier link of the chain that it is made of, or -1
	Work float64 // what it costs, in any unit
}

// Step is a step that one trial or more have in their chains.
type Step struct {
	Key    string
	Kind   string
	From   int // the step that it is made of, by its index in the tree, or -1
	Owner  int // the first trial that has it, which computes it
	Trials int // that have it
	Work   float64

	last int // the last trial that was counted
}

// Tree is the steps of many trials, each once. The zero value has none.
type Tree struct {
	Steps  []Step  // every step behind the one that it is made of
	Trials int     // that were added
	Links  int     // of them all: steps if nothing were shared
	Work   float64 // of them all
	index  map[string]int
}

// Add adds the chain of a trial and answers the steps, by their indices, that a
// trial before it computes: it waits for those that are not done yet.
func (t *Tree) Add(trial int, chain []Link) (waits []int) {
	if t.index == nil {
		t.index = make(map[string]int)
	}
	t.Trials++
	for _, link := range chain {
		t.Links++
		t.Work += link.Work
		i, known := t.index[link.Key]
		if !known {
			i = len(t.Steps)
			t.index[link.Key] = i
			step := Step{Key: link.Key, Kind: link.Kind, From: -1, Owner: trial, Work: link.Work, last: -1}
			if link.From >= 0 {
				step.From = t.index[chain[link.From].Key]
			}
			t.Steps = append(t.Steps, step)
		}
		s := &t.Steps[i]
		if s.last == trial {
			continue // the chain has it twice
		}
		s.last = trial
		if s.Trials++; s.Owner != trial {
			waits = append(waits, i)
		}
	}
	return waits
}

// Shared is how many steps need not be computed, and their work.
func (t *Tree) Shared() (steps int, work float64) {
	once := 0.0
	for _, s := range t.Steps {
		once += s.Work
	}
	return t.Links - len(t.Steps), t.Work - once
}
