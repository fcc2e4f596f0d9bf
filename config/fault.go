package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a spec.
type Fault struct {
	File         string
	Line, Column int    // from 1
	Path         string // of the key: "train.epochs"; empty for the file as a whole
	Message      string // what is wrong and what is allowed
}

// String is the fault in one line, as editors and terminals link it:
// "file.yaml:12:7: train.epochs: 0 is not at least 1".
func (f Fault) String() string {
	where := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Path != "" {
		where += f.Path + ": "
	}
	return where + f.Message
}

// Faults is the error of a spec that cannot be used: all that is wrong with
// it, in the order of the lines.
type Faults struct {
	List []Fault // at least one
}

// Error prints one line for each fault.
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, fault := range f.List {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults as an error in the order of the file, or nil when
// there are none.
func sorted(list []Fault) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Fault) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	return &Faults{List: slices.Compact(list)}
}
