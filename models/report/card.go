package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// needed stands, as in the template of model cards, for what only its author
// can say.
const needed = "[More Information Needed]"

// Card writes a model card in the form of Hugging Face, after Mitchell et al.
// 2019, "Model Cards for Model Reporting": YAML front matter with the results
// for machines, then the sections of their template. It is of the study's one
// part, by its best trial; several parts and none with a network are errors.
func (s *Study) Card(w io.Writer) error {
	if len(s.Parts) != 1 {
		return fmt.Errorf("a model card is of one run or one sweep, not of %d", len(s.Parts))
	}
	p := &s.Parts[0]
	at := Better(p.Trials, p.Objectives)
	if at < 0 {
		return errors.New("a model card is of a network, and no trial of " + p.ID + " has kept one")
	}
	c := &card{study: s, part: p, trial: &p.Trials[at], end: p.Trials[at].Last()}
	var out bytes.Buffer
	c.front(&out)
	out.Write(c.document().markdown())
	_, err := w.Write(out.Bytes())
	return err
}

type card struct {
	study *Study
	part  *Part
	trial *Trial
	end   *Pass
}

// front is the YAML before the text. Quoted strings of Go are such of YAML.
func (c *card) front(out *bytes.Buffer) {
	tags := []string{"espalier", "compression"}
	for _, pass := range c.trial.Passes {
		if pass.Kept && pass.Network != "dense" && tags[len(tags)-1] != pass.Network {
			tags = append(tags, pass.Network)
		}
	}
	fmt.Fprintf(out, "---\nlibrary_name: espalier\npipeline_tag: image-classification\ntags:\n")
	for _, tag := range tags {
		fmt.Fprintf(out, "- %s\n", tag)
	}
	data := c.part.Data.Name
	if data == "" { // of a trainer of another language
		data = needed
	} else {
		fmt.Fprintf(out, "datasets:\n- %s\n", strconv.Quote(data))
	}
	fmt.Fprintf(out, "metrics:\n- accuracy\nmodel-index:\n- name: %s\n  results:\n  - task:\n      type: image-classification\n", strconv.Quote(c.part.Name))
	fmt.Fprintf(out, "    dataset:\n      name: %s\n      type: %s\n      split: test\n", strconv.Quote(data), strconv.Quote(data))
	fmt.Fprintf(out, "    metrics:\n    - type: accuracy\n      name: accuracy\n      value: %s\n", exact(c.end.Accuracy))
	fmt.Fprintf(out, "    - type: loss\n      name: cross-entropy in nats\n      value: %s\n", exact(c.end.Loss))
	fmt.Fprintf(out, "    - type: sparsity\n      name: share of the dense network's weights that are gone\n      value: %s\n---\n\n", exact(c.end.Sparsity))
}

