package config

import (
	"reflect"
	"strings"
)

// Template is the spec that espalier init writes: it can be run as it is, and
// every key that it does not set stands there commented out, with its default
// or an example.
func Template() []byte {
	t := &template{}
	t.comment(0, "A spec for Espalier: one experiment. Run it with: espalier run FILE; see what it would do with: espalier explain FILE. Keys that are commented out show their default or an example; # in front of a word without a space marks such a key.")
	t.section(0, reflect.TypeFor[Spec](), true)
	return []byte(t.String())
}

// template is the text so far.
type template struct{ strings.Builder }

func (t *template) section(depth int, typ reflect.Type, live bool) {
	for _, f := range fieldsOf(typ) {
		if depth == 0 {
			t.WriteByte('\n')
		}
		t.entry(depth, f, live)
	}
}

// entry writes a key with its explanation; in a section that is not live it is
// commented out in any case.
func (t *template) entry(depth int, f field, live bool) {
	t.comment(depth, f.doc+hint(f))
	live = live && shows(f)
	t.WriteString(strings.Repeat("  ", depth))
	if !live {
		t.WriteByte('#')
	}
	t.WriteString(f.key + ":")
	if isSection(f) {
		t.WriteByte('\n')
		t.section(depth+1, f.typ, live)
		return
	}
	value := f.example
	if value == "" || !live && f.fallback != "" {
		value = f.fallback
	}
	t.WriteString(" " + value + "\n")
}

// hint is the sentence that says what a value may be, where the explanation
// does not.
func hint(f field) string {
	if f.words != nil {
		return " One of " + strings.Join(f.words, ", ") + "."
	}
	if within := f.within.phrase(f.fraction); within != "" {
		return " " + strings.ToUpper(within[:1]) + within[1:] + "."
	}
	return ""
}

// isSection says whether the keys of f are written out, rather than an example
// in one line.
func isSection(f field) bool { return f.typ.Kind() == reflect.Struct && f.example == "" }

// shows says whether the key is set: it must be, or it is worth it, or one
// inside it is.
func shows(f field) bool {
	if !isSection(f) || f.hide {
		return f.required || f.show
	}
	for _, member := range fieldsOf(f.typ) {
		if shows(member) {
			return true
		}
	}
	return false
}

// comment writes lines of at most 80 characters.
func (t *template) comment(depth int, text string) {
	start := strings.Repeat("  ", depth) + "#"
	line := start
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 80 && line != start {
			t.WriteString(line + "\n")
			line = start
		}
		line += " " + word
	}
	t.WriteString(line + "\n")
}
