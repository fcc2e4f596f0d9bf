package pytorch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// entry is a tensor of the state dict.
type entry struct {
	name   string
	tensor *tensor
}

// pair is a key of a dictionary and its value; keys that are no strings are
// left out.
type pair struct {
	key   string
	value any
}

// mapping returns the pairs of a dictionary in order.
func mapping(value any) ([]pair, bool) {
	var out []pair
	add := func(key, value any) {
		if k, ok := key.(string); ok {
			out = append(out, pair{k, value})
		}
	}
	switch d := value.(type) {
	case *types.Dict:
		for _, e := range *d {
			add(e.Key, e.Value)
		}
	case *types.OrderedDict:
		for at := d.List.Front(); at != nil; at = at.Next() {
			if e, ok := at.Value.(*types.OrderedDictEntry); ok {
				add(e.Key, e.Value)
			}
		}
	default:
		return nil, false
	}
	return out, true
}

// maxWrappers bounds how deep a state dict may lie in other dictionaries.
const maxWrappers = 4

// stateDict finds the dictionary of tensors in what was pickled. A dictionary
// with one of the usual names for the model wins over tensors beside it, which
// are then the best accuracy or the like.
func stateDict(root any) ([]entry, error) {
	at := "the file"
	for range maxWrappers {
		pairs, ok := mapping(root)
		if !ok {
			return nil, fmt.Errorf("%s holds no dictionary of tensors; save model.state_dict()", at)
		}
		inner, ok := wrapped(pairs)
		if !ok {
			return entriesOf(at, pairs)
		}
		root, at = inner.value, fmt.Sprintf("%q of %s", inner.key, at)
	}
	return nil, errors.New("the state dict lies too deep in other dictionaries")
}

func wrapped(pairs []pair) (pair, bool) {
	for _, name := range []string{"state_dict", "model_state_dict", "model", "net", "network", "weights"} {
		for _, p := range pairs {
			if _, ok := mapping(p.value); ok && p.key == name {
				return p, true
			}
		}
	}
	return pair{}, false
}

func entriesOf(at string, pairs []pair) ([]entry, error) {
	var out []entry
	var keys []string
	seen := map[string]bool{}
	for _, p := range pairs {
		keys = append(keys, fmt.Sprintf("%.40q", p.key))
		t, ok := p.value.(*tensor)
		if !ok {
			continue
		}
		if seen[p.key] {
			return nil, fmt.Errorf("tensor %.200q is there twice", p.key)
		}
		seen[p.key] = true
		out = append(out, entry{p.key, t})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no tensors; its keys are %.300s", at, strings.Join(keys, ", "))
	}
	return out, nil
}

// isCounter knows the count of batches that batch norm keeps and nothing uses.
func isCounter(name string) bool {
	return name == "num_batches_tracked" || strings.HasSuffix(name, ".num_batches_tracked")
}
