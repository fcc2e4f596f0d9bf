package main

import "fmt"

// cifarNet is a network of CIFAR-10 and its training. Dense networks are found
// again as long as nothing here changes.
type cifarNet struct {
	id, name string
	keys     string // of network
	lr       string
	head     string // the last layer, which keeps more where each layer has its own share
	cannot   string // the experiment that asks for more than can go
}

var (
	resnet20 = cifarNet{"resnet20", "ResNet-20", "arch: resnet-20", "0.2", "linear", "filter-norm-eights-70"}
	vgg16    = cifarNet{"vgg16", "VGG-16 of a quarter of the width", "arch: vgg-16-bn, width: 0.25", "0.1", "", ""}
)

func (n cifarNet) base() string {
	return network(n.keys) + cifar + n.training("16")
}

func (n cifarNet) training(epochs string) string {
	return training(epochs, "lr: "+n.lr+", momentum: 0.9, nesterov: true, weight_decay: 5e-4")
}

// pruned is the spec of one pass by a method that takes a share of the MACs.
func (n cifarNet) pruned(method, saving string, others ...string) string {
	return n.base() + pruning(method, "passes: 1, target: {macs: "+saving+"%}", tuneCIFAR(2), append([]string{measured}, others...)...) + durable
}

// tuneCIFAR is the fine-tuning after every pass.
func tuneCIFAR(epochs int) string {
	return fmt.Sprintf("epochs: %d, optimizer: {sgd: {lr: 0.02, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}", epochs)
}

// sparsifyCIFAR readies a network for slimming.
const sparsifyCIFAR = "sparsify: {epochs: 3, optimizer: {sgd: {lr: 0.02, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}, l1: {gamma: 1e-4}}"

// savings are the shares of the MACs that the channel methods take.
var savings = []string{"30", "50", "70"}

// cifarMethods choose channels; others are lines of prune.
var cifarMethods = []struct {
	id, label, method string
	others            []string
}{
	{"filter-norm", "L1 norm (Li et al. 2017)", "filter-norm", nil},
	{"random", "random", "random", []string{"granularity: channel", "scope: layer"}},
	{"apoz", "share of zeros (Hu et al. 2016)", "apoz", nil},
	{"mean-activation", "mean activation", "mean-activation", nil},
	{"taylor", "Taylor expansion (Molchanov et al. 2019)", "taylor", []string{"granularity: channel"}},
	{"channel-lasso", "LASSO and reconstruction (He et al. 2017)", "channel-lasso", nil},
	{"thinet", "ThiNet (Luo et al. 2017)", "thinet", nil},
	{"slimming", "slimming, of the dense network as it is", "slimming", nil},
	{"ista", "smallest scales, constants absorbed (Ye et al. 2018)", "ista", nil},
	{"filter-norm-eights", "L1 norm, channel counts in multiples of 8", "filter-norm", []string{"multiple: 8"}},
	{"slimming-sparsified", "slimming after 3 epochs of L1 on the scales (Liu et al. 2017)", "slimming", []string{sparsifyCIFAR}},
}

// cifarTables are the tables of CIFAR-10, the dear ones last.
func cifarTables() []table {
	return []table{
		methodsTable(resnet20), methodsTable(vgg16), istaCIFARTable(),
		controlsCIFAR(resnet20), controlsCIFAR(vgg16), scratchCIFAR(resnet20), scratchCIFAR(vgg16),
	}
}

