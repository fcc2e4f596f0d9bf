package results

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"espalier/config"
	"espalier/workers/mlflow"
	"espalier/workers/table"
	"espalier/workflows"
)

// Tracked are a run, or a sweep and after it all its trials, as MLflow has
// them, and the name in the spec; the error is as that of [Source.Of]. version
// is that of the program.
func (s Source) Tracked(ctx context.Context, version, id string) (name string, all iter.Seq2[mlflow.Run, error], err error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return "", nil, err
	}
	if found.sweep != nil {
		return found.sweep.of.Name, found.sweep.tracked(ctx, version), nil
	}
	t := found.run
	return t.spec.Name, func(yield func(mlflow.Run, error) bool) { yield(t.tracked(id, version), nil) }, nil
}

// tracked has the trials in the order of their numbers. A trial is found again
// by its number: its run may become another when it is tried again.
func (g *gathering) tracked(ctx context.Context, version string) iter.Seq2[mlflow.Run, error] {
	return func(yield func(mlflow.Run, error) bool) {
		sweep := mlflow.Run{
			ID: g.of.Run, Name: g.of.Run, Status: statusOf(g.of.State),
			Tags: tags("espalier.run", g.of.Run, "espalier.state", g.of.State, "espalier.version", version),
		}
		if !yield(sweep, nil) {
			return
		}
		for number := range g.of.Made {
			t, err := g.trial(ctx, number)
			if err == nil && t.spec == nil && g.of.Spec != nil {
				t.spec, err = specOf(g.of.Spec, &t)
			}
			if err != nil {
				yield(mlflow.Run{}, err)
				return
			}
			r := t.tracked(fmt.Sprintf("%s-%d", g.of.Run, number), version)
			r.Parent = g.of.Run
			if !yield(r, nil) {
				return
			}
		}
	}
}

// specOf is the spec of a trial, as its own result will have it.
func specOf(sweep *config.Spec, t *trial) (*config.Spec, error) {
	values := make([]config.Setting, len(t.values))
	for i, v := range t.values {
		values[i] = config.Setting(v)
	}
	return sweep.Trial(values)
}

func (t trial) tracked(id, version string) mlflow.Run {
	r := mlflow.Run{ID: id, Name: t.run, Status: statusOf(t.state)}
	r.Tags = tags("espalier.run", t.run, "espalier.sweep", t.sweep, "espalier.state", t.state, "espalier.why", t.why,
		"espalier.data_sha256", t.data, "espalier.version", version)
	if t.number != noTrial {
		r.Tags = append(r.Tags, tags("espalier.trial", strconv.Itoa(t.number))...)
	}
	if t.seeded {
		r.Tags = append(r.Tags, tags("espalier.seed", strconv.FormatUint(seedIn(&t), 10))...)
	}
	for i := range slices.Backward(t.rows) {
		if row := &t.rows[i]; row.Kept {
			key, _ := t.key(row.Checkpoint).(string)
			r.Tags = append(r.Tags, tags("espalier.checkpoint", string(row.Checkpoint), "espalier.step_key", key)...)
			break
		}
	}
	if t.spec != nil {
		r.Params = portable(*t.spec)
	}
	for i := range t.rows {
		r.Points = append(r.Points, points(&t.rows[i])...)
	}
	return r
}

// tags are pairs of names and values, without those that are empty.
func tags(words ...string) []mlflow.Pair {
	var all []mlflow.Pair
	for i := 0; i+1 < len(words); i += 2 {
		if words[i+1] != "" {
			all = append(all, mlflow.Pair{Key: words[i], Value: words[i+1]})
		}
	}
	return all
}

// portable is what a spec says of numbers. A folder of this machine is nobody
// else's affair, and where a run computes changes no number.
func portable(spec config.Spec) []mlflow.Pair {
	for _, path := range []*string{&spec.Data.Path, &spec.Data.ExtraTest, &spec.Network.Weights, &spec.Network.ONNX} {
		if *path != "" {
			*path = filepath.Base(*path)
		}
	}
	var all []mlflow.Pair
	for _, s := range spec.Settings() {
		if s.Path != "name" && s.Value != "" && !strings.HasPrefix(s.Path, "durability.") && !strings.HasPrefix(s.Path, "resources.") {
			all = append(all, mlflow.Pair{Key: s.Path, Value: s.Value})
		}
	}
	return all
}

// points are the numbers of a pass under the names that tables have for them.
func points(r *workflows.Row) []mlflow.Point {
	var all []mlflow.Point
	add := func(name string, x float64) {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			all = append(all, mlflow.Point{Key: name, Value: x, Step: r.Pass})
		}
	}
	for _, m := range measured {
		if m.Name == "pass" || m.Kind != table.Number && m.Kind != table.Whole {
			continue
		}
		switch x := m.of(r).(type) {
		case float64:
			add(m.Name, x)
		case int64:
			add(m.Name, float64(x))
		}
	}
	if r.Latency > 0 {
		add("latency_seconds", r.Latency)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Metrics)) {
		add("trainer/"+name, r.Metrics[name])
	}
	return all
}

// statusOf is what MLflow calls a state. A trial that waits at a rung may go
// on, but does nothing.
func statusOf(state string) string {
	switch state {
	case workflows.StateDone, workflows.StateStopped, workflows.StateRung:
		return mlflow.StatusFinished
	case workflows.StateFailed:
		return mlflow.StatusFailed
	case workflows.StateCancelled:
		return mlflow.StatusKilled
	}
	return mlflow.StatusRunning
}
