package dirstore_test

import (
	"testing"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/checkpoint/storetest"
)

func open(t *testing.T, dir string) *dirstore.Store {
	t.Helper()
	s, err := dirstore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) checkpoint.Store { return open(t, t.TempDir()) })
}
