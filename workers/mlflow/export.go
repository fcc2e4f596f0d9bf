package mlflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Export writes runs into the experiment of the name, which is made if there is
// none. Runs that the server has with other numbers are left as they are; their
// [ConflictError] come at the end, after all others were written. Any other
// error ends it, and the next Export goes on from there.
func (c *Client) Export(ctx context.Context, experiment string, runs iter.Seq2[Run, error]) (Exported, error) {
	e := Exported{Experiment: experiment}
	var err error
	if e.ExperimentID, err = c.experiment(ctx, experiment); err != nil {
		return e, err
	}
	e.URL = strings.TrimRight(c.URL, "/") + "/#/experiments/" + e.ExperimentID
	written := map[string]string{}
	var conflicts []error
	for r, err := range runs {
		if err != nil {
			return e, err
		}
		if r.Parent != "" {
			r.Tags = append(r.Tags[:len(r.Tags):len(r.Tags)], Pair{"mlflow.parentRunId", written[r.Parent]})
		}
		var conflict *ConflictError
		if written[r.ID], err = c.write(ctx, &e, &r); errors.As(err, &conflict) {
			conflicts = append(conflicts, err)
		} else if err != nil {
			return e, fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	return e, errors.Join(conflicts...)
}

// experiment is the id of the one with the name.
func (c *Client) experiment(ctx context.Context, name string) (string, error) {
	for try := 1; ; try++ {
		var found struct {
			Experiment struct {
				ID    string `json:"experiment_id"`
				Stage string `json:"lifecycle_stage"`
			} `json:"experiment"`
		}
		err := c.call(ctx, http.MethodGet, "experiments/get-by-name?experiment_name="+url.QueryEscape(name), nil, &found)
		var answer *Error
		switch {
		case err == nil && found.Experiment.ID == "":
			return "", errors.New("MLflow: GET experiments/get-by-name: the answer has no experiment; is this the address of a tracking server?")
		case err == nil && found.Experiment.Stage == "deleted":
			return "", fmt.Errorf("MLflow: the experiment %q was deleted; restore it there, or name another", name)
		case err == nil:
			return found.Experiment.ID, nil
		case !errors.As(err, &answer) || answer.Code != codeMissing:
			return "", err
		}
		var made struct {
			ID string `json:"experiment_id"`
		}
		err = c.call(ctx, http.MethodPost, "experiments/create", map[string]string{"name": name}, &made)
		if err == nil {
			return made.ID, nil
		}
		// It was made meanwhile: by another, or by a request whose answer was lost.
		if !errors.As(err, &answer) || answer.Code != codeThere || try == tries {
			return "", err
		}
	}
}

// remote is a run as the server has it.
type remote struct {
	Info struct {
		ID     string `json:"run_id"`
		Status string `json:"status"`
	} `json:"info"`
	Data struct {
		Metrics []struct { // the last point of each
			Key   string `json:"key"`
			Value number `json:"value"`
			Step  number `json:"step"`
		} `json:"metrics"`
		Params []Pair `json:"params"`
	} `json:"data"`
}

// write brings a run to the server, and returns its id there.
func (c *Client) write(ctx context.Context, e *Exported, r *Run) (string, error) {
	now := time.Now().UnixMilli()
	there, created, err := c.open(ctx, e.ExperimentID, r, now)
	if err != nil {
		return "", err
	}
	b, err := r.lacking(there, now)
	if err != nil {
		return there.Info.ID, err
	}
	e.Runs++
	if created {
		e.Created++
	}
	e.Points += len(b.Metrics)
	if err := c.log(ctx, b); err != nil || there.Info.Status == r.Status {
		return there.Info.ID, err
	}
	update := map[string]any{"run_id": there.Info.ID, "status": r.Status}
	if r.Status != StatusRunning {
		update["end_time"] = now
	}
	return there.Info.ID, c.call(ctx, http.MethodPost, "runs/update", update, nil)
}

// open finds the run or makes it. Where the answer to its making is lost, it is
// looked for before it is made again.
func (c *Client) open(ctx context.Context, experiment string, r *Run, now int64) (there *remote, created bool, err error) {
	for try := 1; ; try++ {
		there, err := c.find(ctx, experiment, r.ID)
		if err != nil || there != nil {
			return there, try > 1, err
		}
		var made struct {
			Run remote `json:"run"`
		}
		err = c.once(ctx, http.MethodPost, "runs/create", map[string]any{
			"experiment_id": experiment, "run_name": r.Name, "start_time": now,
			"tags": []Pair{{TagID, r.ID}},
		}, &made)
		if err == nil && made.Run.Info.ID != "" {
			return &made.Run, true, nil
		}
		if err == nil {
			return nil, false, errors.New("MLflow: POST runs/create: the answer has no run_id")
		}
		if err := c.rest(ctx, err, try); err != nil {
			return nil, false, err
		}
	}
}

// find looks for a run by its tag; nil is none. Of several, as two exports at
// the same time may make, it is the oldest.
func (c *Client) find(ctx context.Context, experiment, id string) (*remote, error) {
	if strings.ContainsAny(id, `'"\`) {
		return nil, fmt.Errorf("%q has quotes in it, which MLflow's searches do not allow", id)
	}
	var found struct {
		Runs []remote `json:"runs"`
	}
	err := c.call(ctx, http.MethodPost, "runs/search", map[string]any{
		"experiment_ids": []string{experiment}, "filter": fmt.Sprintf("tags.`%s` = '%s'", TagID, id),
		"run_view_type": "ACTIVE_ONLY", "max_results": 1, "order_by": []string{"attributes.start_time ASC"},
	}, &found)
	if err != nil || len(found.Runs) == 0 {
		return nil, err
	}
	return &found.Runs[0], nil
}

// lacking is what the server has not. Points are written in the order of their
// steps, so a metric's last one says that those before it are there.
func (r *Run) lacking(there *remote, now int64) (batch, error) {
	b := batch{RunID: there.Info.ID}
	conflict := func(what, has, want string) error {
		return &ConflictError{ID: r.ID, RunID: there.Info.ID, What: what, Has: has, Want: want}
	}
	params := map[string]string{}
	for _, p := range there.Data.Params {
		params[p.Key] = p.Value
	}
	for _, p := range r.Params {
		p = Pair{Name(p.Key), cut(p.Value, mostParam)}
		has, ok := params[p.Key]
		if ok && has != p.Value {
			return b, conflict(p.Key, strconv.Quote(has), strconv.Quote(p.Value))
		}
		if !ok {
			b.Params, params[p.Key] = append(b.Params, p), p.Value
		}
	}
	for _, p := range r.Tags {
		b.Tags = append(b.Tags, Pair{Name(p.Key), cut(p.Value, mostTag)})
	}
	type last struct{ value, step float64 }
	lasts := map[string]last{}
	for _, m := range there.Data.Metrics {
		lasts[m.Key] = last{float64(m.Value), float64(m.Step)}
	}
	for _, p := range r.Points {
		name := Name(p.Key)
		has, ok := lasts[name]
		switch step := float64(p.Step); {
		case !ok || step > has.step:
			b.Metrics = append(b.Metrics, metric{name, p.Value, now, p.Step})
		case step == has.step && !same(p.Value, has.value):
			return b, conflict(fmt.Sprintf("%s at step %d", name, p.Step), fmt.Sprint(has.value), fmt.Sprint(p.Value))
		}
	}
	return b, nil
}

// same allows for databases that round.
func same(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }
