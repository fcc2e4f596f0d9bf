package activities

import (
	"context"
	"log/slog"

	"go.temporal.io/sdk/activity"
)

// logger writes lines that say of which attempt at which step of which run they
// are.
func (s *Steps) logger(ctx context.Context, t task, key string) *slog.Logger {
	ids := []any{"run", t.head.Run}
	if t.head.Sweep != "" {
		ids = append(ids, "sweep", t.head.Sweep, "trial", t.head.Trial)
	}
	name, number := tried(ctx, t)
	return s.Log.With(append(ids, "activity", name, "kind", t.kind, "pass", t.head.Pass, "attempt", number, "key", key)...)
}

// tried is the activity's name and how often Temporal has tried it, this time
// included; without Temporal it is tried once.
func tried(ctx context.Context, t task) (name string, number int) {
	if !activity.IsActivity(ctx) {
		return t.kind, 1
	}
	info := activity.GetInfo(ctx)
	return info.ActivityType.Name, int(info.Attempt)
}
