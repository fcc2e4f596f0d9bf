package workers

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
)

// promoteWithin is how long a server may take to learn of a new build.
const promoteWithin = 30 * time.Second

// Promote makes a build the current one of its deployment, once the server
// knows it: new runs go to its workers, and those of the build before finish
// what they began.
func Promote(ctx context.Context, c client.Client, deployment, build string) error {
	ctx, cancel := context.WithTimeout(ctx, promoteWithin)
	defer cancel()
	handle := c.WorkerDeploymentClient().GetHandle(deployment)
	var why error // of the last answer, which says more than the end of the time
	for {
		_, err := handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build, IgnoreMissingTaskQueues: true})
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || why == nil {
			why = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make build %s the current one of deployment %s: %w", build, deployment, why)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
