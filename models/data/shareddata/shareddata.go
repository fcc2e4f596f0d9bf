// Package shareddata finds real data for tests. The data lies beside the
// repository, in shared/data, and is no part of it: where it is absent a test
// that wants it is skipped by name.
package shareddata

import (
	"os"
	"path/filepath"
	"testing"
)

// Find is the path of a file or folder of shared/data in the nearest folder
// above the test's that has it. It skips the test where there is none.
func Find(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(folder, "shared", "data", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if filepath.Dir(folder) == folder {
			t.Skipf("%s: no shared/data/%s beside the repository", t.Name(), name)
		}
		folder = filepath.Dir(folder)
	}
}
