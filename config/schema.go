package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// The forms of values that are text in YAML but no text to the spec.
const (
	percentPattern  = `^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+) *%$`
	durationPattern = `^([0-9]+\.?[0-9]*(ns|us|ms|s|m|h))+$`
)

// Schema is the JSON Schema (draft 2020-12) of the spec, for editors that
// complete and check YAML while it is written. It knows every key, type and
// range; rules between fields are checked by [Parse] alone.
func Schema() ([]byte, error) {
	root := schemaOf(field{typ: reflect.TypeFor[Spec]()})
	root.Version = jsonschema.Version
	root.Title = "Espalier spec"
	root.Description = "One experiment: a network, its data, its training, its pruning, its quantization, and how durable and where it is to run."
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(text, '\n'), nil
}

func schemaOf(f field) *jsonschema.Schema {
	if s, ok := specialOf(f.typ); ok {
		return s.schema()
	}
	s := &jsonschema.Schema{}
	switch {
	case f.typ == reflect.TypeFor[Duration]():
		s.Type, s.Pattern = "string", durationPattern
	case f.typ.Kind() == reflect.Struct:
		s = schemaOfStruct(fieldsOf(f.typ))
	case f.typ.Kind() == reflect.Map:
		one := uint64(1)
		s.Type, s.AdditionalProperties, s.MinProperties = "object", schemaOf(f.element()), &one
	case f.typ.Kind() == reflect.Slice:
		s.Type, s.Items = "array", schemaOf(f.element())
	case f.typ.Kind() == reflect.String:
		s.Type, s.Enum = "string", anys(f.words)
		if f.pattern != "" {
			s.Pattern = "^(?:" + f.pattern + ")$"
		}
	case f.typ.Kind() == reflect.Bool:
		s.Type = "boolean"
	default:
		s = schemaOfNumber(f)
	}
	return s
}

func schemaOfNumber(f field) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "number"}
	if f.typ.Kind() != reflect.Float64 {
		s.Type = "integer"
	}
	if f.typ.Kind() == reflect.Uint64 {
		s.Minimum = "0"
	}
	low, high := json.Number(f.within.low), json.Number(f.within.high)
	if f.within.lowOpen {
		s.ExclusiveMinimum = low
	} else if low != "" {
		s.Minimum = low
	}
	if f.within.highOpen {
		s.ExclusiveMaximum = high
	} else {
		s.Maximum = high
	}
	if f.fraction {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "string", Pattern: percentPattern}}}
	}
	return s
}

// schemaOfStruct is that of a mapping and, where there is one, of the bare
// value that is short for it.
func schemaOfStruct(fields []field) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	var words, instead []string
	var bare *jsonschema.Schema
	unless := ""
	for _, f := range fields {
		member := schemaOf(f)
		member.Description, member.Default = f.doc, defaultValue(f)
		s.Properties.Set(f.key, member)
		switch {
		case f.required && f.unless != "":
			instead, unless = append(instead, f.key), f.unless
		case f.required:
			s.Required = append(s.Required, f.key)
		}
		if f.bare {
			bare = schemaOf(f)
		}
		if f.choice && !needsMore(f) {
			words = append(words, f.key)
		}
	}
	if unless != "" {
		s.OneOf = []*jsonschema.Schema{{Required: instead}, {Required: []string{unless}}}
	}
	if len(choices(fields)) > 0 {
		one := uint64(1)
		s.MinProperties, s.MaxProperties = &one, &one
	}
	if words != nil {
		bare = &jsonschema.Schema{Type: "string", Enum: anys(words)}
	}
	if bare == nil {
		return s
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{bare, s}}
}

// needsMore says whether a choice has keys without defaults, so that its bare
// name is not enough.
func needsMore(f field) bool {
	for _, member := range fieldsOf(f.typ) {
		if member.required {
			return true
		}
	}
	return false
}

// defaultValue is the default as JSON has it.
func defaultValue(f field) any {
	if f.fallback == "" {
		return nil
	}
	if f.typ.Kind() == reflect.Float64 && !strings.HasSuffix(f.fallback, "%") {
		return json.Number(f.fallback)
	}
	var value any
	if err := yaml.Unmarshal([]byte(f.fallback), &value); err != nil {
		return f.fallback
	}
	return value
}

func anys(words []string) []any {
	var list []any
	for _, w := range words {
		list = append(list, w)
	}
	return list
}
