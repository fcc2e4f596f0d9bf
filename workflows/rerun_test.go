package workflows_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows"
)

// A record gives the steps of its run in order, each with what it begins with.
func TestStepsOfARecordBeginWithWhatThoseBeforeLeft(t *testing.T) {
	t.Parallel()
	const engine = "network: {arch: mlp, hidden: [16]}\ndata: {name: digits, train: 200, test: 100}\ntrain: {epochs: 1, batch: 50, optimizer: {sgd: {lr: 0.05}}}\n"
	for name, c := range map[string]struct {
		spec  string
		rows  int
		coded bool     // the last row is of the quantized network
		want  []string // kind, what it reads -> what it left
	}{
		"an engine's run": {
			spec: "name: a\n" + engine + "prune: {method: han, measure_pruned: true, schedule: {passes: 1, target: {sparsity: 50%}}, finetune: {epochs: 1}}\n",
			rows: 2, want: []string{"prepare -> 0", "train 0 -> 1", "evaluate 1", "prune 1 -> 2", "finetune 2 -> 3", "evaluate 3", "evaluate 2"},
		},
		"a quantized one": {
			spec: "name: a\n" + engine + "quantize: {method: shared, finetune: {epochs: 1}}\n",
			rows: 2, coded: true, want: []string{"prepare -> 0", "train 0 -> 1", "evaluate 1", "quantize 1 -> 2", "tune 2 -> 3", "evaluate 3", "evaluate 2"},
		},
		"one in portions": {
			spec: "name: a\n" + engine + "quantize: {portions: [50%, 100%], finetune: {epochs: 1}}\n",
			rows: 2, coded: true, want: []string{
				"prepare -> 0", "train 0 -> 1", "evaluate 1", "quantize 1 -> 2", "tune 2 -> 3", "quantize 3 -> 4", "tune 4 -> 5", "evaluate 5", "evaluate 4",
			},
		},
		"one that is taught by its dense network, and then by the pruned one": {
			spec: "name: a\n" + engine + "prune: {method: han, schedule: {passes: 1, target: {sparsity: 50%}}, finetune: {epochs: 1, distill: {}}}\nquantize: {portions: [50%, 100%], finetune: {epochs: 1, distill: {}}}\n",
			rows: 3, coded: true, want: []string{
				"prepare -> 0", "train 0 -> 1", "evaluate 1", "prune 1 -> 2", "finetune 2 1 -> 3", "evaluate 3",
				"quantize 3 -> 4", "tune 4 3 -> 5", "quantize 5 -> 6", "tune 6 3 -> 7", "evaluate 7", "evaluate 6",
			},
		},
		"one that another teaches": {
			spec: "name: a\n" + engine + "prune: {method: han, schedule: {passes: 1, target: {sparsity: 50%}}, finetune: {epochs: 1, distill: {teacher: " + strings.Repeat("1", 64) + "}}}\nquantize: {finetune: {epochs: 1, distill: {teacher: " + strings.Repeat("2", 64) + "}}}\n",
			rows: 3, coded: true, want: []string{
				"prepare -> 0", "train 0 -> 1", "evaluate 1", "prune 1 -> 2", "finetune 2 111 -> 3", "evaluate 3",
				"quantize 3 -> 4", "tune 4 222 -> 5", "evaluate 5", "evaluate 4",
			},
		},
		"without fine-tuning": {
			spec: "name: a\n" + engine + "prune: {method: han, schedule: {passes: 1, target: {sparsity: 50%}}, finetune: {epochs: 1}}\n",
			rows: 2, want: []string{"prepare -> 0", "train 0 -> 1", "evaluate 1", "prune 1 -> 2", "evaluate 2"},
		},
		"a trainer's run": {
			spec: "name: a\nexec: {trainer: toy, passes: 1, target: 50%}\n",
			rows: 2, want: []string{"train -> 0", "evaluate 0", "prune 0 -> 1", "finetune 1 -> 2", "evaluate 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, err := config.Parse("a.yaml", []byte(c.spec))
			if err != nil {
				t.Fatal(err)
			}
			if name == "without fine-tuning" {
				spec.Prune.Finetune.Epochs = 0
			}
			record := recordOf(spec, c.rows, c.coded, c.want)
			steps, err := record.Steps()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range steps {
				got = append(got, told(s, record.Links))
				if want := map[bool]string{true: activities.NameExternal}[spec.Exec != nil]; want != "" && s.Activity != want {
					t.Errorf("%s is done by %s", s.Kind, s.Activity)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// recordOf is a record with a link for each step that is wanted to leave one.
func recordOf(spec *config.Spec, rows int, coded bool, want []string) *workflows.Record {
	r := &workflows.Record{Result: workflows.Result{Run: "a", Spec: *spec}}
	for _, w := range want {
		if strings.Contains(w, "->") {
			digest := checkpoint.DigestOf([]byte(w))
			r.Links = append(r.Links, workflows.Link{Key: string(digest), Checkpoint: digest})
		}
	}
	if p := spec.Prune; p != nil && spec.FinetuneTrain(1).Epochs == 0 {
		r.Links = append(r.Links, r.Links[len(r.Links)-1]) // stands for the one before
	}
	for pass := range rows {
		r.Rows = append(r.Rows, workflows.Row{Pass: pass, Kept: true})
	}
	if coded {
		r.Rows[rows-1].HuffmanBytes = 1
	}
	return r
}

// told is a step in words, its checkpoints by the numbers of their links, those
// of others by their first digits.
func told(s workflows.Made, links []workflows.Link) string {
	number := func(d checkpoint.Digest) string {
		for i, l := range links {
			if l.Checkpoint == d {
				return string(rune('0' + i))
			}
		}
		return string(d[:3])
	}
	text := s.Kind
	for _, d := range s.Reads() {
		text += " " + number(d)
	}
	if s.Key != "" {
		text += " -> " + number(s.Left)
	}
	return text
}
