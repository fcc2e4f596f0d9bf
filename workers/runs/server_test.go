package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/s3store"
	"espalier/workers"
	"espalier/workers/ahead"
	"espalier/workers/local"
	"espalier/workers/runs"
	"espalier/workers/standing"
	"espalier/workflows"
)

// site is a server with its store.
type site struct {
	*runs.Client
	repo *checkpoint.Repo
	stop func() error
}

// startServer starts a server of its own in a folder.
func startServer(home string) (*site, error) {
	stack, err := local.Start(context.Background(), local.Options{Home: home})
	if err != nil {
		return nil, err
	}
	endpoint := stack.Endpoint()
	dialled, err := client.Dial(client.Options{
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}},
		HostPort:          endpoint.TemporalAddress, Namespace: endpoint.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, err
	}
	store, err := s3store.New(context.Background(), s3store.Config{
		Endpoint: strings.TrimPrefix(endpoint.S3Endpoint, "http://"), Bucket: endpoint.S3Bucket,
		AccessKey: endpoint.AccessKey, SecretKey: endpoint.SecretKey,
	})
	if err != nil {
		dialled.Close()
		return nil, errors.Join(err, stack.Stop(context.Background()))
	}
	repo := &checkpoint.Repo{Store: store}
	c := &runs.Client{Temporal: dialled, Namespace: endpoint.Namespace, Standing: func(ctx context.Context, id string) (*workflows.Standing, error) {
		return standing.Read(ctx, repo, id)
	}}
	return &site{c, repo, func() error {
		dialled.Close()
		return errors.Join(store.Close(), stack.Stop(context.Background()))
	}}, nil
}

// doer does a step by its name.
type doer func(name string, in activities.TrainInput) (activities.PrepareResult, error)

// serve decides as a worker does, keeps records by keep and does all steps by
// step, until it is stopped.
func (s *site) serve(slots int, keep func() error, step doer) (stop func(), err error) {
	c, standings := s.Temporal, standing.NewKeeper(s.repo)
	decide := worker.New(c, activities.QueueRuns, worker.Options{LocalActivityWorkerOnly: true, MaxConcurrentWorkflowTaskPollers: workers.DecisionPollers})
	decide.RegisterWorkflowWithOptions(workflows.Run(standings.Tell), workflow.RegisterOptions{Name: workflows.NameRun})
	decide.RegisterWorkflowWithOptions(workflows.Sweep(standings.Tell), workflow.RegisterOptions{Name: workflows.NameSweep})
	decide.RegisterWorkflowWithOptions(workflows.Trial, workflow.RegisterOptions{Name: workflows.NameTrial})
	decide.RegisterWorkflowWithOptions(workflows.Logbook, workflow.RegisterOptions{Name: workflows.NameLogbook})
	decide.RegisterActivityWithOptions(func(context.Context, activities.RecordInput) error { return keep() }, activity.RegisterOptions{Name: activities.NameRecord})
	options := worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityTaskPollers: workers.StepPollers(slots)}
	ahead.New(slots).Serve(&options)
	steps := worker.New(c, "cpu", options)
	var names activities.Steps
	for _, a := range names.Activities() {
		steps.RegisterActivityWithOptions(func(_ context.Context, in activities.TrainInput) (activities.PrepareResult, error) {
			return step(a.Name, in)
		}, activity.RegisterOptions{Name: a.Name})
	}
	if err := decide.Start(); err != nil {
		return nil, err
	}
	if err := steps.Start(); err != nil {
		decide.Stop()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var keeper sync.WaitGroup
	keeper.Go(func() { standings.Run(ctx) })
	return func() { steps.Stop(); decide.Stop(); cancel(); keeper.Wait() }, nil
}

// nothingDone is what a step that computes nothing leaves.
func nothingDone() activities.PrepareResult {
	key := fmt.Sprintf("%064x", 1)
	return activities.PrepareResult{StepResult: activities.StepResult{
		Key: key, Checkpoint: checkpoint.Digest(key), Size: 1, Metrics: map[string]float64{activities.MetricTestAcc: 0.9, activities.MetricTestN: 200},
	}, DataDigest: key}
}
