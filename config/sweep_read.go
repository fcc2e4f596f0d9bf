package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// special is a type of the spec whose YAML its fields do not show.
type special interface {
	words() string
	schema() *jsonschema.Schema
	read(d *decoder, path string, n *yaml.Node, at place)
}

// specialOf is the zero value of a special type.
func specialOf(t reflect.Type) (special, bool) {
	s, ok := reflect.New(t).Interface().(special)
	return s, ok
}

func (*SweepParams) words() string {
	return "a mapping from paths such as prune.method, each to a list of values or a range"
}

func (*SweepParams) schema() *jsonschema.Schema {
	any1, one := &jsonschema.Schema{}, uint64(1)
	list := &jsonschema.Schema{Type: "array", MinItems: &one}
	entry := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, key := range []string{"values", "min", "max", "scale", "step", "when"} {
		entry.Properties.Set(key, any1)
	}
	entry.Properties.Set("values", list)
	entry.Properties.Set("scale", &jsonschema.Schema{Type: "string", Enum: anys(scales())})
	entry.Properties.Set("when", &jsonschema.Schema{Type: "object", MinProperties: &one})
	return &jsonschema.Schema{Type: "object", MinProperties: &one, AdditionalProperties: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{list, entry}}}
}

func (p *SweepParams) read(d *decoder, path string, n *yaml.Node, at place) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		d.fault(path, at, "%s is not %s", shown(n), p.words())
		return
	}
	d.eachKey(path, n, func(key string, k, value *yaml.Node) {
		sub := join(path, key)
		d.places[sub] = placeOf(k)
		f, ok := d.variable(sub, key, placeOf(k))
		if !ok {
			return
		}
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		param := SweepParam{Path: key}
		switch value.Kind {
		case yaml.SequenceNode:
			param.Values = d.values(sub, value, f)
		case yaml.MappingNode:
			d.param(sub, value, f, &param)
		default:
			d.fault(sub, placeOf(value), "%s is neither a list of values nor a mapping with values, or with min and max", shown(value))
		}
		*p = append(*p, param)
	})
}

func scales() []string { return []string{"linear", "log"} }

// param reads the mapping that describes one parameter.
func (d *decoder) param(path string, n *yaml.Node, f field, p *SweepParam) {
	keys := []string{"values", "min", "max", "scale", "step", "when"}
	given := map[string]*yaml.Node{}
	d.eachKey(path, n, func(key string, k, value *yaml.Node) {
		sub := join(path, key)
		d.places[sub] = placeOf(k)
		if !slices.Contains(keys, key) {
			d.fault(sub, placeOf(k), "unknown key; %s", suggestion(key, keys))
			return
		}
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		given[key] = value
	})
	if when := given["when"]; when != nil {
		p.When = d.when(join(path, "when"), when)
	}
	list := given["values"]
	if list == nil {
		d.bounds(path, given, f, p)
		return
	}
	p.Values = d.values(join(path, "values"), list, f)
	for _, key := range keys[1:5] {
		if given[key] != nil {
			d.note(join(path, key), "given together with values; want one of the two")
		}
	}
}

// bounds reads a range of numbers of the kind of f.
func (d *decoder) bounds(path string, given map[string]*yaml.Node, f field, p *SweepParam) {
	whole := f.typ.Kind() == reflect.Int || f.typ.Kind() == reflect.Uint64
	if !whole && f.typ.Kind() != reflect.Float64 {
		d.note(path, "%s is %s; want a list of values, not a range", p.Path, f.kind())
		return
	}
	number := func(key string, within bool) float64 {
		n, sub := given[key], join(path, key)
		if n == nil {
			return 0
		}
		x, ok := parseNumber(n.Value, f.fraction)
		switch {
		case n.Kind != yaml.ScalarNode || !ok || whole && x != float64(int64(x)):
			d.fault(sub, placeOf(n), "%s is not %s", shown(n), f.kind())
		case within && !f.within.contains(x):
			d.fault(sub, placeOf(n), "%s is not %s", shown(n), f.within.phrase(f.fraction))
		}
		return x
	}
	p.Min, p.Max, p.Step = number("min", true), number("max", true), number("step", false)
	if scale := given["scale"]; scale != nil {
		if !slices.Contains(scales(), scale.Value) {
			d.fault(join(path, "scale"), placeOf(scale), "%s is not known; %s", shown(scale), suggestion(scale.Value, scales()))
		}
		p.Log = scale.Value == "log"
	}
	switch {
	case d.faulty(path):
	case given["min"] == nil || given["max"] == nil:
		d.note(path, "want values, or both min and max")
	case p.Min >= p.Max:
		d.note(join(path, "max"), "%g is not above min, %g", p.Max, p.Min)
	case p.Log && p.Min <= 0:
		d.note(join(path, "min"), "scale log wants it above 0")
	case given["step"] != nil && !(p.Step > 0 && p.Step <= p.Max-p.Min):
		d.note(join(path, "step"), "%g is not above 0 and at most max less min, %g", p.Step, p.Max-p.Min)
	case whole && p.Step == 0:
		p.Step = 1
	}
}

// values reads the list of a parameter's values, each checked as if it stood
// in its place.
func (d *decoder) values(path string, n *yaml.Node, f field) []string {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.fault(path, placeOf(n), "%s is not a list of values with one entry at least", emptied(n))
		return nil
	}
	var all []string
	for i, entry := range n.Content {
		value := d.checked(index(path, i), entry, f)
		if slices.Contains(all, value) {
			d.fault(index(path, i), placeOf(entry), "%s stands here twice", clipped(value))
		}
		all = append(all, value)
	}
	return all
}

