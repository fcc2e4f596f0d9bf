package main

// measured asks for the accuracy between pruning and fine-tuning.
const measured = "measure_pruned: true"

// channelColumns are those of listings about smaller networks.
var channelColumns = []column{
	{"dense error", denseError, percents}, {"before fine-tuning", prunedError, percents}, {"error", finalError, percents},
	{"difference", moreError, points}, {"weights left", weightsLeft, counts}, {"weights", weightsTimes, times}, {"MACs left", macsLeft, counts},
}

// slimmingTable is the MLP of network slimming.
func slimmingTable() table {
	const sgd = "lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 1e-4"
	spec := func(penalty, epochs string) string {
		return network("arch: mlp, hidden: [500, 300], batch_norm: true") + mnist + training(epochs, sgd, "l1: {gamma: "+penalty+"}") +
			pruning("slimming", "passes: 1, target: {channels: 80%}", "epochs: "+epochs+", optimizer: {sgd: {"+sgd+"}}, l1: 0", "scope: layer", measured) + durable
	}
	const paper = "1.43 -> 1.49 %, 84.4 % of the weights gone"
	goals := []goal{within(0.1), exactly(weightsLeft, 85000, "weights")}
	return table{
		id: "slimming", title: "Network slimming (Liu et al. 2017): a perceptron with a sixth of its weights",
		text: `784-500-300-10 with batch normalization is trained with an L1 penalty on its scales, and 80 % of each hidden layer goes: 784-100-60-10 (arXiv 1708.06519, table of MNIST). The paper chooses its penalty from 1e-3 to 1e-5 and does not say which it was here, and trains and fine-tunes for 30 epochs each; in 12 a penalty has less time to act.`,
		experiments: []experiment{
			{id: "slimming-mlp", seeds: 3, spec: spec("1e-4", "12")},
			{id: "slimming-mlp-strong", seeds: 3, spec: spec("1e-3", "12")},
			{id: "slimming-mlp-long", seeds: 3, spec: spec("1e-3", "30")},
		},
		listings: []listing{{columns: channelColumns, lines: []line{
			{"784-100-60-10, penalty 1e-4", "slimming-mlp", paper, 0, goals},
			{"784-100-60-10, penalty 1e-3", "slimming-mlp-strong", paper, 0, goals},
			{"the same with 30 + 30 epochs, as the paper", "slimming-mlp-long", paper, 0, goals},
		}}},
		claims: []claim{{"the stronger penalty leaves less to fine-tune", prunedError, [][2]ref{{last("slimming-mlp-strong"), last("slimming-mlp")}}}},
	}
}

// apozTable is the smallest LeNet of network trimming.
func apozTable() table {
	return table{
		id: "apoz", title: "Network trimming (Hu et al. 2016): LeNet-5 by its zeros",
		text:        `LeNet-5 with ReLU behind its convolutions; conv2 and fc1 lose the channels and neurons that are zero most often, in four passes, until 20-24-252-10 is left (arXiv 1607.03250). The last fine-tuning is four times as long as the others.`,
		experiments: []experiment{{id: "apoz-5", seeds: 3, spec: base5relu + pruning("apoz", "passes: 4, target: {layers: {conv2: 52%, fc1: 49.6%}}", tune5+", last_epochs: 12", measured) + durable}},
		listings: []listing{{columns: channelColumns, lines: []line{
			{"20-24-252-10", "apoz-5", "0.69 -> 0.74 %, 3.85x", 0, []goal{within(0.1), exactly(weightsLeft, 111788, "weights")}},
		}}},
	}
}

// filterMethods choose channels of LeNet-5.
var filterMethods = []struct{ id, label, method string }{
	{"l1", "L1 norm (Li et al. 2017)", "filter-norm"},
	{"l2", "L2 norm", "filter-norm"},
	{"largest", "largest L1 norm first", "filter-norm"},
	{"mean-activation", "mean activation", "mean-activation"},
	{"apoz", "share of zeros (Hu et al. 2016)", "apoz"},
	{"taylor", "Taylor expansion (Molchanov et al. 2019)", "taylor"},
	{"channel-lasso", "LASSO and reconstruction (He et al. 2017)", "channel-lasso"},
	{"thinet", "ThiNet (Luo et al. 2017)", "thinet"},
	{"random", "random", "random"},
}

