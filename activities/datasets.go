package activities

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"espalier/config"
	"espalier/models/data"
)

// datasets keeps the data set that the worker used last, since the steps of a
// run follow one another on the same data.
type datasets struct {
	mu   sync.Mutex
	want data.Options
	have *data.Dataset
}

// dataset opens a data set. If digest is not empty the content must have it:
// data that changed under a run would make its numbers a lie.
func (s *Steps) dataset(ctx context.Context, c config.Data, digest string) (*data.Dataset, error) {
	o := data.Options{
		Name: c.Name, Path: c.Path, Train: c.Train, Test: c.Test, Validation: c.Validation,
		Mean: c.Normalize.Mean, Deviation: c.Normalize.Deviation, Extra: c.ExtraTest, CacheDir: s.CacheDir,
	}
	if err := s.mayRead("data.path", c.Path); err != nil {
		return nil, err
	}
	s.datasets.mu.Lock()
	defer s.datasets.mu.Unlock()
	if s.datasets.have == nil || !reflect.DeepEqual(s.datasets.want, o) {
		set, err := data.Open(ctx, o)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, &inputError{err}
		}
		s.datasets.want, s.datasets.have = o, set
	}
	if have := s.datasets.have.Digest; digest != "" && have != digest {
		return nil, &inputError{fmt.Errorf("data %s: content has digest %.12s, the run began with %.12s: the files changed; restore them or submit the spec anew", c.Name, have, digest)}
	}
	return s.datasets.have, nil
}

// augmentation is how a spec's training images are varied.
func augmentation(a config.Augment) data.Augmentation {
	return data.Augmentation{Shift: a.Shift, Flip: a.Flip}
}

// Warm opens a data set before a step asks for it. What is wrong with it is
// for the step to say.
func (s *Steps) Warm(ctx context.Context, c config.Data) { _, _ = s.dataset(ctx, c, "") }
