package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/models/export"
)

// Trial is the spec of one trial: that of the sweep's file with values set at
// their paths, as if they had been written there. What is wrong with it comes
// back as [*Faults], a value's at the place in the file where the sweep has it.
// It reads no file, so the same sweep and values always make the same spec. A
// spec without a sweep has no trials.
func (s *Spec) Trial(values []Setting) (*Spec, error) {
	sweep := s.Sweep
	if sweep == nil {
		return nil, errors.New("the spec has no sweep")
	}
	d := newDecoder(sweep.File)
	root := d.document([]byte(sweep.Source))
	if root == nil {
		return nil, sorted(d.faults)
	}
	written := cut(root, "sweep")
	if err := setAll(root, written, values); err != nil {
		return nil, err
	}
	trial := d.spec(root, nil)
	if len(d.faults) == 0 {
		trial.resolve(sweep.Folder)
		d.known(trial, sweep.Files)
	}
	if err := sorted(d.faults); err != nil {
		return nil, err
	}
	trial.MeasureLatency = trial.MeasureLatency || slices.Contains(sweep.Objectives, ObjectiveLatency)
	return trial, nil
}

// cut takes a key out of a mapping and answers its value, if it has one.
func cut(n *yaml.Node, key string) *yaml.Node {
	i := keyIndex(n, key)
	if i < 0 {
		return nil
	}
	value := n.Content[i+1]
	n.Content = slices.Delete(n.Content, i, i+2)
	return value
}

// set puts a value at a path of the document, with the place that it has in
// what is written of the sweep.
func set(root, written *yaml.Node, v Setting) error {
	value, err := node(v.Value)
	if err != nil {
		return fmt.Errorf("trial: the value of %s, %s, is not YAML: %w", v.Path, clipped(v.Value), err)
	}
	at := placed(written, v)
	move(value, at)
	typ := reflect.TypeFor[Spec]()
	keys := strings.Split(v.Path, ".")
	for i, key := range keys {
		f, ok := inside(typ, key)
		if !ok || root.Kind != yaml.MappingNode {
			return fmt.Errorf("trial: there is no %s in a spec", v.Path)
		}
		k := keyIndex(root, key)
		if k < 0 {
			k = len(root.Content)
			root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.MappingNode})
			move(root.Content[k], at)
			move(root.Content[k+1], at)
		}
		if i == len(keys)-1 {
			root.Content[k+1] = value
			return nil
		}
		root.Content[k+1] = opened(root.Content[k+1], f)
		root, typ = root.Content[k+1], f.typ
	}
	return nil
}

// inside is the field of a key of a type.
func inside(t reflect.Type, key string) (field, bool) {
	if t == reflect.TypeFor[Params]() || t == reflect.TypeFor[free]() {
		return field{typ: reflect.TypeFor[free]()}, true
	}
	switch t.Kind() {
	case reflect.Map:
		return field{typ: t}.element(), true
	case reflect.Struct:
		fields := fieldsOf(t)
		if i := slices.IndexFunc(fields, func(f field) bool { return f.key == key }); i >= 0 {
			return fields[i], true
		}
	}
	return field{}, false
}

// opened is a value as a mapping that keys can be set in: a bare word as what
// it is short for, an alias as a copy of its own.
func opened(n *yaml.Node, f field) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = copied(n.Alias)
	}
	if n.Kind != yaml.ScalarNode {
		return n
	}
	m := &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	if f.typ.Kind() != reflect.Struct || isNull(n) {
		return m
	}
	key := *n
	if bare, ok := bareField(fieldsOf(f.typ)); ok {
		key.Value = bare.key
		m.Content = []*yaml.Node{&key, n}
	} else if len(choices(fieldsOf(f.typ))) > 0 {
		m.Content = []*yaml.Node{&key, {Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}}
	}
	return m
}

// copied is a deep copy with its places.
func copied(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor = ""
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = copied(child)
	}
	return &c
}

// node is the node of a value's text.
func node(text string) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, errors.New("it is empty")
	}
	return document.Content[0], nil
}

// move gives a node and all inside it a place.
func move(n *yaml.Node, at place) {
	n.Line, n.Column = at.line, at.column
	for _, child := range n.Content {
		move(child, at)
	}
}

// placed is where a value stands in what is written of the sweep, or the range
// that it is from.
func placed(written *yaml.Node, v Setting) place {
	at := place{1, 1}
	if written == nil {
		return at
	}
	at = placeOf(written)
	homes := []*yaml.Node{member(written, "params")}
	if trials := member(member(member(written, "search"), "list"), "trials"); trials != nil {
		homes = append(homes, trials.Content...)
	}
	for _, home := range homes {
		n := member(home, v.Path)
		if n == nil {
			continue
		}
		at = placeOf(n)
		for _, entry := range slices.Concat([]*yaml.Node{n}, entries(n), entries(member(n, "values"))) {
			if oneLine(entry) == v.Value {
				return placeOf(entry)
			}
		}
	}
	return at
}

// member is the value of a key, nil if there is none; of an alias, of what it
// stands for.
func member(n *yaml.Node, key string) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	if i := keyIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// entries are those of a list.
func entries(n *yaml.Node) []*yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// keyIndex is where a key of a mapping stands in its content, or -1.
func keyIndex(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// files are all paths of files that trials read networks from.
func (s *Sweep) files(base *Spec) []string {
	all := []string{base.Network.Weights, base.Network.ONNX}
	add := func(path, value string) {
		if n, err := node(value); err == nil && (path == "network.weights" || path == "network.onnx") {
			all = append(all, n.Value)
		}
	}
	for _, p := range s.Params {
		for _, v := range p.Values {
			add(p.Path, v)
		}
	}
	if s.Search.List != nil {
		for _, trial := range s.Search.List.Trials {
			for _, v := range trial {
				add(v.Path, v.Value)
			}
		}
	}
	return all
}

// sealSweep takes the digests of all files that trials read networks from.
func (d *decoder) sealSweep(s *Spec, folder string) {
	s.Sweep.Folder = folder
	for _, path := range s.Sweep.files(s) {
		if path == "" {
			continue
		}
		full := absolute(folder, path)
		digest, err := export.Digest(full)
		if err != nil {
			d.note("sweep", "%v", err)
			continue
		}
		if s.Sweep.Files == nil {
			s.Sweep.Files = make(map[string]string)
		}
		s.Sweep.Files[full] = digest
	}
}

// known gives a trial the digest of its network's file.
func (d *decoder) known(trial *Spec, digests map[string]string) {
	path := trial.Network.File()
	if path == "" {
		return
	}
	var ok bool
	if trial.Network.FileDigest, ok = digests[path]; !ok {
		d.note("network", "the digest of %s is not known; network.weights and network.onnx are varied by values of their own", path)
	}
}

// resolve makes relative paths absolute.
func (s *Spec) resolve(folder string) {
	if folder == "" {
		return
	}
	for _, p := range []*string{&s.Data.Path, &s.Data.ExtraTest, &s.Network.Weights, &s.Network.ONNX} {
		if *p != "" {
			*p = absolute(folder, *p)
		}
	}
}

func absolute(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
