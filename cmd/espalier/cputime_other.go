//go:build !unix

package main

import (
	"errors"
	"time"
)

// processorTime fails: this system is not asked for it.
func processorTime() (time.Duration, error) { return 0, errors.ErrUnsupported }