func exact(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func (c *card) document() *document {
	return &document{
		title:    "Model Card for " + c.part.Name,
		sections: slices.Concat(c.details(), c.uses(), c.training(), c.evaluation(), c.technical()),
	}
}

func (c *card) details() []section {
	about := section{level: 3, title: "Model Description"}
	text := fmt.Sprintf("A network for classifying images, compressed by Espalier %s: %s of the dense network's weights are gone, and its accuracy on the test set is %s",
		c.study.Version, percent(c.end.Sparsity), percent(c.end.Accuracy))
	from := needed
	if first := c.trial.First(); first != nil {
		text += ", where that of the dense network was " + percent(first.Accuracy)
		from = "checkpoint " + digest(first.Checkpoint).text
	}
	about.say(text + ".")
	g := heads("", "")
	for _, line := range [][2]string{{"Developed by", needed}, {"Model type", c.part.Network}, {"License", needed}, {"Compressed from", from}} {
		g.row(plain(line[0], line[1])...)
	}
	g.row(cell{text: "Checkpoint"}, cell{text: c.end.Checkpoint, code: true})
	g.row(cell{text: "Run"}, cell{text: c.trial.Run, code: true})
	about.tabulate(g)
	return []section{{level: 2, title: "Model Details"}, about}
}

func (c *card) uses() []section {
	direct := section{level: 3, title: "Direct Use"}
	direct.say("Images like those of the data set that it was trained on, put into one of its classes.")
	outside := section{level: 3, title: "Out-of-Scope Use"}
	outside.say(needed)
	bias := section{level: 2, title: "Bias, Risks, and Limitations"}
	bias.say("What is known is the accuracy over the whole test set. Compression does not cost every class the same: classes that are rare or hard to tell apart may lose more than the average (Hooker et al. 2020). Measure the groups that matter to you before and after.")
	start := section{level: 2, title: "How to Get Started with the Model"}
	start.say("Where the store of the run can be reached:")
	start.code("sh", fmt.Sprintf("espalier pack %[1]s -o model.esp\nespalier predict model.esp image.png\nespalier export %[1]s -o model.onnx", digest(c.end.Checkpoint).text))
	return []section{{level: 2, title: "Uses"}, direct, outside, bias, start}
}

func (c *card) training() []section {
	data := section{level: 3, title: "Training Data"}
	text := "The data set that the trainer has chosen. " + needed
	if d := c.part.Data; d.Name != "" {
		text = "The training samples of " + d.Name
		if d.Validation > 0 {
			text += fmt.Sprintf(", the last %s of them held out", grouped(int64(d.Validation)))
		}
		text += "."
	}
	data.say(text)
	if d := c.part.Data.Digest; d != "" {
		g := heads("", "")
		g.row(cell{text: "SHA-256 of the content"}, cell{text: d, code: true})
		data.tabulate(g)
	}
	procedure := section{level: 3, title: "Training Procedure"}
	procedure.say("The dense network is trained, then every pass removes a part and trains what is left.")
	g := heads("setting", "value")
	for _, f := range c.part.Facts {
		g.row(plain(f.Name, f.Value)...)
	}
	for _, set := range c.trial.Settings {
		g.row(cell{text: set.Path, code: true}, cell{text: set.Value})
	}
	if c.part.Sweep {
		g.row(plain("seed", fmt.Sprint(c.trial.Seed))...)
	}
	procedure.tabulate(g)
	again := section{level: 3, title: "Reproduction"}
	if c.trial.Command == "" {
		again.say("No command makes this network again from its beginning. " + needed)
		return []section{{level: 2, title: "Training Details"}, data, procedure, again}
	}
	again.say(fmt.Sprintf("With this saved as %s, the command does every step again; on the machine named below, with as many threads, to the same bits.", c.part.File))
	again.code("yaml", c.part.Spec)
	again.code("sh", c.trial.Command)
	if len(c.part.Needs) > 0 {
		again.say("It needs as well:")
		again.list(c.part.Needs...)
	}
	return []section{{level: 2, title: "Training Details"}, data, procedure, again}
}

func (c *card) evaluation() []section {
	results := section{level: 3, title: "Results"}
	g := heads(">pass", "network", ">accuracy, %", "95 % interval", ">sparsity, %", ">parameters", ">multiply-adds", ">bytes")
	for i := range c.trial.Passes {
		p := &c.trial.Passes[i]
		g.row(plain(fmt.Sprint(p.Number), p.Network, shared(p.Accuracy), shared(p.Low)+" to "+shared(p.High), shared(p.Sparsity),
			comma(p.Params), comma(p.EffectiveMACs), comma(p.smallest()))...)
	}
	results.tabulate(g)
	results.say("On the whole test set; Wilson intervals. Bytes are those of the smallest form that was counted. This network is the last one that was kept.")
	text := "One seed, so nothing is known of the spread over seeds."
	if c.part.Sweep {
		for _, one := range groups(c.part.Trials) {
			if len(one.trials) > 1 && slices.Equal(one.settings, c.trial.Settings) {
				text = fmt.Sprintf("Over %d seeds of these values the accuracy is %s %%, mean and sample deviation. This network is the best of them, which flatters it.", len(one.trials),
					one.over(func(t *Trial) (float64, bool) { return t.Last().Accuracy, true }).write(shared))
			}
		}
	}
	results.say(text)
	return []section{{level: 2, title: "Evaluation"}, results, c.part.size(), c.part.speed()}
}

func (c *card) technical() []section {
	impact := section{level: 2, title: "Environmental Impact"}
	impact.say("Not measured.")
	machines := c.part.machines()
	machines.title = "Compute Infrastructure"
	shape := section{level: 3, title: "Model Architecture and Objective"}
	shape.say(c.part.Network + ", softmax cross-entropy over its classes.")
	cite := section{level: 2, title: "Citation"}
	cite.say(needed)
	contact := section{level: 2, title: "Model Card Contact"}
	contact.say(needed)
	return []section{impact, {level: 2, title: "Technical Specifications"}, shape, machines, cite, contact}
}
