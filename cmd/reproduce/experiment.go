package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// experiment is one spec, run once for each seed.
type experiment struct {
	id    string // names the run and its files
	seeds int    // how many are run: 1, 2, ...
	needs []string
	spec  string // YAML, a template over specData
}

// specData is what a template of a spec may use.
type specData struct {
	Seed uint64
	Data string // folder of the data sets
}

// write fills in the template. What it says of other experiments is of their
// runs with the same seed; an experiment that is not in needs is not known.
func (e experiment) write(d specData, other func(id string) (*result, error)) (string, error) {
	needed := func(id string) (*result, error) {
		if !slices.Contains(e.needs, id) {
			return nil, fmt.Errorf("%s does not need %s", e.id, id)
		}
		return other(id)
	}
	functions := template.FuncMap{
		// final is the digest of an experiment's last checkpoint.
		"final": func(id string) (string, error) {
			r, err := needed(id)
			if err != nil {
				return "", err
			}
			return r.Final, nil
		},
		// longer is how many epochs of an experiment's last network cost as much
		// as so many of its dense one.
		"longer": func(id string, epochs int) (int, error) {
			r, err := needed(id)
			if err != nil {
				return 0, err
			}
			last, ok := r.at(lastPass)
			if !ok || last.MACs == 0 {
				return 0, fmt.Errorf("%s has no pass with multiply-adds", id)
			}
			return int(math.Round(float64(epochs) * float64(r.Rows[0].MACs) / float64(last.MACs))), nil
		},
	}
	t, err := template.New(e.id).Funcs(functions).Parse("name: " + e.id + "\n" + e.spec)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := t.Execute(&text, d); err != nil {
		return "", err
	}
	return text.String(), nil
}

// mnist and cifar are data sections; everything after them is train.
const (
	mnist = `data:
  name: mnist
  path: {{.Data}}/mnist
`
	cifar = `data:
  name: cifar10
  path: {{.Data}}/cifar10
  augment: {shift: 4, flip: true}
`
	// Nothing here changes a number; a busy machine answers late.
	durable = `durability: {checkpoint_every: 30s, heartbeat_timeout: 1m}
`
)

// training is a train section: epochs, the optimizer's keys, and other lines.
func training(epochs, sgd string, others ...string) string {
	text := "train:\n  epochs: " + epochs + "\n  batch: 128\n  optimizer: {sgd: {" + sgd + "}}\n  schedule: one-cycle\n"
	for _, line := range others {
		text += "  " + line + "\n"
	}
	return text + "  seed: {{.Seed}}\n"
}

// network is a network section of one line.
func network(keys string) string { return "network: {" + keys + "}\n" }

// pruning is a prune section of a method, its schedule and fine-tuning, each
// the keys of a mapping, and other lines.
func pruning(method, schedule, finetune string, others ...string) string {
	text := "prune:\n  method: " + method + "\n"
	for _, line := range others {
		text += "  " + line + "\n"
	}
	return text + "  schedule: {" + schedule + "}\n  finetune: {" + finetune + "}\n"
}

var (
	commentLine = regexp.MustCompile(`(?m)^\s*#.*\n`)
	commentTail = regexp.MustCompile(`(?m)\s+#.*$`)
	blankLine   = regexp.MustCompile(`(?m)^\s*\n`)
	nameLine    = regexp.MustCompile(`(?m)^name:.*\n`)
	pathLine    = regexp.MustCompile(`(?m)^  path: \./data/`)
	seedLine    = regexp.MustCompile(`(?m)^  seed: 1$`)
	durableKey  = regexp.MustCompile(`(?m)^durability:\n(?:  .*\n?)*`)
)

// fromExample makes a template of an example spec: without its comments, and
// with the data's folder, the seed and the durability of the others.
func fromExample(text string) string {
	for _, gone := range []*regexp.Regexp{commentLine, commentTail, blankLine, nameLine, durableKey} {
		text = gone.ReplaceAllString(text, "")
	}
	text = pathLine.ReplaceAllString(text, "  path: {{.Data}}/")
	return seedLine.ReplaceAllString(text, "  seed: {{.Seed}}") + durable
}

// experimentsOf lists the experiments of all tables, each once.
func experimentsOf(chapters []chapter) []experiment {
	var all []experiment
	for _, c := range chapters {
		for _, t := range c.tables {
			for _, e := range t.experiments {
				if !slices.ContainsFunc(all, func(o experiment) bool { return o.id == e.id }) {
					all = append(all, e)
				}
			}
		}
	}
	return all
}

// chosen are the experiments that match and what they need, in an order in
// which they can be run.
func chosen(all []experiment, only *regexp.Regexp) []experiment {
	var order []experiment
	var take func(id string)
	take = func(id string) {
		at := slices.IndexFunc(all, func(e experiment) bool { return e.id == id })
		if at < 0 || slices.ContainsFunc(order, func(e experiment) bool { return e.id == id }) {
			return
		}
		for _, need := range all[at].needs {
			take(need)
		}
		order = append(order, all[at])
	}
	for _, e := range all {
		if only.MatchString(e.id) {
			take(e.id)
		}
	}
	return order
}
