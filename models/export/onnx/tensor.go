package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"espalier/models/export/internal/floats"
	"espalier/models/export/onnx/internal/onnxpb"
)

// constant is a tensor whose value is known: of floats or of ints.
type constant struct {
	shape  []int // with all axes; none for a scalar
	floats []float32
	ints   []int64
}

// Sizes that the network does not know, in tensors of ints: that of the batch,
// and what was computed of it. No file has these numbers for something else;
// those around the smallest int are "the first element" of slices.
const (
	unknownSize = -1<<62 - 977
	batchSize   = unknownSize + 1
)

func (c *constant) isInt() bool { return c.ints != nil }

func (c *constant) size() int { return max(len(c.floats), len(c.ints)) }

// integers is the value of a constant of ints.
func (c *constant) integers() ([]int64, error) {
	if c.floats != nil {
		return nil, errors.New("a tensor of floats stands where one of integers is expected")
	}
	return c.ints, nil
}

// scalar is the value of a constant of one element.
func (c *constant) scalar() (float32, bool) {
	switch {
	case c.size() != 1:
		return 0, false
	case c.isInt():
		return float32(c.ints[0]), true
	}
	return c.floats[0], true
}

// opener reads length bytes at offset of a file beside the model; length 0 is
// all that follow.
type opener func(location string, offset, length int64) ([]byte, error)

// folder opens files in a folder and nothing outside of it, whatever the
// location says.
func folder(dir string) opener {
	return func(location string, offset, length int64) ([]byte, error) {
		f, err := os.OpenInRoot(dir, location)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || offset < 0 || length < 0 || offset > info.Size() || length > info.Size()-offset {
			return nil, fmt.Errorf("%s has no %d bytes at %d", location, length, offset)
		}
		if length == 0 {
			length = info.Size() - offset
		}
		data := make([]byte, length)
		_, err = f.ReadAt(data, offset)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return data, err
	}
}

// tensor decodes the tensors of a file.
func (r *reader) tensor(t *onnxpb.TensorProto) (*constant, error) {
	c := &constant{shape: make([]int, len(t.GetDims()))}
	n := 1
	for i, d := range t.GetDims() {
		if d < 0 || d > math.MaxInt32 || d > 0 && int64(n) > math.MaxInt32/d {
			return nil, fmt.Errorf("shape %v is negative or too large", t.GetDims())
		}
		c.shape[i] = int(d)
		n *= int(d)
	}
	raw, err := r.raw(t)
	if err != nil {
		return nil, err
	}
	if c.floats = floatsOf(t, raw); c.floats == nil {
		if c.ints = intsOf(t, raw); c.ints == nil {
			return nil, fmt.Errorf("its type %v is not supported", onnxpb.TensorProto_DataType(t.GetDataType()))
		}
	}
	if c.size() != n {
		return nil, fmt.Errorf("it has %d values for shape %v", c.size(), t.GetDims())
	}
	return c, r.spend(n)
}

// raw is the tensor's bytes, if it has its values as bytes.
func (r *reader) raw(t *onnxpb.TensorProto) ([]byte, error) {
	if t.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
		return t.GetRawData(), nil
	}
	if r.external == nil {
		return nil, errors.New("its values are in another file")
	}
	fields := map[string]string{}
	for _, e := range t.GetExternalData() {
		fields[e.GetKey()] = e.GetValue()
	}
	var numbers [2]int64
	for i, key := range []string{"offset", "length"} {
		if text := fields[key]; text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s %.40q of its values is no number", key, text)
			}
			numbers[i] = n
		}
	}
	data, err := r.external(location(t), numbers[0], numbers[1])
	if err != nil {
		return nil, fmt.Errorf("its values are in another file: %w", err)
	}
	// What a file beside the model holds counts as what the model holds.
	r.budget += 4 * len(data)
	return data, nil
}

// floatsOf is the values of a tensor of floats, or nil.
func floatsOf(t *onnxpb.TensorProto, raw []byte) []float32 {
	format, ok := map[onnxpb.TensorProto_DataType]floats.Format{
		onnxpb.TensorProto_FLOAT: floats.Single, onnxpb.TensorProto_FLOAT16: floats.Half,
		onnxpb.TensorProto_BFLOAT16: floats.BFloat16, onnxpb.TensorProto_DOUBLE: floats.Double,
	}[onnxpb.TensorProto_DataType(t.GetDataType())]
	switch {
	case !ok:
		return nil
	case len(raw) > 0:
		return format.Decode(raw)
	case format == floats.Single:
		return append([]float32{}, t.GetFloatData()...)
	case format == floats.Double:
		out := make([]float32, len(t.GetDoubleData()))
		for i, x := range t.GetDoubleData() {
			out[i] = float32(x)
		}
		return out
	}
	// The 16-bit formats keep their bits in int32s.
	bits := make([]byte, 0, 2*len(t.GetInt32Data()))
	for _, x := range t.GetInt32Data() {
		bits = binary.LittleEndian.AppendUint16(bits, uint16(x))
	}
	return format.Decode(bits)
}

// intsOf is the values of a tensor of integers or booleans, or nil.
func intsOf(t *onnxpb.TensorProto, raw []byte) []int64 {
	size := map[onnxpb.TensorProto_DataType]int{
		onnxpb.TensorProto_INT64: 8, onnxpb.TensorProto_INT32: 4, onnxpb.TensorProto_INT16: 2, onnxpb.TensorProto_INT8: 1,
		onnxpb.TensorProto_UINT8: 1, onnxpb.TensorProto_UINT16: 2, onnxpb.TensorProto_BOOL: 1,
	}[onnxpb.TensorProto_DataType(t.GetDataType())]
	if size == 0 {
		return nil
	}
	if len(raw) == 0 {
		out := append([]int64{}, t.GetInt64Data()...)
		for _, x := range t.GetInt32Data() {
			out = append(out, int64(x))
		}
		return out
	}
	unsigned := strings.HasPrefix(onnxpb.TensorProto_DataType(t.GetDataType()).String(), "UINT")
	out := make([]int64, len(raw)/size)
	for i := range out {
		var wide [8]byte
		copy(wide[:], raw[i*size:(i+1)*size])
		out[i] = int64(binary.LittleEndian.Uint64(wide[:]))
		if shift := 64 - 8*size; !unsigned {
			out[i] = out[i] << shift >> shift
		}
	}
	return out
}
