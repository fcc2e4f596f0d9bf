package runs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows"
)

// MistakeError says that what was asked for cannot be.
type MistakeError struct{ error }

// Unwrap is what is wrong.
func (e MistakeError) Unwrap() error { return e.error }

// Extend begins a run with the spec of another one and more passes. It shares
// the steps of all passes that there are, and goes on to a target that follows
// from the old one unless settings say another. The answer is its id; the same
// question is the same run.
func (c *Client) Extend(ctx context.Context, id string, passes int, settings []config.Setting, by workflows.Control) (string, error) {
	in, err := c.begunAs(ctx, id)
	if err != nil {
		return "", err
	}
	spec, err := in.Spec.Extended(passes)
	if err == nil {
		spec, err = spec.With(settings...)
	}
	if err != nil {
		return "", MistakeError{err}
	}
	return c.derive(ctx, spec, workflows.Origin{Run: id, How: workflows.EntryExtend, Pass: passes, Settings: settings}, by)
}

// Fork begins a run with a checkpoint of another one and its spec, in which
// settings are changed. from is a pass, 0 the dense network, or a checkpoint's
// digest or the beginning of one of the run's. The answer is its id; the same
// question is the same run.
func (c *Client) Fork(ctx context.Context, id, from string, settings []config.Setting, by workflows.Control) (string, error) {
	in, err := c.begunAs(ctx, id)
	if err != nil {
		return "", err
	}
	digest, pass, dense, err := c.checkpointOf(ctx, id, from)
	if err != nil {
		return "", err
	}
	spec, err := in.Spec.Forked(string(digest), pass)
	if err == nil {
		spec, err = spec.With(settings...)
	}
	if err != nil {
		return "", MistakeError{err}
	}
	if pass > 0 {
		spec = spec.TaughtBy(string(dense))
	}
	return c.derive(ctx, spec, workflows.Origin{Run: id, How: workflows.EntryFork, Pass: pass, Checkpoint: digest, Settings: settings}, by)
}

// begunAs is what a run or a trial was started with.
func (c *Client) begunAs(ctx context.Context, id string) (*workflows.RunInput, error) {
	v, err := c.Look(ctx, id, false)
	if err != nil {
		return nil, err
	}
	if v.Kind != "" && v.Kind != KindTrial {
		return nil, MistakeError{fmt.Errorf("%s is a %s; want a run or a trial", id, v.Kind)}
	}
	var in workflows.RunInput
	return &in, c.input(ctx, id, &in)
}

// derive starts a run that was made of another one, or finds it, and writes that
// into both logbooks.
func (c *Client) derive(ctx context.Context, spec *config.Spec, from workflows.Origin, by workflows.Control) (string, error) {
	id := workflows.RunID(spec)
	v, err := c.Look(ctx, id, false)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return "", err
	case v.Closed.IsZero() || v.State == workflows.StateDone:
		return id, nothing("the run is there, and is " + v.State)
	}
	summary := workflows.Summary{Name: spec.Name, State: workflows.StateRunning, Passes: passes(spec)}
	if _, err := c.start(ctx, id, summary, workflows.NameRun, workflows.RunInput{Spec: *spec, From: &from}); err != nil {
		return "", err
	}
	if err := c.wrote(ctx, id, from.How, from.Said(), by); err != nil {
		return id, err
	}
	return id, c.wrote(ctx, from.Run, from.How, "as "+id, by)
}

// fewestDigits are enough of a digest to name a checkpoint of a run.
const fewestDigits = 8

// checkpointOf finds a checkpoint of a run, and its pass, -1 if it is not known,
// with the checkpoint of the dense network, if that is.
func (c *Client) checkpointOf(ctx context.Context, id, from string) (digest checkpoint.Digest, pass int, dense checkpoint.Digest, err error) {
	v, err := c.Look(ctx, id, true)
	if err != nil {
		return "", 0, "", err
	}
	var rows []workflows.Row
	if v.Reached != nil {
		rows = v.Reached.Rows
	}
	if len(rows) > 0 {
		dense = rows[0].Checkpoint
	}
	pass, err = strconv.Atoi(from)
	byPass := err == nil && len(from) < fewestDigits
	for _, row := range rows {
		if byPass && row.Pass == pass || len(from) >= fewestDigits && strings.HasPrefix(string(row.Checkpoint), from) {
			return row.Checkpoint, row.Pass, dense, nil
		}
	}
	switch {
	case len(from) == 64 && strings.Trim(from, "0123456789abcdef") == "":
		return checkpoint.Digest(from), -1, dense, nil
	case v.Reached == nil:
		return "", 0, "", fmt.Errorf("no worker answers for the passes of %s; start one, or give a whole digest", id)
	default:
		return "", 0, "", MistakeError{fmt.Errorf("run %s has no pass and no checkpoint %q; it has passes 0 to %d", id, from, len(rows)-1)}
	}
}
