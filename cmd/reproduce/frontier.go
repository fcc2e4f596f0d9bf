package main

import (
	"fmt"
	"io/fs"
	"slices"
)

// frontiers are the example specs that go as far as they can, the passes that
// are shown of each, and the published results that they are held against.
var frontiers = []struct {
	file, label string
	pass        int // 0 is the last
	paper       string
	goals       []goal
}{
	{"mnist-frontier", "LeNet-300-100", 0, "28x at no loss (lottery tickets)", []goal{within(0.1), atLeast(weightsTimes, 28, times, "fewer weights")}},
	{"mnist-88x", "LeNet-300-100 with shifted images, pass 18", 18, "56x at 1.99 % (dynamic network surgery)", []goal{atLeast(weightsTimes, 56, times, "fewer weights"), errorBelow(1.99)}},
	{"mnist-88x", "the same, pass 19", 19, "68x at 1.92 % (sparse variational dropout)", []goal{atLeast(weightsTimes, 68, times, "fewer weights"), errorBelow(1.92)}},
	{"mnist-88x", "the same, the last pass", 0, "", []goal{atLeast(weightsTimes, 88, times, "fewer weights"), errorBelow(1.6)}},
	{"mnist-lenet5-280x", "LeNet-5 with shifted images, pass 20", 20, "108x at 0.91 % (dynamic network surgery)", []goal{atLeast(weightsTimes, 108, times, "fewer weights"), errorBelow(0.91)}},
	{"mnist-lenet5-280x", "the same, the last pass", 0, "280x at 0.75 % (sparse variational dropout)", []goal{atLeast(weightsTimes, 280, times, "fewer weights"), errorBelow(0.75)}},
}

// errorBelow: an error that is not reached.
func errorBelow(percent float64) goal {
	return goal{fmt.Sprintf("an error below %.4g %%", percent), finalError, func(mean float64) bool { return mean < percent }}
}

// frontierTable runs the examples as they are.
func frontierTable(examples fs.FS) (table, error) {
	t := table{
		id: "frontier", title: "How far it goes",
		text: `The specs in [examples](../examples/README.md) that prune a network of MNIST as far as they can. Their settings were chosen by validation samples, as each of them says; for the two with shifted images, test figures of earlier trials had been seen.`,
	}
	l := listing{columns: []column{{"dense error", denseError, percents}, {"error", finalError, percents}, {"difference", moreError, points},
		{"weights left", weightsLeft, counts}, {"weights", weightsTimes, times}, {"parameters", paramsTimes, times}}}
	for _, f := range frontiers {
		id := "frontier-" + f.file
		l.lines = append(l.lines, line{f.label, id, f.paper, f.pass, f.goals})
		if slices.ContainsFunc(t.experiments, func(e experiment) bool { return e.id == id }) {
			continue
		}
		text, err := fs.ReadFile(examples, f.file+".yaml")
		if err != nil {
			return t, err
		}
		t.experiments = append(t.experiments, experiment{id: id, seeds: 3, spec: fromExample(string(text))})
	}
	t.listings = []listing{l}
	return t, nil
}
