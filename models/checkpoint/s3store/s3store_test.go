package s3store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	t.Run("a rotten disk", func(t *testing.T) { rottenDisk(t, minio) })
	for name, change := range map[string]func(*s3store.Config){
		"encrypted":             func(c *s3store.Config) { c.Encrypt = "s3" },
		"encrypted with a key":  func(c *s3store.Config) { c.Encrypt, c.KMSKey = "kms", "test" },
		"not encrypted at rest": func(*s3store.Config) {},
	} {
		t.Run(name, func(t *testing.T) { atRest(t, minio, change, name == "not encrypted at rest") })
	}
}

// atRest looks at the server's disk for what was written, in one part, in many
// and on the condition that the key is free.
func atRest(t *testing.T, minio server, change func(*s3store.Config), plain bool) {
	c := minio.config(t)
	change(&c)
	s := open(t, c)
	text := strings.Repeat(c.Bucket+", not to be read. ", 1_000_000)
	if err := s.Create(t.Context(), "created", []byte(text[:100_000])); err != nil {
		t.Fatal(err)
	}
	for key, size := range map[string]int{"small": 200_000, "large": len(text)} {
		if err := s.Put(t.Context(), key, strings.NewReader(text), int64(size)); err != nil {
			t.Fatal(err)
		}
		if err := wantBody(t.Context(), s, key, []byte(text[:size])); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	files, read := 0, 0
	err := filepath.WalkDir(filepath.Join(minio.dir, c.Bucket), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		if strings.Contains(string(data), "not to be read") {
			read++
		}
		return err
	})
	if err != nil || files < 3 || (read > 0) != plain {
		t.Errorf("%d of %d files hold the text, %v", read, files, err)
	}
}

// rottenDisk flips a byte of a checkpoint on the server's disk. MinIO sees it
// and breaks off its answer, whoever asks and however often.
func rottenDisk(t *testing.T, minio server) {
	s := minio.open(t)
	repo, step := &checkpoint.Repo{Store: s}, strings.Repeat("0a", 32)
	opened, err := repo.Open(t.Context(), step, storetest.Attempt("first"))
	if err != nil {
		t.Fatal(err)
	}
	var newest checkpoint.Entry
	for n := range int64(2) {
		if newest, err = opened.Journal.Commit(t.Context(), large(n+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := filepath.Glob(filepath.Join(minio.dir, "*", "checkpoints", string(newest.Digest)+".safetensors", "*", "part.1"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("the object's files are %q, %v", parts, err)
	}
	data, err := os.ReadFile(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-500] ^= 1
	if err := os.WriteFile(parts[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{1, 2} { // the second time it is written anew
		opened, err := repo.Open(t.Context(), step, storetest.Attempt("second"))
		if err != nil {
			t.Fatal(err)
		}
		if got := opened.From.Training.Cursor.Step; got != want || (want == 1) != (len(opened.Notes) == 1) {
			t.Errorf("goes on from step %d with notes %q, want %d", got, opened.Notes, want)
		}
		if _, err := opened.Journal.Commit(t.Context(), large(2), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// large is a mid-step checkpoint that is too large to be kept beside its
// description.
func large(step int64) *checkpoint.Checkpoint {
	c := storetest.Midway(step)
	c.Training.Tensors["momentum/fc.weight"] = make([]float32, 500_000)
	return c
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
