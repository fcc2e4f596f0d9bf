package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFaults bounds the list for a file that is something else altogether.
const maxFaults = 200

// decoder turns YAML nodes into a spec by the tags of its fields. It goes on
// after a fault, so that one reading finds them all.
//
// It follows the structure of the spec, never that of the file: an alias is
// read again only where a key of the spec wants a value, so that nested
// aliases cannot multiply.
type decoder struct {
	file   string
	faults []Fault
	places map[string]place // where each path that is given stands
	// misspelt are paths of keys that were probably meant by an unknown one:
	// that they are missing as well is no news.
	misspelt []string
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, places: map[string]place{"": {1, 1}}}
}

// place is a position in the file, from 1.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{max(n.Line, 1), max(n.Column, 1)} }

func (d *decoder) fault(path string, at place, format string, args ...any) {
	f := Fault{File: d.file, Line: at.line, Column: at.column, Path: clipped(path), Message: fmt.Sprintf(format, args...)}
	if len(d.faults) == maxFaults {
		f.Path, f.Message = "", fmt.Sprintf("more than %d faults; the rest is not shown", maxFaults)
	}
	if len(d.faults) <= maxFaults {
		d.faults = append(d.faults, f)
	}
}

// join is the path of a key inside another one.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index is the path of an entry of a list.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// value reads a node into v, which f describes.
func (d *decoder) value(path string, n *yaml.Node, f field, v reflect.Value) {
	at := placeOf(n)
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if isNull(n) {
		d.fault(path, at, "has no value; want %s", f.allowed())
		return
	}
	if s, ok := v.Addr().Interface().(special); ok {
		s.read(d, path, n, at)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch f.typ.Kind() {
	case reflect.Struct:
		d.structure(path, n, at, f, v)
	case reflect.Map:
		d.table(path, n, at, f, v)
	case reflect.Slice:
		d.list(path, n, at, f, v)
	default:
		d.scalar(path, n, at, f, v)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// structure reads a mapping with known keys, or the bare word that is short
// for one.
func (d *decoder) structure(path string, n *yaml.Node, at place, f field, v reflect.Value) {
	fields := fieldsOf(f.typ)
	if n.Kind == yaml.ScalarNode {
		if bare, ok := bareField(fields); ok {
			d.scalar(path, n, at, bare, v.Field(bare.index))
			d.absent(path, at, fields, map[string]bool{bare.key: true}, v)
			return
		}
		if one := choices(fields); len(one) > 0 {
			d.choiceByName(path, n, at, one, v)
			return
		}
	}
	if n.Kind != yaml.MappingNode {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return
	}
	given := d.members(path, n, fields, v)
	d.absent(path, d.places[path], fields, given, v)
	d.oneChoice(path, fields, given)
}

// members reads the keys that are given and returns them.
func (d *decoder) members(path string, n *yaml.Node, fields []field, v reflect.Value) map[string]bool {
	given := map[string]bool{}
	d.eachKey(path, n, func(key string, k, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
		if i < 0 {
			if meant, ok := d.unknown(path, key, placeOf(k), fields); ok {
				d.misspelt = append(d.misspelt, join(path, meant))
			}
			return
		}
		given[key] = true
		at := placeOf(value)
		if fields[i].typ.Kind() == reflect.Struct || fields[i].choice {
			at = placeOf(k) // what is missing inside is reported at the key
		}
		d.places[join(path, key)] = at
		d.value(join(path, key), value, fields[i], v.Field(fields[i].index))
	})
	return given
}

// eachKey calls visit for the keys of a mapping that are text and given once,
// and notes the others.
func (d *decoder) eachKey(path string, n *yaml.Node, visit func(key string, k, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content) && len(d.faults) <= maxFaults; i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || isNull(k) {
			d.fault(path, placeOf(k), "%s is not a key; keys are plain words", shown(k))
			continue
		}
		if k.Tag == "!!merge" {
			d.fault(path, placeOf(k), "merge keys (<<) are not read; write the keys out")
			continue
		}
		if line, twice := first[k.Value]; twice {
			d.fault(join(path, k.Value), placeOf(k), "given twice, first in line %d", line)
			continue
		}
		first[k.Value] = k.Line
		visit(k.Value, k, value)
	}
}

// unknown notes a key that is none of the fields and returns the one that was
// probably meant.
func (d *decoder) unknown(path, key string, at place, fields []field) (string, bool) {
	keys := keysOf(fields)
	hint := suggestion(key, keys)
	meant, near := nearest(key, keys)
	if home := homeOf(key, "", reflect.TypeFor[Spec]()); !near && home != "" {
		hint = "its place is " + home + "; " + hint
	}
	d.fault(join(path, key), at, "unknown key; %s", hint)
	return meant, near
}

// homeOf is the path of the first field with that key, in the order of the
// spec.
func homeOf(key, path string, t reflect.Type) string {
	for _, f := range fieldsOf(t) {
		if f.key == key {
			return join(path, key)
		}
		if f.typ.Kind() == reflect.Struct {
			if home := homeOf(key, join(path, f.key), f.typ); home != "" {
				return home
			}
		}
	}
	return ""
}

// absent gives the fields that are not given their defaults.
func (d *decoder) absent(path string, at place, fields []field, given map[string]bool, v reflect.Value) {
	for _, f := range fields {
		switch target, sub := v.Field(f.index), join(path, f.key); {
		case given[f.key] && f.unless != "" && given[f.unless]:
			d.note(sub, "given together with %s; want one of the two", join(path, f.unless))
		case given[f.key] || f.choice || given[f.unless] || slices.Contains(d.misspelt, sub):
		case f.required:
			d.fault(sub, at, "missing; want %s", f.allowed())
		case f.fallback != "":
			d.scalar(sub, &yaml.Node{Kind: yaml.ScalarNode, Value: f.fallback}, at, f, target)
		case f.typ.Kind() == reflect.Struct && !f.optional:
			d.absent(sub, at, fieldsOf(f.typ), nil, target)
		}
	}
}

// oneChoice notes when not exactly one of the choices is given.
func (d *decoder) oneChoice(path string, fields []field, given map[string]bool) {
	all := keysOf(choices(fields))
	if len(all) == 0 {
		return
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(key string) bool { return !given[key] })
	switch {
	case len(chosen) == 0 && !d.faulty(path):
		d.fault(path, d.places[path], "empty; want exactly one of %s", strings.Join(all, ", "))
	case len(chosen) > 1:
		d.fault(path, d.places[path], "%s are given together; want exactly one of %s", strings.Join(chosen, " and "), strings.Join(all, ", "))
	}
}

// choiceByName reads a bare word as the choice of that name with its defaults.
func (d *decoder) choiceByName(path string, n *yaml.Node, at place, one []field, v reflect.Value) {
	i := slices.IndexFunc(one, func(f field) bool { return f.key == n.Value })
	if i < 0 {
		d.fault(path, at, "%s is not known; %s", shown(n), suggestion(n.Value, keysOf(one)))
		return
	}
	d.places[join(path, one[i].key)] = at
	target := v.Field(one[i].index)
	target.Set(reflect.New(one[i].typ))
	d.absent(join(path, one[i].key), at, fieldsOf(one[i].typ), nil, target.Elem())
}

// table reads a mapping whose keys are names of the user's.
func (d *decoder) table(path string, n *yaml.Node, at place, f field, v reflect.Value) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(path, n, func(key string, k, value *yaml.Node) {
		entry := reflect.New(f.typ.Elem()).Elem()
		d.places[join(path, key)] = placeOf(k)
		d.value(join(path, key), value, f.element(), entry)
		v.SetMapIndex(reflect.ValueOf(key), entry)
	})
}

func (d *decoder) list(path string, n *yaml.Node, at place, f field, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(path, at, "%s is not %s", shown(n), f.kind())
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, entry := range n.Content {
		if len(d.faults) > maxFaults {
			return
		}
		sub := index(path, i)
		d.places[sub] = placeOf(entry)
		d.value(sub, entry, f.element(), v.Index(i))
	}
}
