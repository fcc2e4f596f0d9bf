package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is what the tags of one member of the spec say.
type field struct {
	index    int          // in its struct
	typ      reflect.Type // without the pointer
	key      string       // in YAML
	doc      string
	fallback string // what it is when left out, in YAML; empty: none
	example  string
	pattern  string
	within   interval
	words    []string // allowed, if any are named
	required bool
	optional bool // stays empty when left out
	fraction bool
	bare     bool
	choice   bool
	show     bool // in the commented spec
	hide     bool // there, though something inside is required
	unless   string
}

// fieldsOf reads the tags of a struct of the spec, in the order of its fields.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		if f := newField(i, t.Field(i)); f.key != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

func newField(i int, member reflect.StructField) field {
	tag := member.Tag
	key, option, _ := strings.Cut(tag.Get("yaml"), ",")
	typ := member.Type
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return field{
		index:    i,
		typ:      typ,
		key:      key,
		doc:      tag.Get("doc"),
		fallback: tag.Get("default"),
		example:  tag.Get("example"),
		pattern:  tag.Get("pattern"),
		within:   newInterval(tag.Get("range")),
		words:    vocabulary(tag.Get("words")),
		required: tag.Get("required") == "true",
		optional: option == "omitempty",
		fraction: tag.Get("unit") == "fraction",
		bare:     tag.Get("bare") == "true",
		choice:   tag.Get("choice") == "true",
		show:     tag.Get("show") == "true",
		hide:     tag.Get("show") == "false",
		unless:   tag.Get("unless"),
	}
}

// element is the field of one entry of a list or a mapping of names.
func (f field) element() field {
	f.typ = f.typ.Elem()
	return f
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

// choices are the fields of which exactly one is given, if the struct is such
// a choice.
func choices(fields []field) []field {
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return !f.choice })
}

// bareField is the field that may stand for its whole mapping.
func bareField(fields []field) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.bare })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// kind says in words what type of value the field wants.
func (f field) kind() string {
	if s, ok := specialOf(f.typ); ok {
		return s.words()
	}
	switch {
	case f.typ == reflect.TypeFor[Duration]():
		return "a duration such as 30s, 5m or 1h30m"
	case f.typ.Kind() == reflect.Struct:
		return "a mapping with the keys " + strings.Join(keysOf(fieldsOf(f.typ)), ", ")
	case f.typ.Kind() == reflect.Map:
		return "a mapping from layer names, each to " + f.element().kind()
	case f.typ.Kind() == reflect.Slice:
		return "a list, each entry " + f.element().kind()
	case f.words != nil:
		return "one of " + strings.Join(f.words, ", ")
	case f.fraction:
		return "a fraction such as 92% or 0.92"
	}
	switch f.typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number from 0 to 18446744073709551615"
	case reflect.Float64:
		return "a number"
	default:
		return "text"
	}
}

// allowed is kind with the range.
func (f field) allowed() string {
	if within := f.within.phrase(f.fraction); within != "" {
		return f.kind() + ", " + within
	}
	if f.pattern != "" {
		return f.kind() + " that matches " + f.pattern
	}
	return f.kind()
}
