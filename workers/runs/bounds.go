package runs

import (
	"fmt"
	"strings"
)

// The bounds of what persons ask for: those of a spec where it has the same,
// lengths in bytes.
const (
	mostConcurrency = 1000
	mostPriority    = 5
	mostTag         = 100
	mostNote        = 10_000
)

// CheckConcurrency says what is wrong with a number of trials at a time.
func CheckConcurrency(n int) error {
	if n < 1 || n > mostConcurrency {
		return fmt.Errorf("concurrency %d: 1 to %d are allowed", n, mostConcurrency)
	}
	return nil
}

// CheckPriority says what is wrong with a priority.
func CheckPriority(p int) error {
	if p < 1 || p > mostPriority {
		return fmt.Errorf("priority %d: 1, the first, to %d, the last, are allowed", p, mostPriority)
	}
	return nil
}

// CheckTags says what is wrong with words that are to be tags.
func CheckTags(words []string) error {
	for _, word := range words {
		if strings.TrimSpace(word) == "" || strings.ContainsAny(word, " ,\t\n") || len(word) > mostTag {
			return fmt.Errorf("tag %.100q: a word of 1 to %d bytes, without spaces and commas, is allowed", word, mostTag)
		}
	}
	return nil
}

// CheckNote says what is wrong with a note.
func CheckNote(text string) error {
	if text == "" || len(text) > mostNote {
		return fmt.Errorf("a note of %d bytes: 1 to %d are allowed", len(text), mostNote)
	}
	return nil
}
