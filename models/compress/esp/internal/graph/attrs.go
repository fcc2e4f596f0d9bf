package graph

import (
	"encoding/binary"
	"math"
	"slices"

	"espalier/models"
)

// Attributes are a number whose bit i says whether field i is not zero, and the
// values of those that are not.
//
// fields are the numbers among them, in the order of their bits: whole ones,
// and floating ones.
type fields struct {
	ints   [][]*int // bits 0 to 6, several numbers each
	bools  []*bool  // bits 7 to 11
	floats []*float64
	list   *[]int // bit 19
}

func fieldsOf(a *models.Attrs) fields {
	return fields{
		ints: [][]*int{
			{&a.Out}, {&a.Kernel[0], &a.Kernel[1]}, {&a.Stride[0], &a.Stride[1]}, {&a.Pad[0], &a.Pad[1], &a.Pad[2], &a.Pad[3]},
			{&a.Dilation[0], &a.Dilation[1]}, {&a.Groups}, {&a.Size},
		},
		bools:  []*bool{&a.NoBias, &a.Ceil, &a.CountPad, &a.NoScale, &a.NoShift},
		floats: []*float64{&a.Rate, &a.Eps, &a.Momentum, &a.Slope, &a.Alpha, &a.Beta, &a.Bias},
		list:   &a.Channels,
	}
}

const lastField = 19

// appendAttrs writes nothing where all are zero.
func appendAttrs(out []byte, a models.Attrs) []byte {
	f := fieldsOf(&a)
	mask, bit := uint64(0), 0
	var values []byte
	for _, numbers := range f.ints {
		if slices.ContainsFunc(numbers, func(v *int) bool { return *v != 0 }) {
			mask |= 1 << bit
			for _, v := range numbers {
				values = binary.AppendVarint(values, int64(*v))
			}
		}
		bit++
	}
	for _, v := range f.bools {
		if *v {
			mask |= 1 << bit
		}
		bit++
	}
	for _, v := range f.floats {
		if bits := math.Float64bits(*v); bits != 0 {
			mask |= 1 << bit
			values = binary.BigEndian.AppendUint64(values, bits)
		}
		bit++
	}
	if len(*f.list) > 0 {
		mask |= 1 << bit
		values = binary.AppendUvarint(values, uint64(len(*f.list)))
		before := -1
		for _, c := range *f.list { // as a rule each is the one before plus 1
			values = binary.AppendVarint(values, int64(c-before-1))
			before = c
		}
	}
	if mask == 0 {
		return out
	}
	return append(binary.AppendUvarint(out, mask), values...)
}

func (r *reader) attrs() models.Attrs {
	var a models.Attrs
	f := fieldsOf(&a)
	mask, bit := r.count("attributes", 1<<(lastField+1)-1), 0
	has := func() bool {
		bit++
		return mask>>(bit-1)&1 == 1
	}
	for _, numbers := range f.ints {
		if has() {
			for _, v := range numbers {
				*v = r.signed()
			}
		}
	}
	for _, v := range f.bools {
		*v = has()
	}
	for _, v := range f.floats {
		if has() {
			if b := r.take(8); b != nil {
				*v = math.Float64frombits(binary.BigEndian.Uint64(b))
			}
		}
	}
	if has() {
		before := -1
		for range r.count("number of channels", len(r.data)) {
			before += r.signed() + 1
			*f.list = append(*f.list, before)
		}
	}
	return a
}
