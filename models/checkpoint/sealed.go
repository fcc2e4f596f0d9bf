package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// sealed is the form of every small object: a JSON value, the key that it was
// written under and the SHA-256 of the value's bytes. An object that was
// changed, cut or moved does not read.
type sealed struct {
	Key    string          `json:"key"`
	SHA256 Digest          `json:"sha256"`
	Body   json.RawMessage `json:"body"`
}

// maxSealed bounds a small object that is read.
const maxSealed = 64 << 20

func seal(key string, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return sealBody(key, body)
}

func sealBody(key string, body []byte) ([]byte, error) {
	data, err := json.Marshal(sealed{Key: key, SHA256: DigestOf(body), Body: body})
	if len(data) >= maxSealed {
		return nil, fmt.Errorf("%s: %d bytes of JSON, at most %d are allowed", key, len(data), maxSealed)
	}
	return append(data, '\n'), err
}

// unseal checks an object and reads its value into v. The whole object must be
// exactly what seal wrote, so that no flipped bit goes unseen.
func unseal(key string, data []byte, v any) error {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return &CorruptError{Key: key, Reason: err.Error()}
	}
	if got := DigestOf(s.Body); got != s.SHA256 {
		return &CorruptError{Key: key, Reason: fmt.Sprintf("sha256 %s, want %s", got.Short(), s.SHA256.Short())}
	}
	if s.Key != key {
		return &CorruptError{Key: key, Reason: fmt.Sprintf("it was written as %q", s.Key)}
	}
	if again, err := sealBody(key, s.Body); err != nil || !bytes.Equal(again, data) {
		return &CorruptError{Key: key, Reason: "it is not in the form that it was written in"}
	}
	if err := json.Unmarshal(s.Body, v); err != nil {
		return &CorruptError{Key: key, Reason: err.Error()}
	}
	return nil
}

// PutJSON stores v as a checksummed JSON object, replacing one with the same
// key: what a run or a sweep has to keep beside its checkpoints.
func (r *Repo) PutJSON(ctx context.Context, key string, v any) error {
	data, err := seal(key, v)
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// GetJSON reads what PutJSON stored into v: ErrNotFound if there is nothing, a
// *CorruptError if the bytes are not those that were written.
func (r *Repo) GetJSON(ctx context.Context, key string, v any) error {
	data, err := r.read(ctx, key, maxSealed)
	if err != nil {
		return err
	}
	return unseal(key, data, v)
}

// read is a whole object of at most limit bytes. One that the store has but
// cannot give, again and again, has rotted on its disks: servers that check
// their disks answer so instead of with wrong bytes. It counts as corrupt, or
// else it would block its step for ever.
func (r *Repo) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	data, err := r.readOnce(ctx, key, limit)
	known := isCorrupt(err) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDenied) || ctx.Err() != nil
	if err == nil || known {
		return data, err
	}
	if _, gone := r.Store.Stat(ctx, key); gone != nil {
		return nil, err // the store itself does not answer
	}
	return nil, &CorruptError{Key: key, Reason: fmt.Sprintf("it cannot be read: %v", err), unreadable: true}
}

func (r *Repo) readOnce(ctx context.Context, key string, limit int64) ([]byte, error) {
	body, info, err := r.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size > limit {
		return nil, &CorruptError{Key: key, Reason: fmt.Sprintf("size %d, at most %d are expected", info.Size, limit)}
	}
	buf := bytes.NewBuffer(make([]byte, 0, info.Size+bytes.MinRead))
	n, err := io.Copy(buf, io.LimitReader(body, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if n != info.Size {
		return nil, &CorruptError{Key: key, Reason: fmt.Sprintf("size %d, want %d", n, info.Size)}
	}
	return buf.Bytes(), nil
}