// filtersTable halves the convolutions of LeNet-5 in every way.
func filtersTable() table {
	t := table{
		id: "filters", title: "Half of LeNet-5's filters, chosen in every way",
		text: `conv1 goes from 20 to 10 filters and conv2 from 50 to 25, in one pass. No paper has figures for it; Li et al. 2017 claim that small filters are better gone than random ones, He et al. and Luo et al. that choosing by the next layer's outputs, and fitting its weights, is better than by norms before fine-tuning.`,
	}
	l := listing{columns: channelColumns}
	at := map[string]ref{}
	for _, m := range filterMethods {
		extra := []string{measured}
		switch m.id {
		case "l2":
			extra = append(extra, "norm: l2")
		case "largest":
			extra = append(extra, "first: largest")
		case "random", "taylor":
			extra = append(extra, "granularity: channel", "scope: layer")
		}
		id := "filters-" + m.id
		t.experiments = append(t.experiments, experiment{id: id, seeds: 3,
			spec: base5relu + pruning(m.method, "passes: 1, target: {layers: {conv1: 50%, conv2: 50%}}", tune5, extra...) + durable})
		l.lines = append(l.lines, line{label: m.label, of: id})
		at[m.id] = last(id)
	}
	// ThiNet as its paper goes on: a layer, its fine-tuning, the next layer.
	const byLayer = "filters-thinet-by-layer"
	t.experiments = append(t.experiments, experiment{id: byLayer, seeds: 3,
		spec: base5relu + pruning("thinet", "passes: 2, target: {layers: {conv1: 50%, conv2: 50%}}, order: [conv1, conv2]", tune5, measured) + durable})
	l.lines = append(l.lines, line{label: "ThiNet, fine-tuned after each layer", of: byLayer})
	t.listings = []listing{l}
	t.claims = []claim{
		{"small L1 norms are better gone than random and than the largest, before fine-tuning", prunedError, [][2]ref{{at["l1"], at["random"]}, {at["l1"], at["largest"]}}},
		{"and after it", finalError, [][2]ref{{at["l1"], at["random"]}, {at["l1"], at["largest"]}}},
		{"LASSO and ThiNet are better than random and the norms before fine-tuning", prunedError, [][2]ref{
			{at["channel-lasso"], at["random"]}, {at["channel-lasso"], at["l1"]}, {at["channel-lasso"], at["l2"]},
			{at["thinet"], at["random"]}, {at["thinet"], at["l1"]}, {at["thinet"], at["l2"]},
		}},
	}
	return t
}

// istaTable is ISTA where nothing is padded, so that removal is exact.
func istaTable() table {
	base := network("arch: lenet-5, batch_norm: true") + mnist + training("10", sgd5, "ista: {rho: 0.02}")
	tune := "epochs: 3, optimizer: {sgd: {" + sgd5 + "}}"
	return table{
		id: "ista", title: "ISTA (Ye et al. 2018): channels that are exactly constant",
		text: `LeNet-5 with batch normalization is trained with proximal steps on its scales, which make some of them exactly 0. Their channels are removed, and what they send becomes part of the biases behind them: without padding nothing changes, so the accuracy before fine-tuning is that of the dense network. Dropping the constants instead is the control. The strength of the pull was chosen by how many channels went in trials, which showed test accuracies too. The paper has no figures of MNIST.`,
		experiments: []experiment{
			{id: "ista-absorb", seeds: 3, spec: base + pruning("ista", "passes: 1", tune, measured) + durable},
			{id: "ista-drop", seeds: 3, spec: base + pruning("ista", "passes: 1", tune, "constants: drop", measured) + durable},
		},
		listings: []listing{{columns: channelColumns, lines: []line{
			{"constants absorbed", "ista-absorb", "", 0, []goal{
				{"the dense error before fine-tuning", prunedGained, func(mean float64) bool { return mean == 0 }}, within(0.1), atLeast(weightsTimes, 1.01, times, "fewer weights")}},
			{"constants dropped", "ista-drop", "", 0, nil},
		}}},
	}
}

// scratchTable trains the pruned architectures from new weights.
func scratchTable() table {
	mlp := network(`checkpoint: {{final "slimming-mlp"}}, fresh: true`) + mnist
	mlpTrain := func(epochs string) string {
		return training(epochs, "lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 1e-4")
	}
	small := network(`checkpoint: {{final "filters-l1"}}, fresh: true`) + mnist
	return table{
		id: "scratch-mnist", title: "Scratch controls (Liu et al. 2019): the small networks from new weights",
		text: `What a pruned network is worth is what it has over the same architecture trained anew: E for as many epochs as the dense network, B for as much computation.`,
		experiments: []experiment{
			{id: "scratch-mnist-mlp-e", seeds: 3, needs: []string{"slimming-mlp"}, spec: mlp + mlpTrain("12") + durable},
			{id: "scratch-mnist-mlp-b", seeds: 3, needs: []string{"slimming-mlp"}, spec: mlp + mlpTrain(`{{longer "slimming-mlp" 12}}`) + durable},
			{id: "scratch-mnist-5-e", seeds: 3, needs: []string{"filters-l1"}, spec: small + training("10", sgd5) + durable},
			{id: "scratch-mnist-5-b", seeds: 3, needs: []string{"filters-l1"}, spec: small + training(`{{longer "filters-l1" 10}}`, sgd5) + durable},
		},
		listings: []listing{{columns: []column{{"error", finalError, percents}, {"weights", weightsLeft, counts}, {"MACs", macsLeft, counts}}, lines: []line{
			{label: "784-100-60-10, pruned by slimming", of: "slimming-mlp"},
			{label: "the same from scratch, E", of: "scratch-mnist-mlp-e"},
			{label: "the same from scratch, B", of: "scratch-mnist-mlp-b"},
			{label: "LeNet-5 10-25-500, pruned by L1 norm", of: "filters-l1"},
			{label: "the same from scratch, E", of: "scratch-mnist-5-e"},
			{label: "the same from scratch, B", of: "scratch-mnist-5-b"},
		}}},
	}
}
