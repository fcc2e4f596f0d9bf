package checkpoint

import (
	"errors"
	"fmt"
)

// StepInput is all that determines the bits of a step's result.
type StepInput struct {
	Parent Digest // the checkpoint that the step begins with; empty if none
	Kind   string // "train", "prune", ...
	// Params are the step's settings, anything that encoding/json can write.
	// The order of fields and the Go type do not matter, the values do.
	Params any
	Seed   uint64
	Engine string // name and numeric version: "gorgonia/1"
}

// StepKey names a step: the SHA-256, in hexadecimal, of its input's canonical
// JSON. Equal keys give equal bits, so a result that is stored under the key
// can stand for doing the step again.
func StepKey(in StepInput) (string, error) {
	if in.Kind == "" {
		return "", errors.New("a step key wants the kind of step")
	}
	if in.Parent != "" && !in.Parent.Valid() {
		return "", fmt.Errorf("step %s: parent %.80q is not a digest", in.Kind, in.Parent)
	}
	canonical, err := canonicalJSON(map[string]any{
		"format": "espalier step 1",
		"parent": in.Parent,
		"kind":   in.Kind,
		"params": in.Params,
		"seed":   in.Seed,
		"engine": in.Engine,
	})
	if err != nil {
		return "", fmt.Errorf("step %s: parameters: %w", in.Kind, err)
	}
	return string(DigestOf(canonical)), nil
}
