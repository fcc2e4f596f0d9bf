package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"espalier/models"
	"espalier/models/compress/esp/internal/floats"
	"espalier/models/compress/esp/internal/numbers"
	"espalier/models/compress/esp/internal/pattern"
)

// parts are the bytes of a tensor, divided.
type parts struct {
	mark   byte
	expect *pattern.Expected // of a tensor coded beside another
	table  []byte            // codebook or scales
	blocks []block
	mask   []byte
}

type block struct {
	from, to        int // rows
	pattern, values []byte
}

func (p *parts) kind() Kind   { return kinds[p.mark&3] }
func (p *parts) sparse() bool { return p.mark&markSparse != 0 }
func (p *parts) beside() bool { return p.mark&markBeside != 0 }

// divide finds the parts of a tensor of that shape.
func divide(data []byte, rows, columns int) (*parts, error) {
	if len(data) == 0 {
		return nil, errors.New("it has no bytes")
	}
	p := &parts{mark: data[0]}
	mask := p.mark & maskBits
	if p.mark&^tensorMarks != 0 || int(p.mark&3) >= len(kinds) || mask == maskBits || p.mark&markByRow != 0 && p.kind() != Int8 {
		return nil, fmt.Errorf("form %#x is not known", p.mark)
	}
	starts := blocks(rows, columns)
	if p.beside() && (!p.sparse() || len(starts) > 2) {
		return nil, fmt.Errorf("form %#x is not known: only sparse tensors of one block are coded beside others", p.mark)
	}
	data = data[1:]
	var wanted []*[]byte
	if p.kind() != Float32 {
		wanted = append(wanted, &p.table)
	}
	p.blocks = make([]block, len(starts)-1)
	for i := range p.blocks {
		b := &p.blocks[i]
		b.from, b.to = starts[i], starts[i+1]
		if p.sparse() {
			wanted = append(wanted, &b.pattern)
		}
		wanted = append(wanted, &b.values)
	}
	if mask == maskApart {
		wanted = append(wanted, &p.mask)
	}
	for i, part := range wanted {
		length, size := uint64(len(data)), 0
		if i < len(wanted)-1 {
			if length, size = binary.Uvarint(data); size <= 0 || length > uint64(len(data)-size) {
				return nil, fmt.Errorf("part %d of %d takes %d bytes of %d", i+1, len(wanted), length, len(data))
			}
		}
		*part, data = data[size:size+int(length)], data[size+int(length):]
	}
	return p, nil
}

// hasBlends says whether a packed tensor has a blended map.
func hasBlends(of *models.Param, data []byte) (bool, error) {
	p, err := divide(data, of.Shape[0], of.Shape[1:].Size())
	if err != nil {
		return false, err
	}
	blends := pattern.Blended(p.mask)
	for _, b := range p.blocks {
		blends = blends || pattern.Blended(b.pattern)
	}
	return blends, nil
}

// newTensor is a parameter's tensor in the form of its parts, with codebook or
// scales.
func (p *parts) newTensor(of *models.Param) (*Tensor, error) {
	t := matrixOf(of)
	t.Kind, t.Sparse = p.kind(), p.sparse()
	switch t.Kind {
	case Codes:
		count, size := binary.Uvarint(p.table)
		if size <= 0 || count < 1 || count > uint64(min(maxCodebook, t.Rows*t.Columns)) {
			return nil, fmt.Errorf("a codebook of %d values: from 1 to %d are allowed", count, min(maxCodebook, t.Rows*t.Columns))
		}
		var err error
		t.Codebook, err = floats.DecodeBook(p.table[size:], int(count))
		return t, err
	case Int8:
		n := 1
		if p.mark&markByRow != 0 {
			n = t.Rows
		}
		var err error
		if t.Scales, err = floats.Decode(p.table, n); err != nil {
			return nil, fmt.Errorf("scales: %w", err)
		}
		for i, scale := range t.Scales {
			if !isScale(scale) {
				return nil, fmt.Errorf("scale %d is %g: it is 0 or more, and a number", i, scale)
			}
		}
	}
	return t, nil
}

// decode reads some rows, as a tensor with the codebook or scales of t. Of a
// sparse one it reads places and weights side by side.
func (b block) decode(t *Tensor, expected *pattern.Expected) (*Tensor, error) {
	rows := *t
	rows.Rows = b.to - b.from
	if len(t.Scales) > 1 {
		rows.Scales = t.Scales[b.from:b.to]
	}
	if t.Values != nil { // where the weights go
		rows.Values = t.Values[b.from*t.Columns : b.to*t.Columns]
	}
	weights := func(n int) error { return rows.decodeWeights(b.values, n) }
	var err error
	if t.Sparse {
		n := min(pattern.Count(b.pattern), rows.Rows*t.Columns)
		err = inParallel(2, func(i int) error {
			if i == 1 {
				return weights(n)
			}
			m, err := pattern.Decode(b.pattern, rows.Rows, t.Columns, expected)
			rows.Starts, rows.Places = m.Starts, m.Columns
			return err
		})
	} else {
		err = weights(rows.Rows * t.Columns)
	}
	if err != nil {
		return nil, fmt.Errorf("rows %d to %d: %w", b.from, b.to-1, err)
	}
	return &rows, nil
}