// methodsTable is every channel method on one network.
func methodsTable(n cifarNet) table {
	prefix := "cifar-" + n.id + "-"
	t := table{
		id: "cifar-" + n.id, title: n.name + ": every channel method at 30, 50 and 70 % fewer MACs",
		text:  `The dense network has 16 epochs. One pass takes the channels, by each method's own scope, and two epochs follow. Slimming in three passes is one run, whose passes leave 67, 45 and 30 % of the MACs, each after three epochs of L1 and before two without. Where every channel that goes is read by a convolution with batch normalization behind it, as in ResNet-20, absorbing its constant moves a running mean, which fine-tuning overwrites: what differs before ends in the same network. Of the 16 to 64 channels of ResNet-20 at least 8 stay where counts are multiples of 8, so 69.45 % of its MACs can go then and no more. The papers' figures are of other lengths of training and of larger networks: what can be compared is the order of the methods, and the difference to the dense network.`,
		shown: prefix + "filter-norm-50",
	}
	t.experiments = []experiment{{id: prefix + "dense", seeds: 1, spec: n.base() + durable}}
	var lines []gridLine
	for _, m := range cifarMethods {
		l := gridLine{label: m.label}
		for _, saving := range savings {
			id := prefix + m.id + "-" + saving
			if m.id+"-"+saving == n.cannot {
				l.cells = append(l.cells, ref{})
				continue
			}
			t.experiments = append(t.experiments, experiment{id: id, seeds: 1, spec: n.pruned(m.method, saving, m.others...)})
			l.cells = append(l.cells, last(id))
		}
		lines = append(lines, l)
	}
	id := prefix + "slimming-passes"
	t.experiments = append(t.experiments, experiment{id: id, seeds: 1,
		spec: n.base() + pruning("slimming", "passes: 3, target: {macs: 70%}, shape: geometric", tuneCIFAR(2), measured, sparsifyCIFAR) + durable})
	lines = append(lines, gridLine{"slimming in three passes", []ref{{id, 1}, {id, 2}, {id, 3}}})

	dense := listing{columns: []column{{"accuracy", denseAccuracy, percents}, {"parameters", paramsLeft, counts}, {"MACs", macsLeft, counts}}, lines: []line{{label: "dense", of: prefix + "dense"}}}
	t.listings = []listing{dense}
	heads := func(first string) []string { return []string{first, "30 % fewer MACs", "50 %", "70 %"} }
	t.grids = []grid{
		{"Accuracy right after the pruning:", heads(""), prunedAccuracy, percents, lines},
		{"Accuracy after two epochs:", heads(""), finalAccuracy, percents, lines},
		{"Points gained or lost to the dense network after two epochs:", heads(""), gained, points, lines},
		{"MACs left:", heads(""), macsShare, percents, lines},
		{"Parameters gone:", heads(""), paramsGone, percents, lines},
	}
	t.claims = methodClaims(lines)
	for _, saving := range savings {
		for _, method := range []string{"filter-norm-", "filter-norm-eights-"} {
			if method+saving == n.cannot {
				continue
			}
			t.benches = append(t.benches, bench{name: prefix + method + saving, dense: prefix + "dense", small: prefix + method + saving})
		}
	}
	t.plot = &plot{file: "reproduction-" + n.id + ".svg", title: n.name + " on CIFAR-10", lines: lines}
	return t
}

// methodClaims are what the papers say of each other's methods.
func methodClaims(lines []gridLine) []claim {
	of := func(i int) []ref { return cellsOf(lines, cifarMethods[i].label) }
	norm, random, apoz, lasso, thinet, slim, ista, sparsified := of(0), of(1), of(2), of(5), of(6), of(7), of(8), of(10)
	return []claim{
		{"small filters are better gone than random ones, before fine-tuning (Li et al.)", prunedAccuracy, pairwise(random, norm)},
		{"and after it", finalAccuracy, pairwise(random, norm)},
		{"LASSO is better than norms before fine-tuning (He et al.)", prunedAccuracy, pairwise(norm, lasso)},
		{"ThiNet is better than zeros and than random before fine-tuning (Luo et al.)", prunedAccuracy, append(pairwise(apoz, thinet), pairwise(random, thinet)...)},
		{"sparse training helps slimming after fine-tuning (Liu et al.)", finalAccuracy, pairwise(slim, sparsified)},
		{"absorbing constants helps before fine-tuning (Ye et al.)", prunedAccuracy, pairwise(slim, ista)},
	}
}

