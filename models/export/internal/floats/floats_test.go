package floats_test

import (
	"math"
	"slices"
	"testing"

	"espalier/models/export/internal/floats"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	tests := map[string]struct {
		format floats.Format
		raw    []byte
		want   []float32
	}{
		"half":             {floats.Half, []byte{0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00, 0x00, 0x7c}, []float32{1, -2, 65504, 0x1p-24, inf}},
		"bfloat16":         {floats.BFloat16, []byte{0x80, 0x3f, 0x00, 0xc0, 0x80, 0x7f}, []float32{1, -2, inf}},
		"single":           {floats.Single, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float32{1, -2}},
		"double":           {floats.Double, []byte{0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f}, []float32{0.1}},
		"double too large": {floats.Double, []byte{0, 0, 0, 0, 0, 0, 0xe0, 0x7f}, []float32{inf}},
		"cut off":          {floats.Single, []byte{0, 0, 0x80, 0x3f, 0, 0}, []float32{1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.format.Decode(test.raw); !slices.Equal(got, test.want) {
				t.Errorf("Decode(%x) = %v, want %v", test.raw, got, test.want)
			}
		})
	}
}
