package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/workflows"
)

// The histories were recorded by `make histories` from real runs. A workflow
// change that breaks a run that is under way fails here.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 4 {
		t.Fatalf("%d recorded histories, want those of at least four kinds of run; record them with: make histories", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			again := func(id string, _ *workflows.Standing) { t.Errorf("%s tells how it stood", id) }
			replayer.RegisterWorkflowWithOptions(workflows.Run(again), workflow.RegisterOptions{Name: workflows.NameRun})
			replayer.RegisterWorkflowWithOptions(workflows.Sensitivity, workflow.RegisterOptions{Name: workflows.NameSensitivity})
			replayer.RegisterWorkflowWithOptions(workflows.Sweep(again), workflow.RegisterOptions{Name: workflows.NameSweep})
			replayer.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
			replayer.RegisterWorkflowWithOptions(workflows.Logbook, workflow.RegisterOptions{Name: workflows.NameLogbook})
			text, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			history, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// The ids of trials are made of their sweep's.
			id := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			err = replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: id},
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
