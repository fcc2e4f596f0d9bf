package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v3"
)

// Params are what a trainer is told: a mapping with keys of its own, as
// canonical JSON, so that equal parameters have equal bytes. nil is none.
type Params json.RawMessage

var _ special = (*Params)(nil)

// MarshalJSON is the JSON itself.
func (p Params) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	return p, nil
}

// UnmarshalJSON keeps a JSON object, its keys sorted.
func (p *Params) UnmarshalJSON(data []byte) error {
	if *p = nil; bytes.Equal(data, []byte("null")) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // integers keep all their digits
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil {
		return err
	}
	text, err := json.Marshal(tree)
	*p = text
	return err
}

// The bounds of parameters: they travel with every step.
const (
	maxParamsBytes = 64 << 10
	maxParamsNodes = 10_000
	maxParamsDepth = 32
)

func (*Params) words() string { return "a mapping with keys and values of the trainer's own" }

func (*Params) schema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }

func (p *Params) read(d *decoder, path string, n *yaml.Node, at place) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, at, "%s is not %s", shown(n), p.words())
		return
	}
	r := paramsReader{d: d}
	tree := r.value(path, n, 0)
	if r.failed {
		return
	}
	text, err := json.Marshal(tree)
	if err != nil || len(text) > maxParamsBytes {
		d.fault(path, at, "the parameters have %d bytes as JSON; %d at most are allowed", len(text), maxParamsBytes)
		return
	}
	*p = text
}

// paramsReader turns YAML into what JSON can hold.
type paramsReader struct {
	d      *decoder
	nodes  int
	failed bool
}

func (r *paramsReader) fault(path string, n *yaml.Node, format string, args ...any) any {
	if !r.failed {
		r.d.fault(path, placeOf(n), format, args...)
	}
	r.failed = true
	return nil
}

func (r *paramsReader) value(path string, n *yaml.Node, depth int) any {
	if r.failed {
		return nil
	}
	if r.nodes++; r.nodes > maxParamsNodes || depth > maxParamsDepth {
		return r.fault(path, n, "the parameters have more than %d values, or are nested more than %d deep", maxParamsNodes, maxParamsDepth)
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		tree := map[string]any{}
		r.d.eachKey(path, n, func(key string, _, value *yaml.Node) {
			tree[key] = r.value(join(path, key), value, depth+1)
		})
		return tree
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, entry := range n.Content {
			list = append(list, r.value(index(path, i), entry, depth+1))
		}
		return list
	}
	value, err := scalarParam(n)
	if err != nil {
		return r.fault(path, n, "%s: %v", shown(n), err)
	}
	return value
}

// scalarParam is a single value by the type that YAML gives it.
func scalarParam(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int":
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			return nil, errors.New("want a whole number in decimal digits, of 64 bits")
		}
		return i, nil
	case "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, errors.New("want a finite number")
		}
		return f, nil
	case "!!str", "!!timestamp":
		return n.Value, nil
	default:
		return nil, fmt.Errorf("values of type %s cannot be handed to a trainer", n.ShortTag())
	}
}

// free is any one value inside of parameters, as a sweep varies it.
type free struct{}

var _ special = (*free)(nil)

func (*free) words() string { return "any value of the trainer's own" }

func (*free) schema() *jsonschema.Schema { return &jsonschema.Schema{} }

func (*free) read(d *decoder, path string, n *yaml.Node, _ place) {
	(&paramsReader{d: d}).value(path, n, 0)
}
