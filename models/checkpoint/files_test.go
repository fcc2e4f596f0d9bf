package checkpoint_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

func someFiles() []checkpoint.File {
	return []checkpoint.File{
		{Name: "a/empty", Data: []byte{}},
		{Name: "model.safetensors", Data: bytes.Repeat([]byte{0, 1, 255}, 1000)},
		{Name: "state <1>.é", Data: []byte("x")},
	}
}

func TestFilesComeBackAndAreNoNetwork(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	digest, _, err := repo.Save(t.Context(), &checkpoint.Checkpoint{Files: someFiles()})
	must(t, err)
	back, err := repo.LoadFiles(t.Context(), digest)
	must(t, err)
	if diff := cmp.Diff(someFiles(), back); diff != "" {
		t.Error(diff)
	}
	again, _, err := repo.Save(t.Context(), &checkpoint.Checkpoint{Files: back})
	must(t, err)
	if again != digest {
		t.Errorf("the same files have the digests %s and %s", digest, again)
	}
	if c, err := repo.Load(t.Context(), digest); err == nil {
		t.Errorf("Load of files = %+v, want an error", c)
	}
	network, _, err := repo.Save(t.Context(), storetest.Midway(1))
	must(t, err)
	if files, err := repo.LoadFiles(t.Context(), network); err == nil {
		t.Errorf("LoadFiles of a network = %d files, want an error", len(files))
	}
}

func TestFilesThatCouldLeaveTheirFolderAreRefused(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]checkpoint.File{
		"none":             {},
		"no name":          {{Name: ""}},
		"absolute":         {{Name: "/etc/passwd"}},
		"up":               {{Name: "a/../../b"}},
		"dot":              {{Name: "./a"}},
		"double slash":     {{Name: "a//b"}},
		"backslash":        {{Name: `..\a`}},
		"control":          {{Name: "a\nb"}},
		"no UTF-8":         {{Name: "a\xff"}},
		"twice":            {{Name: "a"}, {Name: "a"}},
		"beside a network": someFiles(),
	} {
		c := &checkpoint.Checkpoint{Files: files}
		if name == "beside a network" {
			c.Network = storetest.Midway(1).Network
		}
		if _, _, err := checkpoint.Encode(c); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// The journal works on files as it does on networks: a damaged one is skipped.
func TestJournalGoesOnFromFiles(t *testing.T) {
	t.Parallel()
	repo := newRepo()
	first := open(t, repo, storetest.Attempt("first")).Journal
	var last checkpoint.Entry
	for step := range int64(3) {
		var err error
		last, err = first.Commit(t.Context(), &checkpoint.Checkpoint{
			Files:    []checkpoint.File{{Name: "state", Data: []byte{byte(step)}}},
			Training: &checkpoint.Training{Cursor: checkpoint.Cursor{Step: step}},
		}, nil)
		must(t, err)
	}
	must(t, storetest.Flip(t.Context(), repo.Store, checkpoint.CheckpointKey(last.Digest), int(last.Size)-1))
	second := open(t, repo, storetest.Attempt("second"))
	if second.From == nil || len(second.From.Files) != 1 || second.From.Files[0].Data[0] != 1 || second.From.Training.Cursor.Step != 1 {
		t.Fatalf("goes on from %+v, want the state of step 1", second.From)
	}
	if second.From.Training.StepKey == "" || len(second.Notes) == 0 {
		t.Errorf("training %+v, notes %q; want the step's key, and the damage named", second.From.Training, second.Notes)
	}
}