func emptied(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "an empty list"
	}
	return shown(n)
}

// checked is a value as text, checked as what f describes.
func (d *decoder) checked(path string, n *yaml.Node, f field) string {
	d.places[path] = placeOf(n)
	d.value(path, n, f, reflect.New(f.typ).Elem())
	return oneLine(n)
}

// when reads conditions. Whether they can hold is checked when all parameters
// are known.
func (d *decoder) when(path string, n *yaml.Node) []SweepCondition {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		d.fault(path, placeOf(n), "%s is not a mapping from other paths of params to their values", shown(n))
		return nil
	}
	var all []SweepCondition
	d.eachKey(path, n, func(key string, k, value *yaml.Node) {
		d.places[join(path, key)] = placeOf(k)
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		c := SweepCondition{Path: key}
		if value.Kind != yaml.SequenceNode {
			c.Values = []string{oneLine(value)}
		} else {
			for _, entry := range value.Content {
				c.Values = append(c.Values, oneLine(entry))
			}
		}
		all = append(all, c)
	})
	return all
}

func (*SweepTrials) words() string {
	return "a list of mappings from paths such as prune.method to values"
}

func (*SweepTrials) schema() *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{Type: "array", MinItems: &one, Items: &jsonschema.Schema{Type: "object"}}
}

func (t *SweepTrials) read(d *decoder, path string, n *yaml.Node, at place) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.fault(path, at, "%s is not %s", emptied(n), t.words())
		return
	}
	for i, entry := range n.Content {
		sub := index(path, i)
		d.places[sub] = placeOf(entry)
		if entry.Kind == yaml.AliasNode {
			entry = entry.Alias
		}
		if entry.Kind != yaml.MappingNode {
			d.fault(sub, placeOf(entry), "%s is not a mapping from paths such as prune.method to values", shown(entry))
			continue
		}
		settings := []Setting{}
		d.eachKey(sub, entry, func(key string, k, value *yaml.Node) {
			d.places[join(sub, key)] = placeOf(k)
			if f, ok := d.variable(join(sub, key), key, placeOf(k)); ok {
				settings = append(settings, Setting{key, d.checked(join(sub, key), value, f)})
			}
		})
		*t = append(*t, settings)
	}
}

// variable is the field at a dotted path that a sweep may vary. What cannot be
// varied is noted at the place.
func (d *decoder) variable(at, path string, where place) (field, bool) {
	f := field{typ: reflect.TypeFor[Spec]()}
	around := ""
	for segment := range strings.SplitSeq(path, ".") {
		switch {
		case f.typ == reflect.TypeFor[Params](), f.typ == reflect.TypeFor[free]():
			f = field{typ: reflect.TypeFor[free](), key: segment}
		case f.typ.Kind() == reflect.Map:
			f = f.element()
		case f.typ.Kind() == reflect.Struct:
			fields := fieldsOf(f.typ)
			if around == "" { // nothing else changes the numbers
				fields = slices.DeleteFunc(fields, func(f field) bool { return !slices.Contains(varied(), f.key) })
			}
			i := slices.IndexFunc(fields, func(f field) bool { return f.key == segment })
			if i < 0 {
				d.fault(at, where, "%s", unknownPath(path, around, segment, f.typ, fields))
				return field{}, false
			}
			f = fields[i]
		default:
			d.fault(at, where, "%s is %s; it has no keys inside", around, f.kind())
			return field{}, false
		}
		around = join(around, segment)
	}
	return f, true
}

// varied are the keys that change the numbers.
func varied() []string { return []string{"network", "data", "train", "prune", "quantize", "exec"} }

// unknownPath says what the nearest right spelling of a path is, as far as it
// can be told.
func unknownPath(path, around, segment string, t reflect.Type, fields []field) string {
	keys := keysOf(fields)
	if home := homeOf(segment, around, t); around != "" && home != "" {
		return "no such path; its place is " + home
	}
	if near, ok := nearest(segment, keys); ok {
		rest := strings.TrimPrefix(path, join(around, segment))
		return "no such path; did you mean " + join(around, near) + rest + "?"
	}
	if home := homeOf(segment, "", reflect.TypeFor[Spec]()); home != "" && home != segment {
		return "no such path; its place is " + home
	}
	inside := ""
	if around != "" {
		inside = " in " + around
	}
	return "no such path; want one of " + strings.Join(keys, ", ") + inside
}

// oneLine is a node as YAML in one line. Scalars that read the same without
// quotes have none, so that equal values are equal texts.
func oneLine(n *yaml.Node) string {
	text, err := yaml.Marshal(plain(n))
	if err != nil {
		return strconv.Quote(n.Value)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// plain is a copy of a node in flow style, without comments, anchors and
// needless quotes. An alias is replaced by what it stands for.
func plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: yaml.FlowStyle}
	for _, child := range n.Content {
		c.Content = append(c.Content, plain(child))
	}
	if n.Kind != yaml.ScalarNode {
		return c
	}
	c.Style = 0
	bare := yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
	if n.Value != "" && bare.ShortTag() != "!!null" && bare.ShortTag() != "!!merge" {
		c.Tag = "" // whatever the type, the text counts as it is written
	}
	return c
}
