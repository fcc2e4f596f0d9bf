package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// startPatience bounds the wait for a server that was started.
const startPatience = 60 * time.Second

// awaitTemporal returns when a workflow could be started: the frontend
// answers, the namespace is known, and the history shard is owned. Asking for
// a workflow that does not exist goes the whole way.
func awaitTemporal(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{
		HostPort:  address,
		Namespace: Namespace,
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		err := ask(ctx, c)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("temporal at %s does not answer: %w", address, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ask gives nil when the server looked for a workflow and found none.
func ask(ctx context.Context, c client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := c.DescribeWorkflowExecution(ctx, "espalier-ready", "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil
	}
	return err
}
