package report

import "fmt"

// size tells the bytes of the best trial, by stage and by layer.
func (p *Part) size() section {
	s := section{level: 3, title: "Size"}
	at := Better(p.Trials, p.Objectives)
	if at < 0 {
		s.say("No network was kept, so there is no size.")
		return s
	}
	best := &p.Trials[at]
	if best.Last().DenseBytes == 0 {
		s.say("The trainer did not say what its networks hold, so only the bytes of its checkpoint files are known.")
	}
	s.say(p.stages(best))
	g := heads(">pass", "network", ">dense", ">CSR", ">pruned (P)", ">quantized (P+Q)", ">coded (P+Q+H)", ">checkpoint file")
	for i := range best.Passes {
		b := &best.Passes[i]
		g.row(plain(fmt.Sprint(b.Number), b.Network, comma(b.DenseBytes), comma(b.CSRBytes), comma(b.PrunedBytes), comma(b.CodedBytes), comma(b.HuffmanBytes), comma(b.FileBytes))...)
	}
	s.tabulate(g)
	s.say("Bytes are counted from the weights, not estimated. Dense is 4 for each parameter, zeros too; CSR has the weights that are not 0 with their columns and rows; P, P+Q and P+Q+H are the rules of Han et al. 2016, for quantized networks. A checkpoint file also has masks and whatever training needs to go on.")
	if len(p.Layers) > 0 {
		s.tabulate(p.layers())
		s.say(p.packed())
	}
	return s
}

func (p *Part) stages(best *Trial) string {
	if p.Sweep {
		return fmt.Sprintf("Of trial %d, the best by the objectives in their order.", best.Number)
	}
	return "Of every pass."
}

func (p *Part) layers() *grid {
	g := heads("layer", "operation", ">parameters before", ">after", ">gone, %", ">multiply-adds before", ">after", ">dense bytes", ">CSR bytes", ">packed bytes")
	for _, l := range p.Layers {
		g.row(plain(l.Name, l.Op, comma(l.Before.Params), comma(l.After.NonZero), l.gone(),
			comma(l.Before.MACs), comma(l.After.EffectiveMACs), comma(l.After.Bytes), comma(l.After.SparseBytes), comma(l.Packed))...)
	}
	return g
}

func (p *Part) packed() string {
	if p.Packed == 0 {
		return "By layer, of the dense and of the last network."
	}
	layers := int64(0)
	for _, l := range p.Layers {
		layers += l.Packed
	}
	return fmt.Sprintf("By layer, of the dense and of the last network. Packed is what the layer takes in the file that espalier pack writes of the last network, which has %s bytes, %s of them of no layer.", grouped(p.Packed), grouped(p.Packed-layers))
}

// speed puts what the multiply-adds promise beside what was measured.
func (p *Part) speed() section {
	s := section{level: 3, title: "Speed"}
	all, paths := groups(p.Trials), varied(p.Trials)
	g := &grid{}
	for _, path := range paths {
		g.head(Short(path, paths))
	}
	for _, title := range []string{">multiply-adds before", ">after", ">theoretical", ">time before", ">after", ">measured"} {
		g.head(title)
	}
	measured := false
	for _, one := range all {
		var row []cell
		for _, path := range paths {
			row = append(row, cell{text: valueAt(one.settings, path)})
		}
		ratio := one.over(sped)
		measured = measured || ratio.n > 0
		told := "not measured"
		if ratio.n > 0 {
			told = ratio.write(times)
		}
		g.row(append(row, plain(
			one.over(dense(func(p *Pass) float64 { return float64(p.MACs) })).write(rounded),
			one.over(last(func(p *Pass) float64 { return float64(p.EffectiveMACs) })).write(rounded),
			one.over(promised).write(times),
			one.over(dense(func(p *Pass) float64 { return p.Latency })).seconds(),
			one.over(last(func(p *Pass) float64 { return p.Latency })).seconds(),
			told,
		)...)...)
	}
	s.tabulate(g)
	s.say("Theoretical is how many times fewer multiply-adds one sample takes, those by zeros not counted. That is a count and no time: zeros that stay in their place save none by themselves.")
	if measured {
		s.say("Measured is the median time for one sample on the machine that evaluated, before over after. It holds for that machine alone.")
		return s
	}
	s.say("No time was measured. measure_latency: true in a spec measures it with every evaluation.")
	if at := Better(p.Trials, p.Objectives); at >= 0 && p.Trials[at].First() != nil && p.Trials[at].First() != p.Trials[at].Last() {
		t := &p.Trials[at]
		s.say("Of networks that are there this measures it:")
		s.code("sh", fmt.Sprintf("espalier bench %s %s", digest(t.First().Checkpoint).text, digest(t.Last().Checkpoint).text))
	}
	return s
}

// promised is how many times fewer multiply-adds a trial's last network takes.
func promised(t *Trial) (float64, bool) {
	before, _ := dense(func(p *Pass) float64 { return float64(p.MACs) })(t)
	return ratio(before, float64(t.Last().EffectiveMACs))
}

// sped is how many times faster it was measured to be.
func sped(t *Trial) (float64, bool) {
	before, _ := dense(func(p *Pass) float64 { return p.Latency })(t)
	return ratio(before, t.Last().Latency)
}

func ratio(before, after float64) (float64, bool) {
	if before == 0 || after == 0 {
		return 0, false
	}
	return before / after, true
}
