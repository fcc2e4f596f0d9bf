package local

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// PutObject stores an object: the bytes are on disk before the object has its
// name, and the name before the caller has the answer.
func (b *buckets) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	dirs := newDirs(b.objectPath(in.Bucket, in.Key))
	in.Bucket = b.at(in.Bucket)
	out, err := b.files.PutObjectWithPostFunc(ctx, in, (*os.File).Sync)
	if err == nil {
		err = syncDirs(dirs)
	}
	return out, b.clean("put object", err)
}

// CompleteMultipartUpload joins the parts of an upload to an object, with the
// promises of PutObject.
func (b *buckets) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	bucket := in.Bucket
	dirs := newDirs(b.objectPath(in.Bucket, in.Key))
	at := *in
	at.Bucket = b.at(in.Bucket)
	var synced error
	join := func(part, object *os.File) (retryable bool, err error) {
		if _, err := io.Copy(object, part); err != nil {
			return true, err
		}
		// Not an answer to the backend, which would copy the part again.
		synced = errors.Join(synced, object.Sync())
		return true, nil
	}
	b.completing.Lock()
	defer b.completing.Unlock()
	out, version, err := b.files.CompleteMultipartUploadWithCopy(ctx, &at, join)
	out.Bucket = bucket
	if err == nil {
		err = errors.Join(synced, syncDirs(dirs))
	}
	return out, version, b.clean("complete upload", err)
}

// GetObject reads an object.
func (b *buckets) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.GetObject(ctx, &at)
	return out, b.clean("get object", err)
}

// HeadObject describes an object.
func (b *buckets) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.HeadObject(ctx, &at)
	return out, b.clean("head object", err)
}

// GetObjectAttributes describes an object in more detail.
func (b *buckets) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput,
) (s3response.GetObjectAttributesResponse, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.GetObjectAttributes(ctx, &at)
	return out, b.clean("object attributes", err)
}

// DeleteObject removes an object.
func (b *buckets) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.DeleteObject(ctx, &at)
	return out, b.clean("delete object", err)
}

// DeleteObjects removes many objects.
func (b *buckets) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.DeleteObjects(ctx, &at)
	return out, b.clean("delete objects", err)
}

// ListObjects lists a page of objects.
func (b *buckets) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.ListObjects(ctx, &at)
	out.Name = in.Bucket
	return out, b.clean("list objects", err)
}

// ListObjectsV2 lists a page of objects.
func (b *buckets) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.ListObjectsV2(ctx, &at)
	out.Name = in.Bucket
	return out, b.clean("list objects", err)
}

// objectPath is the file of an object.
func (b *buckets) objectPath(bucket, key *string) string {
	return filepath.Join(b.path(*bucket), filepath.FromSlash(*key))
}

// newDirs lists the directories whose entries a new file at path changes, the
// deepest first: those that are not there yet, and the one above them.
func newDirs(path string) []string {
	var dirs []string
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dirs
		}
	}
}

// syncDirs makes the names in dirs durable. A directory that is gone again was
// emptied by a deletion meanwhile, and some file systems cannot sync any.
func syncDirs(dirs []string) error {
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = d.Sync()
		if closed := d.Close(); err == nil {
			err = closed
		}
		if err != nil && !strings.Contains(err.Error(), "invalid argument") {
			return err
		}
	}
	return nil
}
