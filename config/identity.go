package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"espalier/models/data"
)

// Canonical is the canonical JSON of all that determines the numbers of a run:
// network, data, train, prune and quantize, or exec, with their defaults filled in. The name, the
// durability and the resources are left out, because a run ends with the same
// bits whatever they are, and so is the folder of data whose content is known
// by its name, and the file of a network whose content is known by its digest.
// A sweep adds what its trials are and how they are judged, not how many run at
// a time and after how much it ends.
//
// The form is frozen: a key that is added later must be left out while it has
// its old meaning, so that runs of older versions are found again.
func (s *Spec) Canonical() ([]byte, error) {
	known := s.Data
	if known.Name == data.Digits || known.Name == data.MNIST {
		known.Path = ""
	}
	text, err := json.Marshal(struct {
		Network  Network   `json:"network"`
		Data     Data      `json:"data"`
		Train    Train     `json:"train"`
		Prune    *Prune    `json:"prune,omitempty"`
		Quantize *Quantize `json:"quantize,omitempty"`
		Sweep    any       `json:"sweep,omitempty"`
		Exec     *Exec     `json:"exec,omitempty"`
	}{s.Network.Known(), known, s.Train, s.Prune, s.Quantize, s.Sweep.known(), s.Exec.known()})
	if err != nil {
		return nil, fmt.Errorf("spec %s: %w", s.Name, err)
	}
	return text, nil
}

// ID is the identity of the run that a spec describes: the first 12
// hexadecimal digits of the SHA-256 of its canonical form. Two specs with the
// same ID compute the same numbers. A spec with numbers that JSON cannot hold,
// which [Parse] never returns, has no identity: its ID is empty.
func (s *Spec) ID() string {
	text, err := s.Canonical()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:12]
}
