package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"
)

// download reads an object and goes on from where it is when the connection
// breaks, as long as the object is the same.
type download struct {
	ctx    context.Context
	store  *Store
	key    string
	body   io.ReadCloser
	info   minio.ObjectInfo
	offset int64
	broken int // times in a row that no byte came
}

// open asks for the rest of the object.
func (d *download) open() error {
	var opts minio.GetObjectOptions
	if d.offset > 0 {
		if err := errors.Join(opts.SetRange(d.offset, 0), opts.SetMatchETag(d.info.ETag)); err != nil {
			return err
		}
	}
	body, info, _, err := d.store.core.GetObject(d.ctx, d.store.bucket, d.store.prefix+d.key, opts)
	if err != nil {
		return err
	}
	if d.offset == 0 {
		info.Key = d.store.prefix + d.key
		d.info = info
	}
	d.body = body
	return nil
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.body.Read(p)
		d.offset += int64(n)
		if n > 0 {
			d.broken = 0
		}
		switch {
		case err == nil, err == io.EOF && d.offset >= d.info.Size:
			return n, err
		case d.ctx.Err() != nil:
			return n, d.ctx.Err()
		case d.broken >= triesToOpen:
			return n, d.store.fault("get", d.key, err)
		}
		d.broken++
		d.body.Close()
		if err := d.open(); code(err) == minio.PreconditionFailed {
			return n, fmt.Errorf("get %s in %s: the object was replaced while it was read", d.key, d.store)
		} else if err != nil {
			return n, d.store.fault("get", d.key, err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Close implements io.Closer.
func (d *download) Close() error { return d.body.Close() }
