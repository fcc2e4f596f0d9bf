package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is the description of the spec in Markdown: every key with what
// it may be, its default and what it means. It is docs/spec.md.
func Reference() []byte {
	r := &reference{seen: map[reflect.Type]string{}}
	r.WriteString(referenceHead)
	r.section("", field{typ: reflect.TypeFor[Spec](), doc: "The keys at the top."})
	return []byte(r.String())
}

const referenceHead = `# The spec

A spec is one YAML file that describes one experiment. ` + "`espalier init`" + ` writes a
commented one, ` + "`espalier explain FILE`" + ` prints what it would do, and
[spec.schema.json](spec.schema.json) lets editors complete and check it. Every
fault of a spec is reported at once, each with its line and column.

Fractions may be written as ` + "`92%`" + ` or ` + "`0.92`" + `, durations as ` + "`30s`" + `, ` + "`5m`" + ` or ` + "`1h30m`" + `,
small numbers as ` + "`5e-4`" + `. Unknown keys are faults. The identity of a run (the ID
that ` + "`espalier explain`" + ` prints) covers network, data, train, prune and quantize,
defaults included, or exec but for silence and attempts; name, durability and
resources may change without starting anew.
That of a sweep covers its search, params, seeds, objectives and stop as well. The
spec without its sweep is a spec of its own, and so is that of each of its trials.

This page is generated from the source (` + "`go generate ./config`" + `).
`

// reference is the text so far, and where each type was described first.
type reference struct {
	strings.Builder
	seen map[reflect.Type]string
}

func (r *reference) section(path string, f field) {
	title := path
	if path == "" {
		title = "spec"
	}
	fmt.Fprintf(r, "\n## %s\n\n%s\n", title, f.doc)
	if first, ok := r.seen[f.typ]; ok {
		fmt.Fprintf(r, "\nThe keys are those of [%s](#%s).\n", first, anchor(first))
		return
	}
	r.seen[f.typ] = title
	fields := fieldsOf(f.typ)
	if len(fields) == 0 {
		return
	}
	r.WriteString("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, member := range fields {
		r.row(path, member)
	}
	for _, member := range fields {
		if member.typ.Kind() == reflect.Struct {
			r.section(join(path, member.key), member)
		}
	}
}

func (r *reference) row(path string, f field) {
	value := f.allowed()
	if f.typ.Kind() == reflect.Struct {
		sub := join(path, f.key)
		value = fmt.Sprintf("see [%s](#%s)", sub, anchor(sub))
		if bare, ok := bareField(fieldsOf(f.typ)); ok {
			value = bare.allowed() + ", or " + value
		}
	}
	fallback := ""
	switch {
	case f.required && f.unless != "":
		fallback = "required unless " + f.unless
	case f.required:
		fallback = "required"
	case f.choice:
		fallback = "exactly one of these keys"
	case f.fallback != "":
		fallback = "`" + f.fallback + "`"
	}
	cells := []string{"`" + f.key + "`", value, fallback, f.doc}
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	fmt.Fprintf(r, "| %s |\n", strings.Join(cells, " | "))
}

// anchor is the link target that Markdown viewers give a heading.
func anchor(title string) string {
	return strings.ReplaceAll(strings.ToLower(title), ".", "")
}
