// Package pytorch reads the tensors of a PyTorch file: what torch.save wrote
// of a model's state_dict(), in the zip format (since 1.6) or in the older one
// of several pickles and raw storages.
//
// A pickle is a program. Here it can build dictionaries, numbers, strings and
// tensors and nothing else: the machine is that of github.com/nlpodyssey/gopickle,
// which has no Python to call, and every class or function that a state dict
// does not need is refused by its name. Before the machine sees a pickle, each
// of its lengths is checked against the bytes that are there, so that memory
// stays in proportion to the file.
package pytorch

import (
	"bytes"
	"errors"
	"fmt"
)

// Tensor is a named tensor, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Read returns the tensors of a state dict in its order. It looks into the
// dictionaries that training scripts wrap it in ("state_dict", "model", ...).
// Half, bfloat16 and double become float32; batch norm's num_batches_tracked
// is left out; a tensor of integers is an error. Tensors that share memory in
// the file do not share it here.
func Read(data []byte) ([]Tensor, error) {
	var root any
	var err error
	switch {
	case isZip(data):
		root, err = readZip(data)
	case isLegacy(data):
		root, err = readLegacy(data)
	case isTar(data):
		return nil, errors.New("this is the tar format of PyTorch before 0.2; load it with PyTorch and save it again")
	default:
		return nil, errors.New("neither a PyTorch zip file nor a PyTorch pickle")
	}
	if err != nil {
		return nil, err
	}
	entries, err := stateDict(root)
	if err != nil {
		return nil, err
	}
	return tensors(entries, 2*len(data))
}

// Is says whether data begins like a file of torch.save.
func Is(data []byte) bool { return isZip(data) || isLegacy(data) || isTar(data) }

func isZip(data []byte) bool { return bytes.HasPrefix(data, []byte("PK\x03\x04")) }

// isLegacy knows the pickled magic number in any protocol from 2 on, and the
// text of protocols 0 and 1.
func isLegacy(data []byte) bool {
	return len(data) > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5 || bytes.HasPrefix(data, []byte("L"+magicDecimal))
}

func isTar(data []byte) bool { return len(data) > 262 && string(data[257:262]) == "ustar" }

// tensors gives the entries their values. budget bounds their elements
// together: a small file can claim one storage for many tensors.
func tensors(entries []entry, budget int) ([]Tensor, error) {
	out := make([]Tensor, 0, len(entries))
	for _, e := range entries {
		if isCounter(e.name) {
			continue
		}
		data, err := e.tensor.values(budget)
		if err != nil {
			return nil, fmt.Errorf("tensor %.200q: %w", e.name, err)
		}
		budget -= len(data)
		out = append(out, Tensor{Name: e.name, Shape: e.tensor.shape, Data: data})
	}
	return out, nil
}
