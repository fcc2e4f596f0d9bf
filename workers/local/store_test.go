package local_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/s3store"
	"espalier/models/checkpoint/storetest"
	"espalier/workers/local"
)

// The bucket of a stack is a store like any other.
func TestStoreOnStack(t *testing.T) {
	t.Parallel()
	server := startChild(t, t.TempDir())
	var number atomic.Int64
	storetest.Run(t, func(t *testing.T) checkpoint.Store {
		return openStore(t, server.endpoint, fmt.Sprintf("store-%d", number.Add(1)))
	})
}

func openStore(t *testing.T, e local.Endpoint, prefix string) *s3store.Store {
	t.Helper()
	store, err := s3store.New(t.Context(), s3store.Config{
		Endpoint: e.S3Endpoint, Bucket: e.S3Bucket, Prefix: prefix, CreateBucket: true,
		AccessKey: e.AccessKey, SecretKey: e.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
