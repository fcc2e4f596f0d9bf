package runs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"espalier/workflows"
)

// The pace of a [Watch].
const (
	watchLate     = 10 * time.Second // how long the server may take to list what has ended
	logbooksEvery = 5 * time.Second  // between looks for new logbooks
	countEvery    = time.Minute      // between looks for runs that were forgotten
	logbookFresh  = 30 * time.Second // after which a logbook is read again, when its turn comes
	newLogbooks   = 20               // that are read first in one look
	oldLogbooks   = 2                // that are read again in one look
)

// Watch keeps a list of all runs, scans and sweeps up to date at little cost: it
// reads the whole list once and then, at each look, those under way and those
// that ended since. Trials of sweeps are not in it. It is not safe for
// concurrent use.
type Watch struct {
	Client *Client

	known  map[string]View      // by id, in its newest life
	gone   map[string]time.Time // when that began, of runs that were forgotten: lists may still have them
	lives  map[string]bool      // executions, by Temporal's run id
	page   []byte               // of the whole list, where it goes on
	listed bool                 // the whole list was read
	seen   map[string]bool      // in the reading of the whole list under way
	closed time.Time            // when the last of those known to have ended did

	counted  time.Time
	count    int64 // executions that the server had when the list was read, less those known then
	logbooks logbooks
}

// Change is what is new in a list of runs: how they stand, without rows, and
// which are gone.
type Change struct {
	Changed []View
	Gone    []string
}

// Listed says whether the whole list has been read.
func (w *Watch) Listed() bool { return w.listed }

// Look brings the list up to date and answers with what changed since the last
// look. Until the whole list is read, each look reads a page of it.
func (w *Watch) Look(ctx context.Context) (Change, error) {
	if w.known == nil {
		w.known, w.gone, w.lives = map[string]View{}, map[string]time.Time{}, map[string]bool{}
	}
	var c Change
	var err error
	if !w.listed {
		err = w.read(ctx, &c)
	} else {
		err = w.follow(ctx, &c)
	}
	if err != nil {
		return c, fmt.Errorf("watch runs: %w", err)
	}
	return c, w.annotate(ctx, &c)
}

// Refresh looks at one run of the list again, its logbook too.
func (w *Watch) Refresh(ctx context.Context, id string) (Change, error) {
	var c Change
	if _, ok := w.known[id]; !ok {
		return c, nil
	}
	if err := w.again(ctx, id, &c); err != nil || len(c.Gone) > 0 {
		return c, err
	}
	return c, w.readLogbook(ctx, id, &c)
}

// Forget takes a run that was discarded off the list: the server does not forget
// it at once.
func (w *Watch) Forget(id string) Change {
	var c Change
	if _, ok := w.known[id]; ok {
		w.drop(id, &c)
	}
	return c
}

const watchedTypes = "WorkflowType IN ('" + workflows.NameRun + "', '" + workflows.NameSensitivity + "', '" + workflows.NameSweep + "')"

// read reads the next page of the whole list.
func (w *Watch) read(ctx context.Context, c *Change) error {
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	next, err := w.list(ctx, watchedTypes, w.page, c)
	if err != nil {
		return err
	}
	if w.page = next; len(next) > 0 {
		return nil
	}
	w.listed = true
	for id := range w.known {
		if !w.seen[id] {
			w.drop(id, c)
		}
	}
	w.seen = nil
	all, err := w.total(ctx)
	w.count, w.counted = all-int64(len(w.lives)), time.Now()
	return err
}

// follow reads what is under way and what ended since.
func (w *Watch) follow(ctx context.Context, c *Change) error {
	w.seen = map[string]bool{}
	defer func() { w.seen = nil }()
	since := time.Unix(0, 0).UTC().Format(time.RFC3339Nano)
	if !w.closed.IsZero() {
		since = w.closed.Add(-watchLate).UTC().Format(time.RFC3339Nano)
	}
	for _, query := range []string{
		watchedTypes + " AND ExecutionStatus = 'Running'",
		watchedTypes + " AND CloseTime > '" + since + "'",
	} {
		for page := []byte(nil); ; {
			next, err := w.list(ctx, query, page, c)
			if err != nil {
				return err
			}
			if page = next; len(page) == 0 {
				break
			}
		}
	}
	for id, v := range w.known {
		if v.Closed.IsZero() && !w.seen[id] {
			if err := w.again(ctx, id, c); err != nil {
				return err
			}
		}
	}
	return w.recount(ctx)
}

// recount begins to read the whole list anew if there are fewer runs, or more,
// than are known.
func (w *Watch) recount(ctx context.Context) error {
	if time.Since(w.counted) < countEvery {
		return nil
	}
	all, err := w.total(ctx)
	w.counted = time.Now()
	if err == nil && all-int64(len(w.lives)) != w.count {
		w.listed, w.page, w.lives = false, nil, map[string]bool{}
	}
	return err
}

func (w *Watch) total(ctx context.Context) (int64, error) {
	answer, err := w.Client.Temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: w.Client.Namespace, Query: watchedTypes})
	return answer.GetCount(), err
}

