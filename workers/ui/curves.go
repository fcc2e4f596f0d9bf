package ui

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/models/prune/sensitivity"
	"espalier/workers/runs"
	"espalier/workflows"
)

// curve is the course of one training.
type curve struct {
	Key      string  `json:"key"`
	Activity string  `json:"activity"`
	Pass     int     `json:"pass"`
	Points   []point `json:"points"`
}

// point is where a training stood after so many whole epochs and batches. What
// is not known, or is no number that JSON has, is left out.
type point struct {
	Epoch   int     `json:"epoch"`
	Batch   int     `json:"batch,omitempty"`
	Samples int     `json:"samples,omitempty"`  // of the epoch under way
	Loss    *number `json:"loss,omitempty"`     // mean over the epoch so far, nats
	Correct *number `json:"accuracy,omitempty"` // of the epoch's samples so far, each before its update
	LR      *number `json:"lr,omitempty"`
	Rate    *number `json:"rate,omitempty"`    // training images a second
	Seconds *number `json:"seconds,omitempty"` // since the attempt began
	// On the validation samples or, without any, the test samples, where the
	// spec asks for a look after the epoch.
	LookedLoss     *number `json:"eval_loss,omitempty"`
	LookedAccuracy *number `json:"eval_accuracy,omitempty"`
}

type number = float64

// finite is a number, or nil for one that JSON has not.
func finite(v float64) *number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// trainings are the activities that have curves.
var trainings = []string{activities.NameTrain, activities.NameFinetune, activities.NameSparsify, activities.NameExternal}

// curves are the courses of the trainings of a run, from their journals and, of
// one under way, from its newest heartbeat.
func (s *Server) curves(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	steps, err := s.steps(ctx, v)
	if err != nil {
		return nil, err
	}
	all := []curve{}
	for _, step := range steps {
		same := func(c curve) bool { return c.Key == step.Key }
		if step.Key == "" || !slices.Contains(trainings, step.Activity) || slices.ContainsFunc(all, same) {
			continue
		}
		entries, err := s.journal(ctx, step.Key)
		if err != nil {
			return nil, err
		}
		c := curve{Key: step.Key, Activity: step.Activity, Pass: step.Pass, Points: pointsOf(entries)}
		if v.Step != nil && v.Step.Progress != nil && v.Step.Progress.Key == step.Key {
			c.now(v.Step.Progress)
		}
		all = append(all, c)
	}
	return map[string]any{"steps": all}, nil
}

// pointsOf are the ends of epochs, and the middles in which checkpoints were
// saved.
func pointsOf(entries []checkpoint.Entry) []point {
	at := map[[2]int]point{}
	for _, e := range entries {
		if c := e.Cursor; c != nil && c.Batch > 0 && c.Seen > 0 {
			at[[2]int{c.Epoch, c.Batch}] = point{
				Epoch: c.Epoch, Batch: c.Batch, Samples: c.Seen,
				Loss: finite(c.LossSum / float64(c.Seen)), Correct: finite(float64(c.Correct) / float64(c.Seen)),
			}
		}
	}
	for _, e := range activities.Epochs(entries) {
		p := point{
			Epoch: e.Epoch, Loss: finite(e.TrainLoss), Correct: finite(e.TrainAccuracy), LR: finite(e.LR), Seconds: finite(e.Seconds),
		}
		if e.Looked {
			p.LookedLoss, p.LookedAccuracy = finite(e.Loss), finite(e.Accuracy)
		}
		at[[2]int{e.Epoch, 0}] = p
	}
	points := slices.SortedFunc(maps.Values(at), func(a, b point) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Batch, b.Batch))
	})
	if points == nil {
		points = []point{}
	}
	return points
}

// now adds where the training stands, if no entry has got so far.
func (c *curve) now(g *activities.Progress) {
	if n := len(c.Points); n > 0 {
		if last := c.Points[n-1]; last.Epoch > g.Cursor.Epoch || last.Epoch == g.Cursor.Epoch && last.Batch >= g.Cursor.Batch {
			return
		}
	}
	if g.Cursor.Epoch == 0 && g.Cursor.Batch == 0 {
		return
	}
	c.Points = append(c.Points, point{
		Epoch: g.Cursor.Epoch, Batch: g.Cursor.Batch, Samples: g.Cursor.Seen,
		Loss: finite(g.Loss), Correct: finite(g.Accuracy), LR: finite(g.LR), Rate: finite(g.Rate),
	})
}

// scanned is a layer of a scan.
type scanned struct {
	Name string `json:"name"`
	sensitivity.Curve
}

// sensitivity is what a scan has measured so far.
func (s *Server) sensitivity(ctx context.Context, v *runs.View, _ *http.Request) (any, error) {
	if v.Kind != runs.KindSensitivity {
		return nil, fault{http.StatusNotFound, errors.New(v.ID + " is no scan of sensitivity")}
	}
	layers := []scanned{}
	if v.State == workflows.StateDone {
		result, err := s.Runs.Sensitivity(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		for _, c := range result.Layers {
			layers = append(layers, scanned{c.Layer, c})
		}
		return map[string]any{
			"layers": layers, "accuracy": result.Accuracy, "split": result.Split, "samples": result.Samples,
			"method": result.Method, "granularity": result.Granularity, "network": result.Network,
		}, nil
	}
	steps, err := s.steps(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		var left activities.SensitivityResult
		if step.Activity == activities.NameSensitivity && step.Result != nil && json.Unmarshal(step.Result, &left) == nil {
			layers = append(layers, scanned{left.Curve.Layer, left.Curve})
		}
	}
	return map[string]any{"layers": layers}, nil
}
