package config

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// YAML is the spec as a file that [Parse] makes the same spec of, in the order
// of the reference and without what is so by default. Of a sweep it is the file
// that it was read from. Of a network's file it has the path, not the content.
func (s *Spec) YAML() ([]byte, error) {
	if s.Sweep != nil && s.Sweep.Source != "" {
		return []byte(s.Sweep.Source), nil
	}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(s.document()); err != nil {
		return nil, fmt.Errorf("spec %s: %w", s.Name, err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("spec %s: %w", s.Name, err)
	}
	return text.Bytes(), nil
}

// Settings are what the spec says beyond its defaults, each at its dotted path
// of keys, in the order of the reference. What a sweep varies is left out.
func (s *Spec) Settings() []Setting {
	base := *s
	base.Sweep = nil
	var all []Setting
	settle(base.document(), "", &all)
	return all
}

// settle adds what stands in a mapping.
func settle(n *yaml.Node, path string, to *[]Setting) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := join(path, n.Content[i].Value), n.Content[i+1]
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			settle(value, at, to)
			continue
		}
		*to = append(*to, Setting{Path: at, Value: oneLine(value)})
	}
}
