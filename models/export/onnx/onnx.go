// Package onnx reads an ONNX file into a network.
//
// An ONNX graph says how to compute a classifier in small steps; a network
// says what its layers are. The reader follows the graph in its order and
// holds, for each tensor of the graph, either its value, if it is known
// (weights, and all that is computed of them and of shapes), or the node of the
// network that computes it. Steps that a layer already has in it are taken up
// by that layer: a constant that is added behind a convolution becomes its
// bias, zeros around an image the padding of what reads it, a last softmax goes
// (a network ends in logits). What no node of the network can express is an
// error that names the operator.
//
// Images are channels, height, width behind a batch axis of any size, as ONNX
// has them, and the batch axis is left out.
package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"espalier/models"
	"espalier/models/export/onnx/internal/onnxpb"
)

// The versions of ONNX's operators that are understood. Between two versions
// an operator may change its meaning, so a newer file is refused.
const (
	minOpset = 7
	maxOpset = 27
)

// Model is what an ONNX file holds.
type Model struct {
	Network *models.Network
	Opset   int64
	// Notes say what of the file the network does not have, for people: a
	// softmax at its end, say.
	Notes []string
}

// Read returns the network of an ONNX file.
func Read(file string) (*models.Network, error) {
	m, err := Load(file)
	if err != nil {
		return nil, err
	}
	return m.Network, nil
}

// Load reads an ONNX file. Weights that it keeps in files of their own are
// read from the file's folder and never from outside of it.
func Load(file string) (*Model, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return decode(file, data, folder(filepath.Dir(file)))
}

// Decode is [Load] of bytes, with all weights in them; name stands for the
// file in errors.
func Decode(name string, data []byte) (*Model, error) { return decode(name, data, nil) }

func decode(name string, data []byte, external opener) (*Model, error) {
	var file onnxpb.ModelProto
	if err := proto.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: no ONNX file: %w", name, err)
	}
	r, err := newReader(&file, len(data), external)
	if err == nil {
		r.net.Name = title(file.GetGraph().GetName(), name)
		err = r.run()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Model{Network: r.net, Opset: r.opset, Notes: r.notes}, nil
}

// title is what the network is called: as the graph, or as the file where the
// graph has the name that PyTorch gives all of them.
func title(graph, file string) string {
	switch graph {
	case "", "torch_jit", "torch-jit-export", "main_graph":
		return name(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	}
	return name(graph)
}

// opsetOf is the version of ONNX's own operators.
func opsetOf(file *onnxpb.ModelProto) (int64, error) {
	for _, o := range file.GetOpsetImport() {
		if d := o.GetDomain(); d != "" && d != "ai.onnx" {
			continue
		}
		if v := o.GetVersion(); v < minOpset || v > maxOpset {
			return 0, fmt.Errorf("opset %d: %d to %d are read", v, minOpset, maxOpset)
		}
		return o.GetVersion(), nil
	}
	return 0, fmt.Errorf("no ONNX file: it names no opset")
}
