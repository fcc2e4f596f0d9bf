package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier/models/measure"
)

// benchFlags are those of the command.
type benchFlags struct {
	batches []int
	rounds  int
	layers  bool
	forms   []string
	cpuTime bool
}

// cpuTimeHelp is that of the flag of commands that measure.
const cpuTimeHelp = "measure what the processors work, not the time that passes: for a machine that is busy, best with ESPALIER_THREADS=1"

// clock is the one to measure by.
func (f benchFlags) clock() (measure.Clock, error) {
	begun := time.Now()
	if !f.cpuTime {
		return func() time.Duration { return time.Since(begun) }, nil
	}
	if _, err := processorTime(); err != nil {
		return nil, usageError{fmt.Errorf("--cpu-time: %w on this system", err)}
	}
	return func() time.Duration {
		worked, _ := processorTime() // it answered a moment ago
		return worked
	}, nil
}

func (f benchFlags) check() error {
	if f.rounds < 1 {
		return usageError{fmt.Errorf("--rounds %d: at least 1 is allowed", f.rounds)}
	}
	for _, batch := range f.batches {
		if batch < 1 {
			return usageError{fmt.Errorf("--batch %d: at least 1 is allowed", batch)}
		}
	}
	for _, name := range f.forms {
		if !slices.Contains(formNames(), name) {
			return usageError{fmt.Errorf("--forms %q: %s are allowed", name, strings.Join(formNames(), ", "))}
		}
	}
	if f.layers && len(f.forms) > 0 {
		return usageError{errors.New("--layers and --forms: layers are told one by one as dense ones only")}
	}
	return nil
}
