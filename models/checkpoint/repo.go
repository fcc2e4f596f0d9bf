package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
)

// Repo keeps checkpoints, journals and results in a store. Its layout:
//
//	checkpoints/<digest>.safetensors     networks, named by their bytes
//	manifests/<step key>/<number>.json   the step's journal
//	steps/<step key>.json                the step's result, written once
//	quarantine/...                       objects that were found corrupt
//	runs/<run>/..., sweeps/<sweep>/...   PutJSON and GetJSON
//	workers/...                          the same
//
// Several processes may use one store; a Repo is safe for concurrent use and
// must not be copied.
type Repo struct {
	Store Store

	// Stale, if not nil, says of an object that it lies there so long that it
	// may be taken for garbage: Save then writes it anew.
	Stale func(Info) bool

	// Damaged, if not nil, hears the key of each object that is found damaged
	// and put aside.
	Damaged func(key string)

	// rewrite has the digests of objects that could not be read: the next Save
	// writes them anew although they seem to be there.
	rewrite sync.Map
}

// CheckpointKey is the key of a checkpoint's object.
//
//revive:disable-next-line:exported beside ResultKey and EntryKey, Key would not say whose
func CheckpointKey(d Digest) string { return "checkpoints/" + string(d) + ".safetensors" }

// ResultKey is the key of a step's result.
func ResultKey(stepKey string) string { return "steps/" + stepKey + ".json" }

// EntryKey is the key of a journal entry.
func EntryKey(stepKey string, number int) string {
	return fmt.Sprintf("%s%08d.json", journalPrefix(stepKey), number)
}

func journalPrefix(stepKey string) string { return "manifests/" + stepKey + "/" }

// Save stores a checkpoint under its digest, unless it is there already and
// not stale, and
// answers with the digest and the size in bytes.
func (r *Repo) Save(ctx context.Context, c *Checkpoint) (Digest, int64, error) {
	data, digest, err := Encode(c)
	if err != nil {
		return "", 0, err
	}
	key, size := CheckpointKey(digest), int64(len(data))
	info, err := r.Store.Stat(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", 0, err
	}
	if _, again := r.rewrite.Load(digest); err == nil && info.Size == size && !again && !(r.Stale != nil && r.Stale(info)) {
		return digest, size, nil
	}
	if err := r.Store.Put(ctx, key, bytes.NewReader(data), size); err != nil {
		return "", 0, err
	}
	r.rewrite.Delete(digest)
	return digest, size, nil
}

// Load reads a checkpoint and verifies its digest: ErrNotFound if there is
// none, a *CorruptError if the bytes are not those that were saved. Files of
// an external trainer it refuses.
func (r *Repo) Load(ctx context.Context, d Digest) (*Checkpoint, error) {
	c, err := r.load(ctx, d, -1)
	if err == nil && c.Network == nil {
		return nil, fmt.Errorf("%s: %w", CheckpointKey(d), errFiles)
	}
	return c, err
}

// LoadFiles is Load for the checkpoint of an external trainer.
func (r *Repo) LoadFiles(ctx context.Context, d Digest) ([]File, error) {
	data, err := r.verified(ctx, d, -1)
	if err != nil {
		return nil, err
	}
	files, err := DecodeFiles(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", CheckpointKey(d), err)
	}
	return files, nil
}

// load is Load for a known size; -1 means unknown.
func (r *Repo) load(ctx context.Context, d Digest, size int64) (*Checkpoint, error) {
	data, err := r.verified(ctx, d, size)
	if err != nil {
		return nil, err
	}
	c, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", CheckpointKey(d), err)
	}
	return c, nil
}

// verified reads a checkpoint's bytes and checks them.
func (r *Repo) verified(ctx context.Context, d Digest, size int64) ([]byte, error) {
	if !d.Valid() {
		return nil, fmt.Errorf("checkpoint %.80q: not a digest", d)
	}
	key := CheckpointKey(d)
	data, err := r.read(ctx, key, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	if size >= 0 && int64(len(data)) != size {
		return nil, &CorruptError{Key: key, Reason: fmt.Sprintf("size %d, want %d", len(data), size)}
	}
	if got := DigestOf(data); got != d {
		return nil, &CorruptError{Key: key, Reason: fmt.Sprintf("%d bytes with sha256 %s, want %s", len(data), got.Short(), d.Short())}
	}
	return data, nil
}

// Result is what a finished step left; ErrNotFound if it is not finished, a
// *CorruptError if the record is damaged (the next Open mends it).
func (r *Repo) Result(ctx context.Context, stepKey string) (*Result, error) {
	if err := checkStep(stepKey); err != nil {
		return nil, err
	}
	var result Result
	if err := r.GetJSON(ctx, ResultKey(stepKey), &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// VerifyResult is Result that also reads the checkpoint's bytes. A damaged
// record or checkpoint goes to quarantine, the result is forgotten and the
// answer is a *CorruptError: the next attempt goes on from the checkpoint
// before.
func (r *Repo) VerifyResult(ctx context.Context, stepKey string) (*Result, error) {
	result, err := r.Result(ctx, stepKey)
	if isCorrupt(err) {
		if err := r.quarantine(ctx, ResultKey(stepKey)); err != nil {
			return nil, err
		}
		return nil, err
	}
	if err != nil || result.Checkpoint == "" {
		return result, err
	}
	bad, err := r.inspect(ctx, result.Checkpoint, result.Size)
	if err != nil {
		return nil, err
	}
	if bad == nil {
		return result, nil
	}
	if err := r.Store.Delete(ctx, ResultKey(stepKey)); err != nil {
		return nil, err
	}
	return nil, bad
}

// inspect says what is wrong with a checkpoint's object, nil if nothing is,
// and puts a damaged one aside. err means that it could not find out.
func (r *Repo) inspect(ctx context.Context, d Digest, size int64) (bad *CorruptError, err error) {
	_, err = r.verified(ctx, d, size)
	return r.judge(ctx, d, err)
}

// reasonMissing is what is wrong with an object that should be there.
const reasonMissing = "it is missing"

// judge sorts the error of a checkpoint's reading into what is wrong with the
// object, which it puts aside, and what is wrong elsewhere.
func (r *Repo) judge(ctx context.Context, d Digest, err error) (bad *CorruptError, other error) {
	switch {
	case errors.As(err, &bad) && bad.unreadable:
		r.rewrite.Store(d, true)
		return bad, nil
	case errors.As(err, &bad):
		return bad, r.quarantine(ctx, bad.Key)
	case errors.Is(err, ErrNotFound):
		return &CorruptError{Key: CheckpointKey(d), Reason: reasonMissing}, nil
	}
	return nil, err
}

// quarantine moves a damaged object out of the way, so that it can be looked
// at and its key be written anew. One that cannot be read is removed.
func (r *Repo) quarantine(ctx context.Context, key string) error {
	data, err := r.read(ctx, key, math.MaxInt64)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if r.Damaged != nil {
		r.Damaged(key)
	}
	var corrupt *CorruptError
	if errors.As(err, &corrupt) && corrupt.unreadable {
		return r.Store.Delete(ctx, key)
	}
	if err == nil {
		err = r.Store.Put(ctx, "quarantine/"+key, bytes.NewReader(data), int64(len(data)))
	}
	if err != nil {
		return fmt.Errorf("quarantine %s: %w", key, err)
	}
	return r.Store.Delete(ctx, key)
}

func isCorrupt(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt)
}

func checkStep(stepKey string) error {
	if !Digest(stepKey).Valid() {
		return fmt.Errorf("step key %.80q is not 64 hexadecimal digits", stepKey)
	}
	return nil
}
