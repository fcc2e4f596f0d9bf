package esp

import (
	"encoding/binary"
	"fmt"

	"espalier/models"
	"espalier/models/compress/esp/internal/floats"
	"espalier/models/compress/esp/internal/numbers"
	"espalier/models/compress/esp/internal/pattern"
)

// Sizes are the bytes of a file by what they are for. Their sum is its size.
type Sizes struct {
	Front     int          `json:"front"`     // what the file is, its version, and how large graph and table are
	Graph     int          `json:"graph"`     // the network without its tensors
	Table     int          `json:"table"`     // where the tensors are
	Checksums int          `json:"checksums"` // of the header and of each section
	Room      int          `json:"room"`      // zeros at the end, see [MaxElements]
	Tensors   []TensorSize `json:"tensors"`   // in the network's order
}

// Total is the sum: the size of the file.
func (s *Sizes) Total() int {
	n := s.Overhead()
	for _, t := range s.Tensors {
		n += t.Total()
	}
	return n
}

// Overhead is what is of no tensor.
func (s *Sizes) Overhead() int { return s.Front + s.Graph + s.Table + s.Checksums + s.Room }

// TensorSize is what a tensor is stored as, and the bytes that this takes.
type TensorSize struct {
	Name     string      `json:"name"`
	Layer    string      `json:"layer"`
	Role     models.Role `json:"role"`
	Kind     Kind        `json:"kind"`
	Sparse   bool        `json:"sparse"`
	Elements int         `json:"elements"`
	Stored   int         `json:"stored"`             // all, or the entries of a sparse one
	Book     int         `json:"codebook,omitempty"` // different values of a tensor of codes

	Values     int `json:"value_bytes"`    // weights, codes or multiples
	Positions  int `json:"position_bytes"` // where the entries are
	BookSize   int `json:"codebook_bytes"` // codebook or scales
	CodeTables int `json:"table_bytes"`    // of the coders of values and positions
	Mask       int `json:"mask_bytes"`     // of a mask that does not follow from the weights
	Frame      int `json:"frame_bytes"`    // the form, and how long the parts are
}

// Total is the sum of its bytes.
func (t TensorSize) Total() int {
	return t.Values + t.Positions + t.BookSize + t.CodeTables + t.Mask + t.Frame
}

// Sizes counts what everything in the file takes. It reads no weights, and fails
// where the parts of a tensor are not where they should be.
func (f *File) Sizes() (*Sizes, error) {
	h := f.header
	begin, graphSize, tableSize, err := front(h.bytes)
	if err != nil {
		return nil, err
	}
	sums := checksumBytes * len(h.sections)
	s := &Sizes{Front: begin, Graph: graphSize, Table: tableSize - sums, Checksums: sums + checksumBytes, Room: h.room}
	for i, p := range h.net.Params {
		t, err := sizeOf(p, f.tensor(i))
		if err != nil {
			return nil, fmt.Errorf("packed model: tensor %s: %w", p.Name, err)
		}
		s.Tensors = append(s.Tensors, t)
	}
	return s, nil
}

func sizeOf(p *models.Param, data []byte) (TensorSize, error) {
	parts, err := divide(data, p.Shape[0], p.Shape[1:].Size())
	if err != nil {
		return TensorSize{}, err
	}
	t := TensorSize{
		Name: p.Name, Layer: p.Node, Role: p.Role, Kind: parts.kind(), Sparse: parts.sparse(), Elements: p.Shape.Size(),
		BookSize: len(parts.table), Mask: len(parts.mask),
	}
	t.Stored = t.Elements
	if t.Sparse {
		t.Stored = 0
	}
	if t.Kind == Codes {
		count, _ := binary.Uvarint(parts.table)
		t.Book = int(count)
	}
	for _, b := range parts.blocks {
		tables := 0
		if t.Sparse {
			t.Stored += pattern.Count(b.pattern)
			tables = pattern.TableSize(b.pattern)
			t.Positions += len(b.pattern) - tables
		}
		inValues := numbers.TableSize(b.values)
		if t.Kind == Float32 {
			inValues = floats.TableSize(b.values)
		}
		t.Values += len(b.values) - inValues
		t.CodeTables += tables + inValues
	}
	t.Frame = len(data) - t.Total()
	return t, nil
}
