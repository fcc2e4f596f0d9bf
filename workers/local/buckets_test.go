package local_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Where the file system has no extended attributes the gateway keeps them in a
// second tree, and everything works as before, also after a restart.
func TestWithoutExtendedAttributes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()
	// The tree is what such a home has after its first start.
	if err := os.Mkdir(filepath.Join(home, "s3-meta"), 0o700); err != nil {
		t.Fatal(err)
	}
	server := startChild(t, home)
	useBucket(ctx, t, server.endpoint)
	if len(walk(t, filepath.Join(home, "s3-meta"))) < 3 {
		t.Error("nothing lies in the second tree")
	}
	server.kill()
	server = startChild(t, home)
	b := openBucket(server.endpoint)
	head, err := b.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: aws.String("a/d")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(head.ETag) == "" || aws.ToInt64(head.ContentLength) != 100 {
		t.Errorf("the object has entity tag %q and %d bytes, want some and 100", aws.ToString(head.ETag), aws.ToInt64(head.ContentLength))
	}
	wantCode(t, b.create(ctx, "a/b/c.json", []byte("other")), "PreconditionFailed")
}

// A start after a kill takes away what the backend left half done, and lets a
// client finish an upload whose completion the kill cut off.
func TestSweepAfterKill(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := t.TempDir()
	server := startChild(t, home)
	b := openBucket(server.endpoint)
	if err := b.put(ctx, "runs/1.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	id, part := beginUpload(ctx, t, b, "cut", []byte("bytes of the part"))
	abandoned, _ := beginUpload(ctx, t, b, "abandoned", []byte("x"))
	server.kill()

	files := filepath.Join(home, "s3", b.name)
	for _, half := range []string{".sgwtmp/0123.4567", "runs/.1.json.sgwtmp.1700000000"} {
		write(t, filepath.Join(files, half), "half")
	}
	claimed := find(t, files, id)
	if err := os.Rename(claimed, claimed+".0123-1.inprogress"); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(find(t, files, abandoned), old, old); err != nil {
		t.Fatal(err)
	}

	server = startChild(t, home)
	b = openBucket(server.endpoint)
	_, err := b.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: aws.String("cut"), UploadId: &id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{part}},
	})
	if err != nil {
		t.Error(err)
	}
	if got, err := b.get(ctx, "cut"); err != nil || string(got) != "bytes of the part" {
		t.Errorf("the upload that was cut off gives %q, %v", got, err)
	}
	keys, err := b.list(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "keys", strings.Join(keys, " "), "cut runs/1.json")
	for path := range walk(t, files) {
		if strings.Contains(path, abandoned) || strings.Contains(path, ".1.json") || strings.HasSuffix(path, "0123.4567") {
			t.Errorf("%s is still there", path)
		}
	}
}

// beginUpload begins an upload of one part and does not complete it.
func beginUpload(ctx context.Context, t *testing.T, b bucket, key string, body []byte) (string, types.CompletedPart) {
	t.Helper()
	begun, err := b.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: &key, UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(body),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *begun.UploadId, types.CompletedPart{PartNumber: aws.Int32(1), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}
}

// walk yields the paths under root.
func walk(t *testing.T, root string) map[string]bool {
	t.Helper()
	paths := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		paths[path] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// find gives the path under root whose last element is name.
func find(t *testing.T, root, name string) string {
	t.Helper()
	for path := range walk(t, root) {
		if filepath.Base(path) == name {
			return path
		}
	}
	t.Fatalf("no %s under %s", name, root)
	return ""
}
