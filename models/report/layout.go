package report

import (
	"fmt"
	"strings"
)

// mostTold bounds the trials whose passes are told one by one.
const mostTold = 50

// document lays the study out.
func (s *Study) document() (*document, error) {
	d := &document{title: s.Title}
	overview, err := s.overview()
	if err != nil {
		return nil, err
	}
	d.sections = append(d.sections, overview)
	for i := range s.Parts {
		p := &s.Parts[i]
		d.sections = append(d.sections, section{level: 2, title: p.Name})
		d.sections = append(d.sections, p.whatWasRun(), p.machines(), p.results())
		front, err := p.front()
		if err != nil {
			return nil, fmt.Errorf("the front of %s: %w", p.ID, err)
		}
		d.sections = append(d.sections, front, p.size(), p.speed(), p.stopped(), p.passes(), p.again())
	}
	return d, nil
}

func (s *Study) overview() (section, error) {
	o := section{level: 2, title: "Overview"}
	o.say("Accuracies are those of the test set. A value with ± is the mean over seeds and its sample deviation, with one less than the number of seeds as the divisor. What was not measured is told as such: - stands for no value.")
	g := heads("experiment", "id", "state", ">trials", ">accuracy, %", ">sparsity, %", ">parameters", ">smaller")
	for i := range s.Parts {
		p := &s.Parts[i]
		row := append(plain(p.Name), cell{text: p.ID, code: true}, cell{text: p.State}, cell{text: grouped(int64(len(p.Trials) + p.LeftOut))})
		if at := Better(p.Trials, p.Objectives); at >= 0 {
			best := p.Trials[at].Last()
			row = append(row, plain(shared(best.Accuracy), shared(best.Sparsity), comma(best.Params), p.smaller(&p.Trials[at]))...)
		} else {
			row = append(row, plain(unknown, unknown, unknown, unknown)...)
		}
		g.row(row...)
	}
	o.tabulate(g)
	o.say("Of a sweep the numbers are those of its best trial, by the objectives in their order; smaller is how many times fewer bytes its last network takes than its dense one, in the smallest form that was counted. Written by espalier " + s.Version + ".")
	if g := s.means(); g != nil {
		o.say("Runs that differ in nothing but the seed:")
		o.tabulate(g)
	}
	svg, err := s.beside()
	if svg != nil {
		o.draw(svg, "The best trial of each, pass by pass: accuracy against bytes in the smallest form counted.")
	}
	return o, err
}

// smaller is how many times a trial's last network is smaller than its first.
func (p *Part) smaller(t *Trial) string {
	first, end := t.First(), t.Last()
	if first == nil || first.DenseBytes == 0 || end.smallest() == 0 {
		return unknown
	}
	return times(float64(first.DenseBytes) / float64(end.smallest()))
}

func (p *Part) whatWasRun() section {
	s := section{level: 3, title: "What was run"}
	g := heads("", "")
	kind := "run"
	if p.Sweep {
		kind = "sweep"
	}
	g.row(cell{text: kind}, cell{text: p.ID, code: true})
	g.row(plain("state", p.State)...)
	for _, f := range p.Facts {
		g.row(plain(f.Name, f.Value)...)
	}
	if p.Data.Digest != "" {
		g.row(cell{text: "SHA-256 of the data"}, cell{text: p.Data.Digest, code: true})
	}
	if len(p.Seeds) > 0 {
		g.row(plain("seeds", listed(p.Seeds))...)
	}
	if p.Over != "" {
		g.row(plain("no more trials", p.Over)...)
	}
	s.tabulate(g)
	return s
}

