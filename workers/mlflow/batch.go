package mlflow

import (
	"context"
	"encoding/json"
	"net/http"
)

// metric is a point as the API has it; the time is in milliseconds.
type metric struct {
	Key       string  `json:"key"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"`
	Step      int     `json:"step"`
}

// batch is a request of runs/log-batch.
type batch struct {
	RunID   string   `json:"run_id"`
	Metrics []metric `json:"metrics,omitempty"`
	Params  []Pair   `json:"params,omitempty"`
	Tags    []Pair   `json:"tags,omitempty"`
}

func (b *batch) empty() bool { return len(b.Metrics)+len(b.Params)+len(b.Tags) == 0 }

// log writes all of the batch, in as many requests as MLflow's limits ask for.
func (c *Client) log(ctx context.Context, b batch) error {
	for !b.empty() {
		part, err := b.take()
		if err != nil {
			return err
		}
		if err := c.call(ctx, http.MethodPost, "runs/log-batch", part, nil); err != nil {
			return err
		}
	}
	return nil
}

// room is what a request may still hold.
type room struct{ entities, bytes int }

// take moves what one request may hold out of the batch.
func (b *batch) take() (part batch, err error) {
	part.RunID = b.RunID
	left := room{mostEntities, mostBytes}
	if part.Params, b.Params, err = take(b.Params, mostPairs, &left); err != nil {
		return part, err
	}
	if part.Tags, b.Tags, err = take(b.Tags, mostPairs, &left); err != nil {
		return part, err
	}
	part.Metrics, b.Metrics, err = take(b.Metrics, mostPoints, &left)
	return part, err
}

// take splits items where the first ones fit. One alone always does.
func take[T any](items []T, most int, left *room) (head, tail []T, err error) {
	n := 0
	for n < len(items) && n < most && left.entities > 0 {
		data, err := json.Marshal(items[n])
		if err != nil {
			return nil, nil, err
		}
		if len(data)+1 > left.bytes {
			break
		}
		left.bytes -= len(data) + 1
		left.entities--
		n++
	}
	return items[:n], items[n:], nil
}
