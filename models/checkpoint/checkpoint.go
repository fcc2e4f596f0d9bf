// Package checkpoint keeps networks at rest: their bytes, their names and the
// places that hold them.
//
// A checkpoint is a network frozen and named by the SHA-256 of its bytes, a
// safetensors file that holds the tensors, the masks, the graph and, in the
// middle of training, the cursor and the optimizer's state: all that is needed
// to go on with the same bits. A [Store] is a place for objects; a [Journal]
// is the fenced record of one step's attempts and checkpoints in a store.
package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"

	"espalier/models"
)

// Digest is a SHA-256 in lower-case hexadecimal.
type Digest string

// DigestOf is the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}

// Valid says whether d has the form of a digest.
func (d Digest) Valid() bool {
	if len(d) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(d) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Short is the first 12 digits, for people.
func (d Digest) Short() string {
	if len(d) > 12 {
		return string(d[:12])
	}
	return string(d)
}

// Checkpoint is a network and, if it was frozen while training, where.
type Checkpoint struct {
	Network *models.Network
	// Files are there instead of a network if an external trainer made it.
	Files []File
	// Training is nil except between the first and the last optimizer step.
	Training *Training
}

// Training is the state of an unfinished training step.
type Training struct {
	Cursor Cursor `json:"cursor"`
	// StepKey is the step that the state belongs to; [Journal.Commit] sets it.
	// It keeps two steps that happen to pass through the same state from
	// sharing one object, so that each may remove its own.
	StepKey string `json:"step_key,omitempty"`
	// Numbers are the optimizer's scalars (Adam's step count, say).
	Numbers Numbers `json:"numbers,omitempty"`
	// Tensors are the optimizer's tensors by name: "momentum/fc1.weight".
	Tensors map[string][]float32 `json:"-"`
}

// Cursor is the position in training. Data order, augmentation and dropout
// are functions of seed and cursor, so it is all that a resume needs.
type Cursor struct {
	Epoch   int     `json:"epoch"`    // completed epochs
	Batch   int     `json:"batch"`    // completed batches of the current epoch
	Step    int64   `json:"step"`     // completed optimizer steps
	LossSum float64 `json:"loss_sum"` // over the current epoch's samples; any value, also NaN
	Correct int     `json:"correct"`  // over the current epoch's samples
	Seen    int     `json:"seen"`     // samples of the current epoch
}
