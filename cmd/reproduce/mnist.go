package main

import (
	"io/fs"
	"slices"
)

// The networks of MNIST and their trainings, the same in all experiments, so
// that each dense network is trained once.
const (
	lenet300 = "arch: lenet-300-100"
	lenet5   = "arch: lenet-5"
	relu5    = "arch: lenet-5, relu: true"

	sgd300 = "lr: 0.15, momentum: 0.9, weight_decay: 5e-4"
	sgd5   = "lr: 0.03, momentum: 0.9, weight_decay: 5e-4"
	tune5  = "epochs: 3, optimizer: {sgd: {" + sgd5 + "}}"
)

var (
	base300   = network(lenet300) + mnist + training("12", sgd300)
	base5     = network(lenet5) + mnist + training("10", sgd5)
	base5relu = network(relu5) + mnist + training("10", sgd5)

	// The networks of Han et al. 2015, which those of 2016 are made of.
	han300 = base300 + pruning("han", "passes: 8, target: {sparsity: 92%, layers: {fc2: 91%, fc3: 74%}}, shape: geometric",
		"epochs: 6, optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}")
	han5 = base5 + pruning("han", "passes: 6, target: {layers: {conv1: 34%, conv2: 88%, fc1: 92%, fc2: 81%}}, shape: geometric", tune5)
)

// allChapters is what is reproduced, in the order in which it is run.
func allChapters(examples fs.FS) ([]chapter, error) {
	frontier, err := frontierTable(examples)
	if err != nil {
		return nil, err
	}
	return []chapter{
		{"MNIST: connections", []table{hanTable(), regularizationTable(), controls300(), controls5(), frontier}},
		{"MNIST: fewer bits", []table{deepTable(), bitsTable()}},
		{"MNIST: channels", []table{slimmingTable(), apozTable(), filtersTable(), istaTable(), scratchTable()}},
		{"CIFAR-10", cifarTables()},
	}, nil
}

// hanTable is the main result of Han et al. on MNIST.
func hanTable() table {
	return table{
		id: "han", title: "Han et al. 2015: 12 times fewer connections at the dense error",
		text: `The paper's table of MNIST (arXiv 1506.02626, section 4.1). LeNet-300-100 keeps 8, 9 and 26 % of its layers' weights, LeNet-5 66, 12, 8 and 19 %. What differs from the paper: more passes, and fine-tuning at the rate of training rather than a tenth of it.`,
		experiments: []experiment{
			{id: "han-300", seeds: 3, spec: han300 + durable},
			{id: "han-5", seeds: 3, spec: han5 + durable},
		},
		listings: []listing{{
			columns: []column{{"dense error", denseError, percents}, {"error", finalError, percents}, {"difference", moreError, points},
				{"weights left", weightsLeft, counts}, {"parameters", paramsTimes, times}},
			lines: []line{
				{"LeNet-300-100", "han-300", "1.64 -> 1.59 %, 12x", 0, []goal{within(0.1), atLeast(paramsTimes, 12, times, "fewer parameters")}},
				{"LeNet-5", "han-5", "0.80 -> 0.77 %, 12x", 0, []goal{within(0.1), atLeast(paramsTimes, 12, times, "fewer parameters")}},
			},
		}},
	}
}

// ratios are the compressions of all curves, and the sparsities that make them.
var ratios = []struct {
	name, share string
	gentle      string // for the last layer, which decides
}{
	{"2x", "50%", "29.3%"}, {"4x", "75%", "50%"}, {"8x", "87.5%", "64.6%"}, {"16x", "93.75%", "75%"}, {"32x", "96.875%", "82.3%"},
}

// passes are the cells of an experiment that halves the network in each pass.
func passes(id string) []ref {
	var cells []ref
	for i := range ratios {
		cells = append(cells, ref{id, i + 1})
	}
	return cells
}

// ratioHeads are the heads of a grid with a column a ratio.
func ratioHeads() []string {
	heads := []string{""}
	for _, r := range ratios {
		heads = append(heads, r.name)
	}
	return heads
}

// halving is a schedule of connection pruning with a pass for each ratio.
func halving(layer string) string {
	target := "sparsity: 96.875%"
	if layer != "" {
		target += ", layers: {" + layer + ": 82.3%}"
	}
	return "passes: 5, target: {" + target + "}, shape: geometric"
}

// regularizers are the keys of training and of retraining.
var regularizers = []struct{ id, label, decay, l1, tuneDecay, tuneL1 string }{
	{id: "none", label: "none"},
	{id: "l1", label: "L1", l1: "l1: 2e-5"},
	{id: "l2", label: "L2", decay: ", weight_decay: 5e-4", tuneDecay: ", weight_decay: 5e-4"},
	{id: "l1-l2", label: "L1, then L2 in retraining", l1: "l1: 2e-5", tuneDecay: ", weight_decay: 5e-4", tuneL1: ", l1: 0"},
}

