package pytorch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// function is a name that a pickle may call.
type function func(args ...any) (any, error)

// Call implements types.Callable.
func (f function) Call(args ...any) (any, error) { return f(args...) }

// findClass answers the names that a state dict, and the dictionaries around
// it, are made of. Everything else is refused. collections.OrderedDict is the
// machine's own.
func findClass(module, name string) (any, error) {
	full := module + "." + name
	if storage, ok := strings.CutSuffix(name, "Storage"); ok && (module == "torch" || module == "torch.cuda") {
		if e, ok := elementOf(storage); ok {
			return e, nil
		}
	}
	switch full {
	case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
		return function(rebuildTensor), nil
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.Size":
		return function(first), nil
	case "collections.defaultdict", "collections.Counter":
		return function(func(...any) (any, error) { return types.NewOrderedDict(), nil }), nil
	case "torch.device", "__builtin__.set", "builtins.set":
		return function(func(...any) (any, error) { return nil, nil }), nil
	case "__builtin__.dict", "__builtin__.list", "__builtin__.int", "__builtin__.float",
		"builtins.dict", "builtins.list", "builtins.int", "builtins.float":
		return nil, nil
	}
	return nil, fmt.Errorf("%.200s is refused: a state dict is made of tensors, and no other code runs here; save model.state_dict() by itself", full)
}

// first is a function that returns its first argument.
func first(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("an argument is missing")
	}
	return args[0], nil
}

// rebuildTensor is torch._utils._rebuild_tensor_v2(storage, offset, size,
// stride, requires_grad, hooks) and the older one without the last two.
func rebuildTensor(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor of %d arguments", len(args))
	}
	v, ok := args[0].(*view)
	offset, isInt := args[1].(int)
	if !ok || !isInt {
		return nil, fmt.Errorf("a tensor of a %T at %T", args[0], args[1])
	}
	shape, err := ints(args[2])
	if err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	stride, err := ints(args[3])
	if err != nil {
		return nil, fmt.Errorf("stride: %w", err)
	}
	if offset < 0 || offset > maxElements-v.offset {
		return nil, fmt.Errorf("offset %d is out of range", offset)
	}
	return &tensor{storage: v.storage, offset: v.offset + offset, shape: shape, stride: stride}, nil
}

func ints(value any) ([]int, error) {
	items, ok := tuple(value)
	if !ok {
		return nil, fmt.Errorf("a tuple, not a %T", value)
	}
	out := make([]int, len(items))
	for i, item := range items {
		if out[i], ok = item.(int); !ok || out[i] < 0 || out[i] > maxElements {
			return nil, fmt.Errorf("element %d is no number from 0 to %d", i, maxElements)
		}
	}
	return out, nil
}
