package export

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"espalier/models/export/internal/floats"
)

// maxHeader bounds the JSON at the head of a safetensors file: 100 bytes a
// tensor are usual.
const maxHeader = 4 << 20

// safetensors reads the container of that name, with or without what makes it
// a checkpoint of Espalier.
func (s *State) safetensors(data []byte) error {
	if len(data) < 10 || data[8] != '{' {
		return errors.New("neither a PyTorch file nor a safetensors file")
	}
	if n := binary.LittleEndian.Uint64(data); n > maxHeader || n > uint64(len(data)-8) {
		return fmt.Errorf("the safetensors header claims %d bytes of a file of %d; at most %d are allowed", n, len(data), maxHeader)
	}
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return fmt.Errorf("safetensors: %.300s", err.Error())
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return fmt.Errorf("safetensors: %.300s", err.Error())
	}
	if strings.HasPrefix(header.Metadata()["format"], "espalier checkpoint") {
		return s.checkpointed(data)
	}
	for _, view := range file.Tensors() {
		if strings.HasSuffix(view.Name, "num_batches_tracked") {
			continue
		}
		t, err := tensorOf(view)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", view.Name, err)
		}
		s.Tensors = append(s.Tensors, t)
	}
	if len(s.Tensors) == 0 {
		return errors.New("it holds no tensors")
	}
	s.sort()
	return nil
}

func tensorOf(view safetensors.NamedTensorView) (Tensor, error) {
	format, ok := map[safetensors.DType]floats.Format{
		safetensors.F16: floats.Half, safetensors.BF16: floats.BFloat16, safetensors.F32: floats.Single, safetensors.F64: floats.Double,
	}[view.TensorView.DType()]
	if !ok {
		return Tensor{}, fmt.Errorf("it is of %s; F16, BF16, F32 and F64 are read", view.TensorView.DType())
	}
	t := Tensor{Name: view.Name, Shape: make([]int, len(view.TensorView.Shape()))}
	for i, d := range view.TensorView.Shape() {
		if d > math.MaxInt32 {
			return Tensor{}, fmt.Errorf("shape %v is too large", view.TensorView.Shape())
		}
		t.Shape[i] = int(d)
	}
	t.Data = format.Decode(view.TensorView.Data())
	return t, nil
}

// sort puts the layers in order where the file's writer has sorted them by
// name, as the usual one does: "features.10" then lies before "features.9".
func (s *State) sort() {
	byName := func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) }
	if s.Sorted = len(s.Tensors) > 1 && slices.IsSortedFunc(s.Tensors, byName); s.Sorted {
		slices.SortStableFunc(s.Tensors, func(a, b Tensor) int { return natural(a.Name, b.Name) })
	}
}

// natural compares strings with each run of digits as one number.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == "" || y == "" {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n)); c != 0 {
			return c
		}
		a, b = a[len(x):], b[len(y):]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is the number that s begins with, as text.
func digits(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
