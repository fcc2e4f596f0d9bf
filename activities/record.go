package activities

import (
	"context"
	"path"
)

// Record keeps a run's result in the store as runs/<run>/result.json, where it
// outlives the workflow's history.
func (s *Steps) Record(ctx context.Context, in RecordInput) error {
	return failure(ctx, s.Repo.PutJSON(ctx, path.Join("runs", path.Base(in.Run), "result.json"), in.Result))
}
