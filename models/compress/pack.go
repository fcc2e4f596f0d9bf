package compress

import (
	"fmt"
	"math"

	"espalier/models/compress/huffman"
	"espalier/models/compress/internal/bitio"
)

// Packed is the entries of a matrix in bytes: one string of codes or values,
// one of gaps. Each ends in a whole byte.
type Packed struct {
	View
	Entries   int
	ValueBits int  // of a code; 32 for weights that are not shared
	GapBits   int  // of a gap
	Huffman   bool // codes and gaps are Huffman-coded, each with its own table; values of 32 bits never are
	Values    []byte
	Gaps      []byte
}

// Pack writes codes and gaps, each as numbers of their width or, with
// huffmanCoded, as package huffman does.
func (c Coded) Pack(huffmanCoded bool) Packed {
	return Packed{View: c.View, Entries: len(c.Gaps), ValueBits: c.CodeBits, GapBits: c.Bits, Huffman: huffmanCoded,
		Values: packNumbers(c.Codes, c.CodeBits, huffmanCoded), Gaps: packNumbers(c.Gaps, c.Bits, huffmanCoded)}
}

// Pack writes values as they are, and gaps as numbers of their width or, with
// huffmanCoded, as package huffman does.
func (s Sparse) Pack(huffmanCoded bool) Packed {
	var w bitio.Writer
	for _, v := range s.Values {
		w.Write(uint64(math.Float32bits(v)), valueBits)
	}
	return Packed{View: s.View, Entries: len(s.Gaps), ValueBits: valueBits, GapBits: s.Bits, Huffman: huffmanCoded,
		Values: w.Bytes(), Gaps: packNumbers(s.Gaps, s.Bits, huffmanCoded)}
}

// Coded reads codes. It fails on bytes that [Coded.Pack] does not write, and
// takes no more memory than they are worth. Whether the entries fit the matrix
// is for [Coded.Decode] to say.
func (p Packed) Coded() (Coded, error) {
	if err := checkCodeBits(p.ValueBits); err != nil {
		return Coded{}, err
	}
	x, err := p.index()
	if err != nil {
		return Coded{}, err
	}
	codes, err := unpackNumbers(p.Values, p.Entries, p.ValueBits, p.Huffman)
	if err != nil {
		return Coded{}, fmt.Errorf("codes: %w", err)
	}
	return Coded{Index: x, CodeBits: p.ValueBits, Codes: codes}, nil
}

// Sparse reads values that are not shared. It fails as Coded does.
func (p Packed) Sparse() (Sparse, error) {
	if p.ValueBits != valueBits {
		return Sparse{}, fmt.Errorf("a value has %d bits, want %d", p.ValueBits, valueBits)
	}
	x, err := p.index()
	if err != nil {
		return Sparse{}, err
	}
	if len(p.Values) != 4*p.Entries {
		return Sparse{}, fmt.Errorf("values: %d bytes for %d entries, want %d", len(p.Values), p.Entries, 4*p.Entries)
	}
	r := bitio.NewReader(p.Values)
	values := make([]float32, p.Entries)
	for i := range values {
		v, err := r.Read(valueBits)
		if err != nil {
			return Sparse{}, fmt.Errorf("values: %w", err)
		}
		values[i] = math.Float32frombits(uint32(v))
	}
	return Sparse{Index: x, Values: values}, nil
}

func (p Packed) index() (Index, error) {
	x := Index{View: p.View, Bits: p.GapBits}
	if err := x.check(); err != nil {
		return Index{}, err
	}
	if p.Entries < 0 || p.Entries > p.size() {
		return Index{}, fmt.Errorf("%d entries in a matrix of %d x %d", p.Entries, p.Rows, p.Columns)
	}
	var err error
	if x.Gaps, err = unpackNumbers(p.Gaps, p.Entries, p.GapBits, p.Huffman); err != nil {
		return Index{}, fmt.Errorf("gaps: %w", err)
	}
	return x, nil
}

func packNumbers(numbers []uint16, width int, huffmanCoded bool) []byte {
	if huffmanCoded {
		return huffman.Encode(numbers)
	}
	var w bitio.Writer
	for _, n := range numbers {
		w.Write(uint64(n), width)
	}
	return w.Bytes()
}

func unpackNumbers(data []byte, n, width int, huffmanCoded bool) ([]uint16, error) {
	if huffmanCoded {
		return huffman.Decode(data, n)
	}
	if want := (int64(n)*int64(width) + 7) / 8; int64(len(data)) != want {
		return nil, fmt.Errorf("%d bytes for %d numbers of %d bits, want %d", len(data), n, width, want)
	}
	r := bitio.NewReader(data)
	numbers := make([]uint16, n)
	for i := range numbers {
		v, err := r.Read(width)
		if err != nil {
			return nil, err
		}
		numbers[i] = uint16(v)
	}
	return numbers, r.End()
}
