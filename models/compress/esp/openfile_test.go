package esp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/models/compress/esp"
)

// What is read of a mapped file stays when the file is closed.
func TestFilesAreReadWhereTheyLie(t *testing.T) {
	t.Parallel()
	net := pruned(t, lenet(), 1, 0.05)
	data, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lenet.esp")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := esp.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tensor, err := f.Tensor("fc1.weight")
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Network()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if d := differ(net, got); d != "" || !sameBits(tensor.Dense(), net.Param("fc1.weight").Data) {
		t.Errorf("after the file is closed, what was read has other %s", d)
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]struct{ data, want string }{
		"missing": {"", "no such file"},
		"empty":   {"", "it does not begin as a packed model does"},
		"other":   {"not a model at all", "it does not begin as a packed model does"},
	} {
		path := filepath.Join(dir, name)
		if name != "missing" {
			if err := os.WriteFile(path, []byte(test.data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := esp.OpenFile(path); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
	if _, err := esp.OpenFile(dir); err == nil {
		t.Error("a folder is opened")
	}
}
