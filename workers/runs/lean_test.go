package runs_test

import (
	"testing"

	"espalier/activities"
	"espalier/workflows"
)

// What trials share is asked of a worker once, and their records need none
// unless the store does not answer at once.
func TestTrialsAskForNoStepThatIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		spec   string
		outage bool
		want   map[string]int // steps of the trials by name
	}{
		"trials that share their first network": {
			spec: `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
sweep: {search: grid, params: {train.optimizer.sgd.lr: [1, 2, 3, 4, 5]}, concurrency: 2}
`,
			want: map[string]int{activities.NamePrepare: 1, activities.NameTrain: 5, activities.NameEvaluate: 5},
		},
		"trials that share their dense network": {
			spec: `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 1}
prune: {method: han, schedule: {passes: 1, target: {sparsity: 80%}}, finetune: {epochs: 1}}
sweep: {search: grid, params: {prune.schedule.target.sparsity: [50%, 60%, 70%]}, concurrency: 3}
`,
			want: map[string]int{
				activities.NamePrepare: 1, activities.NameTrain: 1, activities.NamePrune: 3, activities.NameFinetune: 3,
				activities.NameEvaluate: 4,
			},
		},
		"trials in an outage": {
			spec: `train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 1}}, seed: 2}
sweep: {search: grid, params: {train.optimizer.sgd.lr: [1, 2]}, concurrency: 1}
`,
			outage: true,
			want: map[string]int{
				activities.NamePrepare: 1, activities.NameTrain: 2, activities.NameEvaluate: 2, activities.NameRecord: 2,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.outage.Store(c.outage)
			l.work(t, 2)
			id := l.submit(t, specOf(t, "lean", c.spec))
			r, err := l.Sweep(t.Context(), id)
			if err != nil || r.Failures != 0 || r.Ended != r.Total {
				t.Fatalf("%+v, %v; want all trials done", r, err)
			}
			got := map[string]int{}
			for _, done := range l.done() {
				if done.run != id {
					got[done.name]++
				}
			}
			for name, n := range c.want {
				if got[name] != n {
					t.Errorf("%d steps %s, want %d; all are %v", got[name], name, n, got)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("the steps are %v, want %v", got, c.want)
			}
			for _, trial := range r.Trials {
				v, err := l.Look(t.Context(), trial.Run, true)
				if err != nil || v.Summary.State != workflows.StateDone || v.Summary.Final == "" || v.Summary.Accuracy != 0.9 {
					t.Errorf("trial %d is %+v, %v; want its summary", trial.Trial, v, err)
				}
			}
		})
	}
}