func listed[T any](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func (p *Part) machines() section {
	s := section{level: 3, title: "Machines and versions"}
	if len(p.Machines) == 0 {
		s.say("The journals of the steps are not there, so it is not known what computed them.")
		return s
	}
	g := heads("engine", "CPU", "linear algebra", ">threads", "espalier", ">steps")
	for _, m := range p.Machines {
		g.row(plain(m.Engine, m.CPU, m.BLAS, fmt.Sprint(m.Threads), strings.Join(m.Versions, ", "), comma(int64(m.Steps)))...)
	}
	s.tabulate(g)
	s.say(fmt.Sprintf("By the journals of %s of %d. Equal bits are promised for equal rows of this table.", plural(p.Told, "step"), p.Steps))
	return s
}

func (p *Part) results() section {
	s := section{level: 3, title: "Results"}
	all, paths := groups(p.Trials), varied(p.Trials)
	g := &grid{}
	for _, path := range paths {
		g.head(Short(path, paths))
	}
	for _, title := range reachedHeads {
		g.head(title)
	}
	for _, one := range all {
		var row []cell
		for _, path := range paths {
			row = append(row, cell{text: valueAt(one.settings, path)})
		}
		g.row(append(row, one.reached()...)...)
	}
	s.tabulate(g)
	s.say("The last network that was kept of each choice of values: parameters that are not 0, multiply-adds of one sample by weights that are not 0, bytes in the smallest form that was counted.")
	if p.LeftOut > 0 {
		s.say(fmt.Sprintf("Not told here: %s.", plural(p.LeftOut, "more trial")))
	}
	return s
}

// stopped tells of every trial that did not get to its end, and why.
func (p *Part) stopped() section {
	s := section{level: 3, title: "Stopped and failed trials"}
	g := heads(">trial", "state", ">last pass", "why")
	for i := range p.Trials {
		t := &p.Trials[i]
		if t.State == "done" && t.Why == "" {
			continue
		}
		at, why := unknown, t.Why
		if len(t.Passes) > 0 {
			at = fmt.Sprint(t.Passes[len(t.Passes)-1].Number)
		}
		if why == "" && t.State == "rung" {
			why = "not taken further by the search"
		}
		if why == "" {
			why = unknown
		}
		g.row(plain(t.name(p), t.State, at, why)...)
	}
	if len(g.rows) == 0 {
		s.say("None: everything that was begun got to its end.")
		return s
	}
	s.tabulate(g)
	return s
}

// name is what a trial is called: its number, or the run's id.
func (t *Trial) name(p *Part) string {
	if p.Sweep {
		return fmt.Sprint(t.Number)
	}
	return t.Run
}

func (p *Part) passes() section {
	s := section{level: 3, title: "Every pass"}
	g := heads(">trial", ">pass", "network", ">accuracy, %", "95 % interval", ">validation, %", ">sparsity, %", ">parameters", ">multiply-adds", "checkpoint", "")
	told := p.Trials[:min(len(p.Trials), mostTold)]
	for i := range told {
		t := &told[i]
		for k := range t.Passes {
			at := &t.Passes[k]
			validation, kept := unknown, ""
			if at.Validation > 0 {
				validation = shared(at.Validation)
			}
			if !at.Kept {
				kept = "broke a rule, not kept"
			}
			row := plain(t.name(p), fmt.Sprint(at.Number), at.Network, shared(at.Accuracy), shared(at.Low)+" to "+shared(at.High), validation,
				shared(at.Sparsity), comma(at.Params), comma(at.EffectiveMACs))
			g.row(append(row, digest(at.Checkpoint), cell{text: kept})...)
		}
	}
	s.tabulate(g)
	if more := len(p.Trials) - len(told) + p.LeftOut; more > 0 {
		s.say(fmt.Sprintf("Those of %s are written by: espalier results %s", plural(more, "more trial"), p.ID))
	}
	return s
}

// again tells how each row is made again.
func (p *Part) again() section {
	s := section{level: 3, title: "Do it again"}
	if p.Spec == "" {
		s.say("The spec is not known, so no command makes these numbers again from their beginning.")
		return s
	}
	s.say(fmt.Sprintf("Save this as %s. Each command then does all steps of its row, wherever espalier is; where they are done already they are found and not done again. On a machine like the one above, with as many threads (ESPALIER_THREADS), the checkpoint is the same to the bit.", p.File))
	s.code("yaml", p.Spec)
	if len(p.Needs) > 0 {
		s.say("It needs as well:")
		s.list(p.Needs...)
	}
	g := heads(">trial", "command", "last checkpoint")
	for i := range p.Trials {
		t := &p.Trials[i]
		left := ""
		if end := t.Last(); end != nil {
			left = end.Checkpoint
		}
		command := cell{text: t.Command, code: true}
		if t.Command == "" {
			command = cell{text: "not known"}
		}
		g.row(cell{text: t.name(p)}, command, digest(left))
	}
	s.tabulate(g)
	s.say("What a run stands on, with its network, goes into one file by espalier bundle RUN, and espalier reproduce FILE does its steps again and compares.")
	return s
}
