package s3store_test

import (
	"slices"
	"sync"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/s3store"
	"espalier/models/checkpoint/storetest"
)

func TestStoreOnEmbeddedGateway(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) checkpoint.Store { return gateway.open(t) })
}

func TestStoreOnMinIO(t *testing.T) {
	t.Parallel()
	minio := startMinIO(t)
	if minio.address == "" {
		t.Skip(minio.absent)
	}
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) checkpoint.Store { return minio.open(t) })
	})
}

// TestPrefix: two stores in one bucket do not see each other.
func TestPrefix(t *testing.T) {
	t.Parallel()
	c := gateway.config(t)
	bucket := open(t, c)
	c.Prefix = "team/a"
	one := open(t, c)
	c.Prefix = "team/ab/"
	two := open(t, c)
	for _, s := range []checkpoint.Store{one, two} {
		if err := s.Create(t.Context(), "k", []byte(s.String())); err != nil {
			t.Fatal(err)
		}
		if got := keys(t, s, ""); !slices.Equal(got, []string{"k"}) {
			t.Errorf("%v lists %q, want its own k", s, got)
		}
	}
	if got := keys(t, bucket, ""); !slices.Equal(got, []string{"team/a/k", "team/ab/k"}) {
		t.Errorf("the bucket has %q", got)
	}
	if want := "s3://" + c.Bucket + "/team/ab at " + gateway.address; two.String() != want {
		t.Errorf("String() = %q, want %q", two, want)
	}
}

// TestNewRace: racing processes may all make the bucket.
func TestNewRace(t *testing.T) {
	t.Parallel()
	c := gateway.config(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s3store.New(t.Context(), c); err != nil {
				t.Errorf("New = %v", err)
			}
		})
	}
	wg.Wait()
}

func keys(t *testing.T, s checkpoint.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}