// regularizationTable is the trade-off figure of Han et al., on MNIST.
func regularizationTable() table {
	t := table{
		id: "regularization", title: "Han et al. 2015: regularization, retraining and iterations",
		text: `The paper's trade-off curves (figure 5, of AlexNet): L1 is better before retraining, L2 after it, and iterating is best beyond 10x. Here on LeNet-300-100; the columns are how many times fewer weights there are. The last layer keeps more of its own. One shot prunes the dense network at once; iterative halves it and retrains, pass after pass.`,
	}
	var shot, iterative []gridLine
	for _, r := range regularizers {
		var penalty []string
		if r.l1 != "" {
			penalty = []string{r.l1}
		}
		dense := network(lenet300) + mnist + training("12", "lr: 0.15, momentum: 0.9"+r.decay, penalty...)
		tune := "epochs: 4, optimizer: {sgd: {lr: 0.1, momentum: 0.9" + r.tuneDecay + "}}" + r.tuneL1
		var shots []ref
		for _, ratio := range ratios {
			id := "regularization-" + r.id + "-" + ratio.name
			schedule := "passes: 1, target: {sparsity: " + ratio.share + ", layers: {fc3: " + ratio.gentle + "}}"
			t.experiments = append(t.experiments, experiment{id: id, seeds: 3, spec: dense + pruning("han", schedule, tune, measured) + durable})
			shots = append(shots, last(id))
		}
		id := "regularization-" + r.id + "-iterative"
		t.experiments = append(t.experiments, experiment{id: id, seeds: 3, spec: dense + pruning("han", halving("fc3"), tune, measured) + durable})
		cells := append([]ref{{id, 0}}, passes(id)...)
		shot, iterative = append(shot, gridLine{r.label, shots}), append(iterative, gridLine{r.label, cells})
	}
	heads := slices.Insert(ratioHeads(), 1, "dense")
	t.grids = []grid{
		{"Error, one shot, without retraining:", ratioHeads(), prunedError, percents, shot},
		{"Error, one shot, with retraining:", ratioHeads(), finalError, percents, shot},
		{"Error, iterative, with retraining:", heads, finalError, percents, iterative},
		{"Weights that the iterative ones have left:", heads, weightsTimes, times, iterative},
	}
	l1, l2, mixed := regularizers[1].label, regularizers[2].label, regularizers[3].label
	passes := func(label string) []ref { return cellsOf(iterative, label)[1:] }
	t.claims = []claim{
		{"L1 is better than L2 before retraining", prunedError, pairwise(cellsOf(shot, l1), cellsOf(shot, l2))},
		{"L2 is better than L1 after retraining, one shot", finalError, pairwise(cellsOf(shot, l2), cellsOf(shot, l1))},
		{"L2 is better than L1 after retraining, iterative", finalError, pairwise(passes(l2), passes(l1))},
		{"L2 throughout is better than L1 followed by L2, iterative", finalError, pairwise(passes(l2), passes(mixed))},
		{"iterative is better than one shot beyond 10x, with L2", finalError, pairwise(passes(l2)[3:], cellsOf(shot, l2)[3:])},
	}
	return t
}

// controlMethods prune single weights; layer is the one that keeps more where
// each layer has its own share.
var controlMethods = []struct{ id, label, method, scope string }{
	{"magnitude", "magnitude, layer by layer", "han", "layer"},
	{"global", "magnitude, all layers together", "han", "global"},
	{"lottery", "lottery ticket: magnitude, then the first weights again", "lottery", "layer"},
	{"random", "random, layer by layer", "random", "layer"},
}

// controls is the table of one network; tune is the fine-tuning of each pass
// and anew that of lottery tickets, which are trained from the start; empty
// leaves them out.
func controls(id, name, base, layer, tune, anew string, seeds int) table {
	t := table{
		id: id, title: "Controls: " + name + " at 2 to 32 times fewer weights",
		text: `Blalock et al. 2020 ask every pruning result to be held against random pruning and against magnitude, by layer and globally. Each pass halves what is left and fine-tunes; dead neurons stay. Lottery tickets (Frankle and Carbin 2019) begin each pass with their first weights and are trained as long as written below.`,
	}
	var lines []gridLine
	for _, m := range controlMethods {
		how, keeps := tune, layer
		if m.method == "lottery" {
			if how = anew; how == "" {
				continue
			}
		}
		if m.scope == "global" {
			keeps = ""
		}
		e := experiment{id: id + "-" + m.id, seeds: seeds, spec: base + pruning(m.method, halving(keeps), how, "scope: "+m.scope, "dead_neurons: false") + durable}
		t.experiments = append(t.experiments, e)
		lines = append(lines, gridLine{m.label, append([]ref{{e.id, 0}}, passes(e.id)...)})
	}
	heads := slices.Insert(ratioHeads(), 1, "dense")
	t.grids = []grid{
		{"Error:", heads, finalError, percents, lines},
		{"So many times fewer weights than the dense network has:", heads, weightsTimes, times, lines},
	}
	t.claims = []claim{{"magnitude, layer by layer, is better than random", finalError, pairwise(cellsOf(lines, controlMethods[0].label)[1:], cellsOf(lines, controlMethods[3].label)[1:])}}
	return t
}

func controls300() table {
	return controls("controls-300", "LeNet-300-100", base300, "fc3",
		"epochs: 6, optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}", "epochs: 12", 3)
}

func controls5() table {
	return controls("controls-5", "LeNet-5", base5, "fc2", tune5, "epochs: 6", 2)
}
