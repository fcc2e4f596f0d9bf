package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"espalier/models"
)

// The bounds of a file that is read. They keep sizes inside an int and the
// memory that a header takes below some hundred megabytes.
const (
	maxHeader   = 8 << 20
	maxElements = math.MaxInt32 // of one axis, and of the input
)

// Decode reads what [Encode] writes. It checks everything: the file's form,
// the graph, that each tensor is there with its type and shape and no other,
// and that pruned weights are zero. It never panics, and its memory is bounded
// by the size of data. The files of an external trainer it refuses: see
// [DecodeFiles].
func Decode(data []byte) (*Checkpoint, error) {
	c, err := decode(data)
	if err == nil && c.Network == nil {
		return nil, &decodeError{errFiles}
	}
	return c, err
}

// decode reads a checkpoint of either kind.
func decode(data []byte) (*Checkpoint, error) {
	tensors, meta, err := parse(data)
	if err != nil {
		return nil, &decodeError{err}
	}
	how := build
	if meta[metaFormat] == filesFormat {
		how = buildFiles
	}
	c, err := how(tensors, meta)
	if err != nil {
		return nil, &decodeError{err}
	}
	return c, nil
}

// decodeError says that bytes are no checkpoint that this version can read.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return "decode checkpoint: " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

// parse splits a file into tensors and metadata. Package safetensors checks
// that the tensors fill the file without gaps or overlaps and that their sizes
// do not overflow; the checks before it are those that it leaves out: repeated
// names, bytes that are no UTF-8, and headers out of all proportion.
func parse(data []byte) (map[string]safetensors.TensorView, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("a file of %d bytes has no header", len(data))
	}
	size := headerSize(data)
	if size > maxHeader || size > uint64(len(data)-8) {
		return nil, nil, fmt.Errorf("the header claims %d bytes of a file of %d; at most %d are allowed", size, len(data), maxHeader)
	}
	if err := checkJSON(data[8 : 8+size]); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, nil, err
	}
	body, tensors := data[8+size:], make(map[string]safetensors.TensorView)
	for name, info := range header.Tensors() {
		view, err := safetensors.NewTensorView(info.DType, info.Shape, body[info.DataOffsets[0]:info.DataOffsets[1]])
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %.60q: %w", name, err)
		}
		tensors[name] = view
	}
	return tensors, header.Metadata(), nil
}

func headerSize(data []byte) uint64 { return binary.LittleEndian.Uint64(data) }

func build(tensors map[string]safetensors.TensorView, meta map[string]string) (*Checkpoint, error) {
	if meta[metaFormat] != format {
		return nil, fmt.Errorf("format %.60q is not known; this version reads %q", meta[metaFormat], format)
	}
	c := &Checkpoint{Network: &models.Network{}}
	if err := strictJSON([]byte(meta[metaNetwork]), c.Network); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if err := checkLengths([]byte(meta[metaNetwork])); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if text, ok := meta[metaTraining]; ok {
		c.Training = &Training{}
		if err := strictJSON([]byte(text), c.Training); err != nil {
			return nil, fmt.Errorf("training: %w", err)
		}
	}
	for name := range meta {
		if name != metaFormat && name != metaNetwork && name != metaTraining {
			return nil, fmt.Errorf("metadata %.60q is not known", name)
		}
	}
	if err := fill(c, tensors); err != nil {
		return nil, err
	}
	return c, c.Network.Validate()
}

// fill gives the parameters and the optimizer their values. It takes tensors
// out of the map; what is left belongs to nothing.
func fill(c *Checkpoint, tensors map[string]safetensors.TensorView) error {
	if err := checkNetwork(c.Network); err != nil {
		return err
	}
	for _, p := range c.Network.Params {
		t, ok := tensors[p.Name]
		if !ok {
			return fmt.Errorf("tensor %.60q is missing", p.Name)
		}
		var err error
		if p.Data, err = floats(t, p.Shape); err != nil {
			return fmt.Errorf("tensor %.60q: %w", p.Name, err)
		}
		if m, ok := tensors[prefixMask+p.Name]; ok {
			if p.Mask, err = mask(m, p.Shape); err != nil {
				return fmt.Errorf("tensor %.60q: %w", prefixMask+p.Name, err)
			}
		}
		delete(tensors, p.Name)
		delete(tensors, prefixMask+p.Name)
	}
	return fillOptimizer(c.Training, tensors)
}

func fillOptimizer(t *Training, tensors map[string]safetensors.TensorView) error {
	for name, view := range tensors {
		state, ok := strings.CutPrefix(name, prefixOptimizer)
		if !ok || state == "" || t == nil {
			return fmt.Errorf("tensor %.60q belongs to no parameter and no training", name)
		}
		if len(view.Shape()) != 1 || view.Shape()[0] > maxElements {
			return fmt.Errorf("tensor %.60q: shape %v is not one axis", name, view.Shape())
		}
		data, err := floats(view, models.Shape{int(view.Shape()[0])})
		if err != nil {
			return fmt.Errorf("tensor %.60q: %w", name, err)
		}
		if t.Tensors == nil {
			t.Tensors = make(map[string][]float32)
		}
		t.Tensors[state] = data
	}
	return nil
}

func floats(t safetensors.TensorView, want models.Shape) ([]float32, error) {
	if t.DType() != safetensors.F32 || !slices.Equal(t.Shape(), shape(want)) {
		return nil, fmt.Errorf("it is %s %v, want F32 %v", t.DType(), t.Shape(), want)
	}
	data := make([]float32, len(t.Data())/4)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data()[4*i:]))
	}
	return data, nil
}

func mask(t safetensors.TensorView, want models.Shape) ([]bool, error) {
	if t.DType() != safetensors.BOOL || !slices.Equal(t.Shape(), shape(want)) {
		return nil, fmt.Errorf("it is %s %v, want BOOL %v", t.DType(), t.Shape(), want)
	}
	data := make([]bool, len(t.Data()))
	for i, b := range t.Data() {
		if b > 1 {
			return nil, errors.New("a BOOL is neither 0 nor 1")
		}
		data[i] = b == 1
	}
	return data, nil
}