// istaCIFARTable is ISTA on the networks of its paper, in short trainings.
func istaCIFARTable() table {
	sgd := func(lr string) string { return "sgd: {lr: " + lr + ", momentum: 0.9, weight_decay: 5e-4}" }
	spec := func(arch, epochs, sparse, rho string) string {
		return network(arch) + cifar + training(epochs, "lr: 0.1, momentum: 0.9, weight_decay: 5e-4") +
			pruning("ista", "passes: 1", "epochs: 2, optimizer: {"+sgd("0.02")+"}", measured,
				"sparsify: {epochs: "+sparse+", optimizer: {"+sgd("0.05")+"}, ista: {rho: "+rho+"}}") + durable
	}
	return table{
		id: "cifar-ista", title: "ISTA (Ye et al. 2018) on its own networks",
		text: `ConvNet, here of half the width, and ResNet-20 with the paper's shortcuts. A short dense training, then proximal steps on the scales, removal of the channels whose scales are 0, and two epochs without. Of this short training it takes a strong pull until scales reach 0: with a fifth to a quarter of it none did. The paper trains from scratch for some hundred epochs; its model A of ConvNet has 15.6 % of the parameters at 89.5 % (dense 89.0 %), that of ResNet-20 62.8 % at 90.9 % (92.0 %).`,
		experiments: []experiment{
			{id: "cifar-ista-resnet20", seeds: 1, spec: spec("arch: resnet-20-ista", "12", "4", "0.04")},
			{id: "cifar-ista-convnet", seeds: 1, spec: spec("arch: convnet, width: 0.5", "8", "3", "0.025")},
		},
		listings: []listing{{
			columns: []column{{"dense", denseAccuracy, percents}, {"before fine-tuning", prunedAccuracy, percents}, {"after", finalAccuracy, percents},
				{"difference", gained, points}, {"parameters", paramsLeft, counts}, {"gone", paramsGone, percents}, {"MACs left", macsShare, percents}},
			lines: []line{
				{"ConvNet of half the width", "cifar-ista-convnet", "84.4 % of the parameters gone at +0.5 points", 0, []goal{within(0), atLeast(paramsGone, 84.4, percents, "of the parameters gone")}},
				{"ResNet-20", "cifar-ista-resnet20", "37 % of the parameters gone at -1.1 points", 0, []goal{within(1.2), atLeast(paramsGone, 37, percents, "of the parameters gone")}},
			},
		}},
	}
}

// controlsCIFAR prunes single weights of a network in every basic way.
func controlsCIFAR(n cifarNet) table {
	t := controls("controls-cifar-"+n.id, n.name, n.base(), n.head, tuneCIFAR(2), "", 1)
	t.title = n.name + " at 2 to 32 times fewer weights"
	t.text = `The same controls as on MNIST, without lottery tickets; two epochs after each pass.`
	t.grids[0].title, t.grids[0].of = "Accuracy:", finalAccuracy
	return t
}

// scratchCIFAR trains the architectures that the L1 norm leaves from new weights.
func scratchCIFAR(n cifarNet) table {
	t := table{
		id: "scratch-cifar-" + n.id, title: n.name + ": the small networks from new weights",
		text: `Liu et al. 2019 find that a channel-pruned architecture trained from new weights is as good as the pruned network. E has as many epochs as the dense network, B as much computation. The pruned networks are those of the table of methods, made again on the machine of this table, whose dense network may be another.`,
	}
	t.shown = t.id + "-30-e"
	pruned, e, b := gridLine{label: "pruned by L1 norm"}, gridLine{label: "from scratch, E"}, gridLine{label: "from scratch, B"}
	for _, saving := range savings {
		from := t.id + "-" + saving + "-pruned"
		t.experiments = append(t.experiments, experiment{id: from, seeds: 1, spec: n.pruned("filter-norm", saving)})
		small := network(`checkpoint: {{final "`+from+`"}}, fresh: true`) + cifar
		for _, control := range []struct {
			id, epochs string
			line       *gridLine
		}{{"e", "16", &e}, {"b", `{{longer "` + from + `" 16}}`, &b}} {
			id := t.id + "-" + saving + "-" + control.id
			t.experiments = append(t.experiments, experiment{id: id, seeds: 1, needs: []string{from}, spec: small + n.training(control.epochs) + durable})
			control.line.cells = append(control.line.cells, last(id))
		}
		pruned.cells = append(pruned.cells, last(from))
	}
	lines := []gridLine{pruned, e, b}
	t.grids = []grid{{"Accuracy:", []string{"", "30 % fewer MACs", "50 %", "70 %"}, finalAccuracy, percents, lines}}
	t.claims = []claim{
		{"pruning is better than training the small network for as many epochs", finalAccuracy, pairwise(e.cells, pruned.cells)},
		{"and for as much computation", finalAccuracy, pairwise(b.cells, pruned.cells)},
	}
	return t
}
