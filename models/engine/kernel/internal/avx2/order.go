package main

import (
	"iter"
	"maps"
	"slices"

	"github.com/mmcloughlin/avo/reg"
)

// ordered walks over registers by name, so that the output is always the same.
func ordered(m map[string]reg.Register) iter.Seq2[string, reg.Register] {
	return func(yield func(string, reg.Register) bool) {
		for _, n := range slices.Sorted(maps.Keys(m)) {
			if !yield(n, m[n]) {
				return
			}
		}
	}
}
