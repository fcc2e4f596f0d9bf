package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"espalier/models/compress"
	"espalier/models/data"
	"espalier/models/prune"
	"espalier/models/zoo"
)

// vocabulary is what a words tag allows: a list, or what the named package
// knows.
func vocabulary(tag string) []string {
	switch tag {
	case "":
		return nil
	case "@zoo":
		return zoo.Names()
	case "@shortcuts":
		return zoo.Shortcuts()
	case "@heads":
		return zoo.Heads()
	case "@roles":
		return roles()
	case "@objectives":
		return objectives()
	case "@data":
		return data.Names()
	case "@prune":
		return prune.Methods()
	case "@shapes":
		return prune.Shapes()
	case "@inits":
		return compress.Inits()
	case "@scopes":
		return prune.Scopes()
	default:
		return strings.Split(tag, ",")
	}
}

// longestWord bounds what is compared: the distance costs time in proportion
// to the length, and no word of a spec is longer.
const longestWord = 40

// nearest is the word that was probably meant, if one is near enough: two
// fifths of its letters may be wrong. Case, hyphens and underscores do not
// count. Where several are equally near, as in fc1, fc2, fc3, it is none.
func nearest(word string, allowed []string) (string, bool) {
	if utf8.RuneCountInString(word) > longestWord {
		return "", false
	}
	best, least, ties := "", longestWord, 0
	for _, candidate := range allowed {
		distance := levenshtein.ComputeDistance(folded(word), folded(candidate))
		if distance > max(1, utf8.RuneCountInString(candidate)*2/5) || distance > least {
			continue
		}
		if distance == least {
			ties++
			continue
		}
		best, least, ties = candidate, distance, 0
	}
	return best, best != "" && ties == 0
}

func folded(word string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
}

// mostShown bounds how many words a message lists: all that a spec may choose
// from, but not the layers of a deep network.
const mostShown = 20

// suggestion is the clause that names the nearest word and the allowed ones.
func suggestion(word string, allowed []string) string {
	list := "allowed: " + strings.Join(allowed, ", ")
	if more := len(allowed) - mostShown; more > 0 {
		list = fmt.Sprintf("allowed: %s and %d more", strings.Join(allowed[:mostShown], ", "), more)
	}
	if near, ok := nearest(word, allowed); ok {
		return "did you mean " + near + "? " + list
	}
	return list
}
