// Package export carries networks between Espalier and other programs.
//
// What another program saved is one of two things. A state dict ([State]) is
// tensors with names and no graph: PyTorch's .pt, .pth and .th files, and
// safetensors. It needs a network of package zoo to fill ([State.Into]). An
// ONNX file has its graph with it and becomes a network by itself (package
// export/onnx). [Import] reads either.
//
// A file is data and never code, and it may be hostile: whatever its bytes,
// reading ends in a network or in one error, in memory proportional to its
// size.
package export

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/export/onnx"
	"espalier/models/export/pytorch"
)

// Tensor is a named tensor, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// State is a state dict: named tensors in the order of the model's layers.
type State struct {
	File    string // where it comes from, for errors
	Tensors []Tensor
	// Sorted says that the file keeps its tensors by name and so does not tell
	// the order of the layers; numbers in names are then compared as numbers.
	Sorted bool
}

// Load reads a state dict of PyTorch (zip or the older format), a safetensors
// file or a checkpoint of Espalier. The format is told by the bytes, not by
// the file's name.
func Load(file string) (*State, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Decode(file, data)
}

// Decode is [Load] of bytes; file names them in errors. Dictionaries around
// the tensors ("state_dict", "model", ...) and prefixes of all names (the
// "module." of DataParallel, ...) are seen through, and num_batches_tracked is
// left out. Half, bfloat16 and double become float32.
func Decode(file string, data []byte) (*State, error) {
	s := &State{File: file}
	var err error
	if pytorch.Is(data) {
		var tensors []pytorch.Tensor
		if tensors, err = pytorch.Read(data); err == nil {
			for _, t := range tensors {
				s.Tensors = append(s.Tensors, Tensor(t))
			}
		}
	} else {
		err = s.safetensors(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.trimPrefixes()
	return s, nil
}

// trimPrefixes removes what wrappers of models put before every name.
func (s *State) trimPrefixes() {
	for {
		prefix := ""
		for _, p := range []string{"module.", "_orig_mod.", "model.", "net.", "network."} {
			if len(s.Tensors) > 0 && strings.HasPrefix(s.Tensors[0].Name, p) {
				prefix = p
			}
		}
		for _, t := range s.Tensors {
			if prefix == "" || !strings.HasPrefix(t.Name, prefix) {
				return
			}
		}
		if prefix == "" {
			return
		}
		for i := range s.Tensors {
			s.Tensors[i].Name = s.Tensors[i].Name[len(prefix):]
		}
	}
}

// Network is [Import] without its notes.
func Network(file string, build func() (*models.Network, error)) (*models.Network, error) {
	net, _, err := Import(file, build)
	return net, err
}

// Import reads a network that another program, or Espalier, saved.
//
// Without build, file has to be an ONNX file, which has its graph with it; the
// notes say what of it the network does not have. With build, file's tensors go
// into the network that build returns; they may come from a state dict or, an
// ONNX file's graph left aside, from ONNX.
func Import(file string, build func() (*models.Network, error)) (*models.Network, []string, error) {
	if build == nil {
		if !isONNX(file) {
			return nil, nil, fmt.Errorf("%s is no .onnx file, so it has weights and no graph: name the architecture that they are of", file)
		}
		m, err := onnx.Load(file)
		if err != nil {
			return nil, nil, err
		}
		return m.Network, m.Notes, nil
	}
	net, err := build()
	if err != nil {
		return nil, nil, err
	}
	s, err := stateOf(file)
	if err != nil {
		return nil, nil, err
	}
	return net, nil, s.Into(net)
}

func isONNX(file string) bool { return strings.EqualFold(filepath.Ext(file), ".onnx") }

func stateOf(file string) (*State, error) {
	if !isONNX(file) {
		return Load(file)
	}
	net, err := onnx.Read(file)
	if err != nil {
		return nil, err
	}
	return Of(file, net), nil
}

// Of is the state dict of a network; file names it in errors. The tensors'
// values are the network's own, not copies.
func Of(file string, net *models.Network) *State {
	s := &State{File: file}
	for _, p := range net.Params {
		s.Tensors = append(s.Tensors, Tensor{Name: p.Name, Shape: p.Shape, Data: p.Data})
	}
	return s
}

// checkpointed is the state dict of a checkpoint.
func (s *State) checkpointed(data []byte) error {
	c, err := checkpoint.Decode(data)
	if err == nil {
		s.Tensors = Of(s.File, c.Network).Tensors
	}
	return err
}