func (t *Tensor) decodeWeights(data []byte, n int) (err error) {
	switch {
	case t.Kind == Float32 && t.Values != nil:
		err = floats.Fill(t.Values, data)
	case t.Kind == Float32:
		t.Values, err = floats.Decode(data, n)
	case t.Kind == Int8:
		var folded []uint8
		folded, err = numbers.Decode[uint8](data, n, 2*math.MaxInt8)
		t.Ints = make([]int8, len(folded))
		for i, v := range folded {
			t.Ints[i] = int8(v>>1) ^ -int8(v&1)
		}
	case len(t.Codebook) <= smallBook:
		t.Codes8, err = numbers.Decode[uint8](data, n, uint32(len(t.Codebook)-1))
	default:
		t.Codes16, err = numbers.Decode[uint16](data, n, uint32(len(t.Codebook)-1))
	}
	return err
}

// decodeBlocks reads all rows, in parallel, and gives each block to keep.
func (p *parts) decodeBlocks(t *Tensor, keep func(i int, rows *Tensor)) error {
	return inParallel(len(p.blocks), func(i int) error {
		rows, err := p.blocks[i].decode(t, p.expect)
		if err != nil {
			return err
		}
		keep(i, rows)
		return nil
	})
}

// decodeTensor reads a tensor in its stored form.
func decodeTensor(of *models.Param, data []byte, expect expects) (*Tensor, error) {
	p, t, err := begin(of, data, expect)
	if err != nil {
		return nil, err
	}
	pieces := make([]*Tensor, len(p.blocks))
	if err := p.decodeBlocks(t, func(i int, rows *Tensor) { pieces[i] = rows }); err != nil {
		return nil, err
	}
	if len(pieces) == 1 {
		scales := t.Scales
		t = pieces[0]
		t.Scales = scales
	} else {
		t.join(pieces)
	}
	t.Mask, err = p.decodeMask(t, t.Dense)
	return t, err
}

func begin(of *models.Param, data []byte, expect expects) (*parts, *Tensor, error) {
	p, err := divide(data, of.Shape[0], of.Shape[1:].Size())
	if err != nil {
		return nil, nil, err
	}
	if p.beside() {
		if p.expect, err = expect(); err != nil {
			return nil, nil, err
		}
	}
	t, err := p.newTensor(of)
	return p, t, err
}

// join puts the rows of the pieces one behind the other.
func (t *Tensor) join(pieces []*Tensor) {
	if t.Sparse {
		t.Starts = make([]int32, 1, t.Rows+1)
	}
	for _, rows := range pieces {
		if t.Sparse {
			base := int32(len(t.Places))
			for _, start := range rows.Starts[1:] {
				t.Starts = append(t.Starts, base+start)
			}
			t.Places = append(t.Places, rows.Places...)
		}
		t.Values, t.Ints = append(t.Values, rows.Values...), append(t.Ints, rows.Ints...)
		t.Codes8, t.Codes16 = append(t.Codes8, rows.Codes8...), append(t.Codes16, rows.Codes16...)
	}
}

// decodeParam gives a parameter its values and its mask.
func decodeParam(of *models.Param, data []byte, expect expects) error {
	p, t, err := begin(of, data, expect)
	if err != nil {
		return err
	}
	dense := make([]float32, t.Rows*t.Columns)
	if t.Kind == Float32 && !t.Sparse {
		t.Values = dense // nothing is copied
	}
	err = p.decodeBlocks(t, func(i int, rows *Tensor) {
		rows.scatter(dense[p.blocks[i].from*t.Columns:])
	})
	if err != nil {
		return err
	}
	of.Data = dense
	of.Mask, err = p.decodeMask(t, func() []float32 { return dense })
	return err
}

// scatter writes the weights to where they belong in rows that are zero.
func (t *Tensor) scatter(dense []float32) {
	switch {
	case t.Sparse:
		t.scatterEntries(dense)
	case t.Kind == Codes && t.Codes16 != nil:
		look(dense, t.Codes16, t.Codebook)
	case t.Kind == Codes:
		look(dense, t.Codes8, t.Codebook)
	case t.Kind == Int8:
		t.multiply(dense)
	}
}

func (t *Tensor) scatterEntries(dense []float32) {
	stored := t.Stand()
	for r := range t.Rows {
		row := dense[r*t.Columns : (r+1)*t.Columns]
		for i := t.Starts[r]; i < t.Starts[r+1]; i++ {
			row[t.Places[i]] = stored[i]
		}
	}
}

// decodeMask is the mask of a tensor with those values.
func (p *parts) decodeMask(t *Tensor, values func() []float32) ([]bool, error) {
	if p.mark&maskBits == 0 {
		return nil, nil
	}
	dense := values()
	mask := make([]bool, len(dense))
	for i, v := range dense {
		mask[i] = math.Float32bits(v) != 0
	}
	if p.mark&maskBits == maskZeros {
		return mask, nil
	}
	kept, err := pattern.Decode(p.mask, t.Rows, t.Columns, nil)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	for r := range t.Rows {
		for _, c := range kept.Columns[kept.Starts[r]:kept.Starts[r+1]] {
			if mask[r*t.Columns+int(c)] {
				return nil, fmt.Errorf("mask: weight %d of row %d is named and not zero", c, r)
			}
			mask[r*t.Columns+int(c)] = true
		}
	}
	return mask, nil
}
