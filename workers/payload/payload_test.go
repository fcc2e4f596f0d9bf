package payload_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"

	"espalier/workers/payload"
)

// line is a key of one byte, 32 times.
func line(id string, b byte) string {
	return id + " " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) + "\n"
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, text string) *payload.Codec {
	t.Helper()
	c, err := payload.Open(keyFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type value struct {
	Name    string
	Numbers []float64
}

var secret = value{"a-spec-that-nobody-shall-read", []float64{0.5, -1}}

func TestSealedValuesComeBack(t *testing.T) {
	t.Parallel()
	dc := open(t, line("new", 1)).Converter()
	for _, v := range []any{secret, "", []byte{0, 1, 2}, map[string]any{"a": 1.0}} {
		p, err := dc.ToPayload(v)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(p.Data, []byte(secret.Name)) || string(p.Metadata["encryption-key-id"]) != "new" {
			t.Errorf("%v is sealed as %v", v, p)
		}
		again, err := dc.ToPayload(v)
		if err != nil || bytes.Equal(again.Data, p.Data) {
			t.Errorf("%v is sealed alike twice, %v", v, err)
		}
	}
	p, err := dc.ToPayloads(secret, nil, 7)
	if err != nil {
		t.Fatal(err)
	}
	var got value
	var none *value
	var seven int
	if err := dc.FromPayloads(p, &got, &none, &seven); err != nil || !cmp.Equal(got, secret) || none != nil || seven != 7 {
		t.Errorf("came back as %v, %v, %d: %v", got, none, seven, err)
	}
}

// The first key writes, the others still read; what was plain before stays readable.
func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	old, both := open(t, line("old", 1)), open(t, "# rotated\n\n"+line("new", 2)+line("old", 1))
	before, err := old.Converter().ToPayload(secret)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := converter.GetDefaultDataConverter().ToPayload(secret)
	if err != nil {
		t.Fatal(err)
	}
	after, err := both.Converter().ToPayload(secret)
	if err != nil || string(after.Metadata["encryption-key-id"]) != "new" {
		t.Fatalf("sealed with %s, %v", after.GetMetadata()["encryption-key-id"], err)
	}
	for name, p := range map[string]*commonpb.Payload{"old": before, "plain": plain, "new": after} {
		var got value
		if err := both.Converter().FromPayload(p, &got); err != nil || !cmp.Equal(got, secret) {
			t.Errorf("%s came back as %v, %v", name, got, err)
		}
	}
	var got value
	err = old.Converter().FromPayload(after, &got)
	if err == nil || !strings.Contains(err.Error(), `key "new", which `) {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestWrongKeysAndChangedBitsAreRefused(t *testing.T) {
	t.Parallel()
	c, other := open(t, line("k", 1)+line("l", 1)), open(t, line("k", 3))
	sealed, err := c.Converter().ToPayload(secret)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, c *payload.Codec, p *commonpb.Payload) {
		t.Helper()
		var got value
		if err := c.Converter().FromPayload(p, &got); err == nil {
			t.Errorf("%s: opened as %v", what, got)
		} else if !strings.Contains(err.Error(), "either it was changed, or another key has that name") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("another key of the same name", other, sealed)
	for i := range sealed.Data {
		changed := &commonpb.Payload{Metadata: sealed.Metadata, Data: bytes.Clone(sealed.Data)}
		changed.Data[i] ^= 1
		refused(fmt.Sprint("byte ", i), c, changed)
	}
	for _, n := range []int{0, 1, 12, len(sealed.Data) - 1} {
		refused(fmt.Sprint("cut to ", n), c, &commonpb.Payload{Metadata: sealed.Metadata, Data: sealed.Data[:n]})
	}
	// The same secret under another name: the name is sealed too.
	renamed := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte("l")}, Data: sealed.Data}
	refused("renamed", c, renamed)
}

func TestBadKeyFiles(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString([]byte("hush-hush-hush-h"))
	tests := map[string]struct{ text, want string }{
		"empty":     {"# nothing\n", "has none; a line is a name and 32 bytes in base64"},
		"one word":  {short, ":1: 1 words; a line is a name and 32 bytes in base64"},
		"not 64":    {"\nk hush!\n", ":2: key k is not base64"},
		"too short": {"k " + short, ":1: key k has 16 bytes, want 32"},
		"name":      {"-k " + short, ":1: the name is not 1 to 40 of [a-zA-Z0-9._-] that begin with a letter or a digit"},
		"twice":     {line("k", 1) + line("k", 2), ":2: key k is there twice"},
	}
	for name, test := range tests {
		_, err := payload.Open(keyFile(t, test.text))
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || strings.Contains(err.Error(), short) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v\nwant ... %s", name, err, test.want)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		path := keyFile(t, line("k", 1))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := payload.Open(path); err == nil || !strings.Contains(err.Error(), "so others may read it; allowed is 0600") {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	if _, err := payload.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there gave no error")
	}
	if _, err := payload.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	keys, err := payload.ReadKeys(keyFile(t, "k "+base64.StdEncoding.EncodeToString([]byte("hush-hush-hush-hush-hush-hush-hu"))))
	if err != nil {
		t.Fatal(err)
	}
	if printed := fmt.Sprint(keys[0]) + fmt.Sprintf("%v %+v %#v %s %d %x", keys, keys, keys, keys, keys, keys); strings.Contains(printed, "hush") {
		t.Errorf("a secret is printed: %s", printed)
	}
}

func TestFailuresAreRead(t *testing.T) {
	t.Parallel()
	dc := open(t, line("k", 1)).Converter()
	f := &failurepb.Failure{Message: "the disk is full", StackTrace: "somewhere"}
	if got := payload.Message(dc, f); got != "the disk is full" {
		t.Errorf("plain: %q", got)
	}
	if err := converter.EncodeCommonFailureAttributes(dc, f); err != nil {
		t.Fatal(err)
	}
	if got := payload.Message(dc, f); got != "the disk is full" || strings.Contains(f.String(), "disk") {
		t.Errorf("sealed: %q of %v", got, f)
	}
	if got := payload.Message((*payload.Codec)(nil).Converter(), f); got != "Encoded failure" {
		t.Errorf("without keys: %q", got)
	}
	if got := payload.Message(dc, nil); got != "" {
		t.Errorf("none: %q", got)
	}
}