// list takes in a page of a list.
func (w *Watch) list(ctx context.Context, query string, page []byte, c *Change) (next []byte, err error) {
	answer, err := w.Client.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: w.Client.Namespace, Query: query, PageSize: listPage, NextPageToken: page,
	})
	if err != nil {
		return nil, err
	}
	for _, info := range answer.GetExecutions() {
		w.take(info, c)
	}
	return answer.GetNextPageToken(), nil
}

// take takes in how one life of a run stands. What went on in another history is
// no end, and a life before the known one is past.
func (w *Watch) take(info *workflowpb.WorkflowExecutionInfo, c *Change) {
	w.lives[info.GetExecution().GetRunId()] = true
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		return
	}
	v := w.Client.view(info)
	w.seen[v.ID] = true
	w.put(*v, c)
}

// grain is that of the times that are compared: lists have fewer digits of them
// than descriptions.
const grain = time.Millisecond

func (w *Watch) put(v View, c *Change) {
	v.Started, v.Closed = v.Started.Truncate(grain), v.Closed.Truncate(grain)
	if began, was := w.gone[v.ID]; was && !v.Started.After(began) {
		return
	}
	before, known := w.known[v.ID]
	if known && (before.Started.After(v.Started) || !before.Closed.IsZero() && v.Closed.IsZero() && before.Started.Equal(v.Started)) {
		return
	}
	if v.Closed.After(w.closed) {
		w.closed = v.Closed
	}
	v.Tags = before.Tags
	if known && reflect.DeepEqual(before, v) {
		return
	}
	w.known[v.ID] = v
	c.add(v)
}

// add adds a view, in the place of an older one of the same run.
func (c *Change) add(v View) {
	for i := range c.Changed {
		if c.Changed[i].ID == v.ID {
			c.Changed[i] = v
			return
		}
	}
	c.Changed = append(c.Changed, v)
}

// again describes a run that is not where it was.
func (w *Watch) again(ctx context.Context, id string, c *Change) error {
	v, err := w.Client.Look(ctx, id, false)
	if errors.Is(err, ErrNotFound) {
		w.drop(id, c)
		return nil
	}
	if err != nil {
		return err
	}
	v.Step, v.Life = nil, "" // the list has none
	w.put(*v, c)
	return nil
}

func (w *Watch) drop(id string, c *Change) {
	w.gone[id] = w.known[id].Started
	delete(w.known, id)
	w.logbooks.drop(id)
	c.Gone = append(c.Gone, id)
}

// logbooks are those of the listed runs.
type logbooks struct {
	asked time.Time            // when it was last looked for new ones
	begun time.Time            // when the newest of them was
	fresh []string             // that were never read
	read  map[string]time.Time // when they were read last
	turn  []string             // in the order in which they are read again
}

func (l *logbooks) drop(id string) { delete(l.read, id) }

// annotate reads new logbooks, and some of the others, whose turn it is.
func (w *Watch) annotate(ctx context.Context, c *Change) error {
	l := &w.logbooks
	if l.read == nil {
		l.read = map[string]time.Time{}
	}
	if w.listed && time.Since(l.asked) >= logbooksEvery {
		if err := w.findLogbooks(ctx); err != nil {
			return err
		}
		l.asked = time.Now()
	}
	for range min(newLogbooks, len(l.fresh)) {
		id := l.fresh[0]
		l.fresh = l.fresh[1:]
		if err := w.readLogbook(ctx, id, c); err != nil {
			return err
		}
		l.turn = append(l.turn, id)
	}
	for range min(oldLogbooks, len(l.turn)) {
		id := l.turn[0]
		if time.Since(l.read[id]) < logbookFresh {
			break
		}
		l.turn = append(l.turn[1:], id)
		if err := w.readLogbook(ctx, id, c); err != nil {
			return err
		}
	}
	return nil
}

// findLogbooks finds those that began since it was last asked. The newest is
// found again each time, as times may be equal.
func (w *Watch) findLogbooks(ctx context.Context) error {
	l := &w.logbooks
	query := "WorkflowType = '" + workflows.NameLogbook + "' AND ExecutionStatus = 'Running'"
	if !l.begun.IsZero() {
		query += " AND StartTime >= '" + l.begun.Add(-watchLate).UTC().Format(time.RFC3339Nano) + "'"
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: w.Client.Namespace, Query: query, PageSize: listPage}
	for {
		answer, err := w.Client.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return err
		}
		for _, info := range answer.GetExecutions() {
			if at := info.GetStartTime().AsTime(); at.After(l.begun) {
				l.begun = at
			}
			id := strings.TrimSuffix(info.GetExecution().GetWorkflowId(), workflows.LogbookID(""))
			if _, had := l.read[id]; !had {
				l.read[id] = time.Time{}
				l.fresh = append(l.fresh, id)
			}
		}
		if request.NextPageToken = answer.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// readLogbook takes over the tags of a listed run.
func (w *Watch) readLogbook(ctx context.Context, id string, c *Change) error {
	v, known := w.known[id]
	w.logbooks.read[id] = time.Now()
	if !known { // of a trial, or of a run that was discarded
		return nil
	}
	_, tags, err := w.Client.Log(ctx, id)
	if err != nil || reflect.DeepEqual(tags, v.Tags) || len(tags) == 0 && len(v.Tags) == 0 {
		return err
	}
	v.Tags = tags
	w.known[id] = v
	c.add(v)
	return nil
}
