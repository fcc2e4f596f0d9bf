package local

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// CreateMultipartUpload begins an upload in parts.
func (b *buckets) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput,
) (s3response.InitiateMultipartUploadResult, error) {
	bucket := *in.Bucket
	in.Bucket = b.at(in.Bucket)
	out, err := b.files.CreateMultipartUpload(ctx, in)
	out.Bucket = bucket
	return out, b.clean("create upload", err)
}

// UploadPart stores one part.
func (b *buckets) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.UploadPart(ctx, &at)
	return out, b.clean("upload part", err)
}

// AbortMultipartUpload drops an upload and its parts.
func (b *buckets) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	at := *in
	at.Bucket = b.at(in.Bucket)
	return b.clean("abort upload", b.files.AbortMultipartUpload(ctx, &at))
}

// ListParts lists the parts of an upload.
func (b *buckets) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.ListParts(ctx, &at)
	out.Bucket = *in.Bucket
	return out, b.clean("list parts", err)
}

// ListMultipartUploads lists the uploads under way.
func (b *buckets) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput,
) (s3response.ListMultipartUploadsResult, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.ListMultipartUploads(ctx, &at)
	out.Bucket = *in.Bucket
	return out, b.clean("list uploads", err)
}

// ListBuckets lists the folders in root.
func (b *buckets) ListBuckets(_ context.Context, in s3response.ListBucketsInput) (s3response.ListAllMyBucketsResult, error) {
	out := s3response.ListAllMyBucketsResult{Owner: s3response.CanonicalUser{ID: in.Owner}, Prefix: in.Prefix}
	entries, err := os.ReadDir(b.root)
	if err != nil {
		return out, b.clean("list buckets", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || strings.HasPrefix(name, ".") || !strings.HasPrefix(name, in.Prefix) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return out, b.clean("list buckets", err)
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket,
			s3response.ListAllMyBucketsEntry{Name: name, CreationDate: info.ModTime()})
	}
	return out, nil
}

// HeadBucket tells whether a bucket is there.
func (b *buckets) HeadBucket(ctx context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.HeadBucket(ctx, &at)
	return out, b.clean("head bucket", err)
}

// GetBucketAcl reads who owns a bucket; the gateway asks before each request.
func (b *buckets) GetBucketAcl(ctx context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	at := *in
	at.Bucket = b.at(in.Bucket)
	out, err := b.files.GetBucketAcl(ctx, &at)
	return out, b.clean("bucket owner", err)
}

// GetBucketPolicy reads a bucket's policy; there never is one.
func (b *buckets) GetBucketPolicy(ctx context.Context, bucket string) ([]byte, error) {
	out, err := b.files.GetBucketPolicy(ctx, b.path(bucket))
	return out, b.clean("bucket policy", err)
}

// GetBucketCors reads a bucket's cross-origin rules; there never are any.
func (b *buckets) GetBucketCors(ctx context.Context, bucket string) ([]byte, error) {
	out, err := b.files.GetBucketCors(ctx, b.path(bucket))
	return out, b.clean("bucket cross-origin rules", err)
}

// GetObjectLockConfiguration reads a bucket's lock; there never is one.
func (b *buckets) GetObjectLockConfiguration(ctx context.Context, bucket string) ([]byte, error) {
	out, err := b.files.GetObjectLockConfiguration(ctx, b.path(bucket))
	return out, b.clean("bucket lock", err)
}
