package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// With is the spec with values set at dotted paths of keys, checked as if it
// had been written so. The spec itself stays as it is. What is wrong comes back
// as [*Faults]. A file that holds the network is the same or is read for its
// digest. A spec with a sweep has [Spec.Trial] for that.
func (s *Spec) With(values ...Setting) (*Spec, error) {
	if s.Sweep != nil {
		return nil, errors.New("a sweep's spec has no settings of its own; want one of its trials")
	}
	root := s.document()
	d := newDecoder(s.Name)
	if err := setAll(root, nil, values); err != nil {
		return nil, err
	}
	made := d.spec(root, nil)
	if len(d.faults) == 0 && made.Network.File() == s.Network.File() {
		made.Network.FileDigest = s.Network.FileDigest
	} else if len(d.faults) == 0 {
		d.seal(&made.Network)
	}
	if err := sorted(d.faults); err != nil {
		return nil, err
	}
	return made, nil
}

// ParseSetting reads path=value, as a command line has it.
func ParseSetting(text string) (Setting, error) {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" || strings.TrimSpace(value) == "" {
		return Setting{}, fmt.Errorf("setting %q is not PATH=VALUE, such as prune.finetune.epochs=8", text)
	}
	return Setting{Path: path, Value: value}, nil
}

// setAll sets values in a document; what is inside another value is set after
// it.
func setAll(root, written *yaml.Node, values []Setting) error {
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(a, b Setting) int {
		return cmp.Compare(strings.Count(a.Path, "."), strings.Count(b.Path, "."))
	})
	for _, v := range values {
		if err := set(root, written, v); err != nil {
			return err
		}
	}
	return nil
}

// document is the spec as a file would have it, without what is so by default.
func (s *Spec) document() *yaml.Node {
	root := mappingOf(reflect.ValueOf(s).Elem())
	if s.Exec != nil { // beside which these are not given
		for _, key := range []string{"network", "data", "train"} {
			cut(root, key)
		}
	}
	if p := member(root, "prune"); p != nil && s.Prune.RemovesChannels() {
		// Of masks only, and off where channels are removed.
		cut(p, "dead_neurons")
		cut(p, "adjust_dropout")
	}
	return root
}

func mappingOf(v reflect.Value) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fieldsOf(v.Type()) {
		value, forced := v.Field(f.index), false
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue
			}
			value, forced = value.Elem(), true
		}
		if !forced && f.isDefault(value) {
			continue
		}
		n := nodeOf(value)
		if !forced && n.Kind == yaml.MappingNode && len(n.Content) == 0 {
			continue
		}
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.key}, n)
	}
	return m
}

// isDefault says whether a value is what it would be when left out.
func (f field) isDefault(v reflect.Value) bool {
	switch {
	case f.required:
		return false
	case f.fallback == "":
		return v.IsZero()
	}
	fallback := reflect.New(f.typ).Elem()
	newDecoder("").scalar("", &yaml.Node{Kind: yaml.ScalarNode, Value: f.fallback}, place{1, 1}, f, fallback)
	return fallback.Equal(v)
}

func nodeOf(v reflect.Value) *yaml.Node {
	if d, ok := v.Interface().(Duration); ok {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: d.String()}
	}
	if p, ok := v.Interface().(Params); ok {
		if n, err := node(string(p)); err == nil { // JSON is YAML
			return n
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		return mappingOf(v)
	case reflect.Map:
		m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			m.Content = append(m.Content, nodeOf(key), nodeOf(v.MapIndex(key)))
		}
		return m
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			list.Content = append(list.Content, nodeOf(v.Index(i)))
		}
		return list
	case reflect.Float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(v.Float(), 'g', -1, 64)}
	case reflect.String:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v.String()}
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(v.Interface())}
	}
}
