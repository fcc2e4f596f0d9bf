package export

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/nlpodyssey/safetensors"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/export/internal/torch"
	"espalier/models/export/onnx"
	"espalier/models/export/pytorch"
)

// ONNX is the network as an ONNX file; see [onnx.Encode]. The digest in the
// file's metadata is that of the network's checkpoint.
func ONNX(net *models.Network, o onnx.EncodeOptions) (*onnx.Encoded, error) {
	_, digest, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", net.Name, err)
	}
	o.Digest = string(digest)
	return onnx.Encode(net, o)
}

// PyTorch is the network's state dict as torch.save would write it, so that
// model.load_state_dict(torch.load(file, weights_only=True)) fills a model of
// modules of the same names. Masks are not in it: what they prune is 0.
func PyTorch(net *models.Network) ([]byte, error) {
	values, err := stateDict(net)
	if err != nil {
		return nil, err
	}
	return pytorch.Write(values)
}

// Safetensors is the same state dict as a safetensors file. It is no checkpoint
// of Espalier: the graph is not in it.
func Safetensors(net *models.Network) ([]byte, error) {
	values, err := stateDict(net)
	if err != nil {
		return nil, err
	}
	views := make(map[string]safetensors.View, len(values))
	for _, v := range values {
		views[v.Name] = view(v)
	}
	// What libraries ask before they load the file.
	return safetensors.Serialize(views, map[string]string{"format": "pt"})
}

// stateDict is what model.state_dict() of the network would be: the parameters
// under PyTorch's names, and behind the running statistics the count of batches,
// which nothing here counts.
func stateDict(net *models.Network) ([]pytorch.Value, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	var values []pytorch.Value
	for _, p := range net.Params {
		values = append(values, pytorch.Value{Tensor: pytorch.Tensor{Name: torch.Name(p), Shape: p.Shape, Data: p.Data}})
		if p.Role == models.RoleVariance {
			values = append(values, pytorch.Value{Tensor: pytorch.Tensor{Name: p.Node + ".num_batches_tracked"}, Counter: true})
		}
	}
	return values, nil
}

// view lets package safetensors write an entry of a state dict.
type view pytorch.Value

var _ safetensors.View = view{}

// DType is the type of the elements.
func (v view) DType() safetensors.DType {
	if v.Counter {
		return safetensors.I64
	}
	return safetensors.F32
}

// Shape is the extent of each axis.
func (v view) Shape() []uint64 {
	out := make([]uint64, len(v.Tensor.Shape))
	for i, d := range v.Tensor.Shape {
		out[i] = uint64(d)
	}
	return out
}

// DataLen is the number of bytes.
func (v view) DataLen() uint64 {
	if v.Counter {
		return 8
	}
	return 4 * uint64(len(v.Tensor.Data))
}

// Data is the elements, little-endian.
func (v view) Data() []byte {
	out := make([]byte, v.DataLen())
	for i, x := range v.Tensor.Data {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
	return out
}
