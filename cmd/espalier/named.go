package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/workers/runs"
	"espalier/workflows"
)

// runID is what the id of a run looks like: a spec's name and 12 digits. One of
// its passes has a number behind it.
var runID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{12}(@[0-9]+)?$`)

// anyNetwork is a network by the name that a user has for it: a file, the first
// digits of a checkpoint's digest, a run, or a pass of one as RUN@PASS.
func (a *app) anyNetwork(ctx context.Context, name string) (*models.Network, error) {
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) && runID.MatchString(name) {
		digest, err := a.reachedBy(ctx, name)
		if err != nil {
			return nil, err
		}
		name = string(digest)
	}
	net, err := a.savedNetwork(ctx, name)
	if errors.Is(err, errNoCheckpoint) {
		return nil, usageError{fmt.Errorf("%s is no file, no run and no digest (its first 4 to 64 digits, 0-9 and a-f)", name)}
	}
	return net, err
}

// answerWithin is how long a run's worker may take to tell what it has reached.
const answerWithin = 2 * time.Second

// reachedBy is the checkpoint of the last pass of a run that was kept, or of the
// pass that is named. Where no servers run, those of the home folder are started
// for as long as it takes.
func (a *app) reachedBy(ctx context.Context, name string) (checkpoint.Digest, error) {
	id, pass, named := strings.Cut(name, "@")
	if _, err := os.Stat(a.home); err != nil && !a.env.TemporalConfigured() {
		return "", usageError{fmt.Errorf("%w: %s; there is no home %s", runs.ErrNotFound, id, a.home)}
	}
	c, err := a.standUp(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	v, err := c.runs.Glance(ctx, id, answerWithin)
	if err != nil {
		return "", err
	}
	if v.Reached == nil {
		return "", fmt.Errorf("%s is %s, and no worker answers for what it has reached; go on with it, or name a checkpoint", id, v.State)
	}
	if named {
		at := slices.IndexFunc(v.Reached.Rows, func(r workflows.Row) bool { return strconv.Itoa(r.Pass) == pass })
		if at < 0 {
			return "", usageError{fmt.Errorf("%s has no pass %s; it has reached %d", id, pass, len(v.Reached.Rows)-1)}
		}
		return v.Reached.Rows[at].Checkpoint, nil
	}
	digest := kept(v.Reached.Rows)
	if digest == "" {
		return "", fmt.Errorf("%s has no network yet", id)
	}
	return digest, nil
}

// kept is the checkpoint of the last row that was kept, or "".
func kept(rows []workflows.Row) (digest checkpoint.Digest) {
	for _, row := range rows {
		if row.Kept {
			digest = row.Checkpoint
		}
	}
	return digest
}
