package export_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"espalier/models/export"
)

// field is a protocol buffer's field of bytes.
func field(number protowire.Number, value string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value))
}

// outside is an ONNX file: a model (7) whose graph has a tensor (5) with its
// values in another file (14, 13).
func outside(location string) string {
	elsewhere := string(protowire.AppendVarint(protowire.AppendTag(nil, 14, protowire.VarintType), 1))
	return field(7, field(5, field(13, field(1, "location")+field(2, location))+elsewhere))
}

func TestDigest(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, files map[string]string) func(string) (string, error) {
		folder := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return func(name string) (string, error) { return export.Digest(filepath.Join(folder, name)) }
	}
	plain := func(content string) string {
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}

	digest := write(t, map[string]string{"a.th": "one", "a.onnx": "no onnx", "b.onnx": field(7, field(1, "node"))})
	for name, want := range map[string]string{"a.th": plain("one"), "a.onnx": plain("no onnx"), "b.onnx": plain(field(7, field(1, "node")))} {
		if got, err := digest(name); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	if _, err := digest("none.th"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := digest("."); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// Weights beside an ONNX file count as those in it.
func TestDigestOfWeightsBeside(t *testing.T) {
	t.Parallel()
	digest := func(files map[string]string) (string, error) {
		folder := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return export.Digest(filepath.Join(folder, "a.onnx"))
	}
	seen := map[string]bool{}
	for _, files := range []map[string]string{
		{"a.onnx": outside("w.bin"), "w.bin": "one"},
		{"a.onnx": outside("w.bin"), "w.bin": "two"},
		{"a.onnx": outside("v.bin"), "v.bin": "one"},
	} {
		sum, err := digest(files)
		if err != nil || len(sum) != 64 || seen[sum] {
			t.Errorf("%v: %s, %v; want a digest of its own", files, sum, err)
		}
		seen[sum] = true
	}
	if again, err := digest(map[string]string{"a.onnx": outside("w.bin"), "w.bin": "one", "other": "file"}); !seen[again] || err != nil {
		t.Errorf("a file that it does not name changes the digest: %s, %v", again, err)
	}
	for location, want := range map[string]string{"none.bin": "none.bin: no such file", "../a.onnx": "path escapes"} {
		if _, err := digest(map[string]string{"a.onnx": outside(location)}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "keeps weights in another file") {
			t.Errorf("weights in %s: %v, want %q", location, err, want)
		}
	}
}
