package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"espalier/activities"
	"espalier/workflows"
)

// write adds an entry to a run's logbook, which is begun if there is none.
func (c *Client) write(ctx context.Context, id string, e workflows.Entry) error {
	e.When = time.Now().UTC()
	_, err := c.Temporal.SignalWithStartWorkflow(ctx, workflows.LogbookID(id), workflows.SignalEntry, e, client.StartWorkflowOptions{
		TaskQueue: activities.QueueRuns, WorkflowTaskTimeout: decideWithin, StaticSummary: "logbook of " + id,
	}, workflows.NameLogbook, workflows.LogbookInput{Run: id})
	if err != nil {
		return fmt.Errorf("logbook of %s: %w", id, err)
	}
	return nil
}

// wrote adds what somebody did with a control.
func (c *Client) wrote(ctx context.Context, id, what, how string, by workflows.Control) error {
	note := strings.TrimSpace(strings.Join([]string{how, by.Note}, " "))
	return c.write(ctx, id, workflows.Entry{Who: by.Who, What: what, Note: note})
}

// Log is what persons did to a run, oldest first, and the run's tags. It is read
// from the logbook's history, so that no worker need be there.
func (c *Client) Log(ctx context.Context, id string) (log []workflows.Entry, tags []string, err error) {
	events := c.Temporal.GetWorkflowHistory(ctx, workflows.LogbookID(id), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		var missing *serviceerror.NotFound
		switch {
		case errors.As(err, &missing):
			return nil, nil, nil
		case err != nil:
			return nil, nil, fmt.Errorf("logbook of %s: %w", id, err)
		}
		if begun := event.GetWorkflowExecutionStartedEventAttributes(); begun != nil {
			var in workflows.LogbookInput
			if of := begun.GetInput().GetPayloads(); len(of) > 0 && c.decode(of[0], &in) {
				log, tags = in.Entries, in.Tags
			}
		}
		if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal.GetSignalName() == workflows.SignalEntry {
			var e workflows.Entry
			if of := signal.GetInput().GetPayloads(); len(of) > 0 && c.decode(of[0], &e) {
				e.When = event.GetEventTime().AsTime() // by the server's clock, as all times of runs
				log = append(log, e)
			}
		}
	}
	return log, workflows.Tags(tags, log), nil
}

// Annotate adds to a look at a run what persons did to it.
func (c *Client) Annotate(ctx context.Context, v *View) (err error) {
	v.Log, v.Tags, err = c.Log(ctx, v.ID)
	return err
}

// Note writes a note about a run, whether or not it has ended.
func (c *Client) Note(ctx context.Context, id, text string, by workflows.Control) error {
	if err := CheckNote(text); err != nil {
		return MistakeError{err}
	}
	if _, err := c.Look(ctx, id, false); err != nil {
		return err
	}
	log, _, err := c.Log(ctx, id)
	if err != nil {
		return err
	}
	if last := len(log) - 1; last >= 0 && log[last].What == workflows.EntryNote && log[last].Who == by.Who && log[last].Note == text {
		return nothing("the last note says so already")
	}
	return c.write(ctx, id, workflows.Entry{Who: by.Who, What: workflows.EntryNote, Note: text})
}

// Tag adds tags to a run, or takes them from it, whether or not it has ended.
func (c *Client) Tag(ctx context.Context, id string, add bool, tags []string, by workflows.Control) error {
	if err := CheckTags(tags); err != nil {
		return MistakeError{err}
	}
	if _, err := c.Look(ctx, id, false); err != nil {
		return err
	}
	_, has, err := c.Log(ctx, id)
	if err != nil {
		return err
	}
	what := map[bool]string{true: workflows.EntryTag, false: workflows.EntryUntag}[add]
	changes := slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return slices.Contains(has, t) == add })
	if len(changes) == 0 {
		return nothing(map[bool]string{true: "it has all of the tags", false: "it has none of the tags"}[add])
	}
	return c.write(ctx, id, workflows.Entry{Who: by.Who, What: what, Tags: changes, Note: by.Note})
}

// logged are the runs that have a logbook.
func (c *Client) logged(ctx context.Context) (map[string]bool, error) {
	have := map[string]bool{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: c.Namespace, PageSize: listPage,
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.NameLogbook),
	}
	for {
		page, err := c.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list logbooks: %w", err)
		}
		for _, info := range page.GetExecutions() {
			have[strings.TrimSuffix(info.GetExecution().GetWorkflowId(), workflows.LogbookID(""))] = true
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return have, nil
		}
	}
}

// AnnotateAll adds to a list of runs what persons did to them.
func (c *Client) AnnotateAll(ctx context.Context, views []View) error {
	have, err := c.logged(ctx)
	if err != nil {
		return err
	}
	for i := range views {
		if have[views[i].ID] {
			if err := c.Annotate(ctx, &views[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tagged are the runs that have a tag, newest first, at most limit of them;
// trials too.
func (c *Client) Tagged(ctx context.Context, tag string, limit int) ([]View, error) {
	have, err := c.logged(ctx)
	if err != nil {
		return nil, err
	}
	var views []View
	for id := range have {
		log, tags, err := c.Log(ctx, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(tags, tag) {
			continue
		}
		v, err := c.Look(ctx, id, false)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		v.Log, v.Tags = log, tags
		views = append(views, *v)
	}
	slices.SortFunc(views, func(a, b View) int { return b.Started.Compare(a.Started) })
	return views[:min(len(views), limit)], nil
}
