package bitio_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"espalier/models/compress/internal/bitio"
)

func TestNumbersComeBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	type number struct {
		v     uint64
		width int // 0: in gamma code
	}
	var want []number
	var w bitio.Writer
	bits := int64(0)
	for range 5000 {
		n := number{v: r.Uint64(), width: r.IntN(65)}
		n.v >>= 64 - max(n.width, 1)
		if n.width == 0 {
			n.v = 1 + r.Uint64()>>(1+r.IntN(63))
			w.WriteGamma(n.v)
			bits += bitio.GammaBits(n.v)
		} else {
			w.Write(n.v, n.width)
			bits += int64(n.width)
		}
		want = append(want, n)
	}
	if w.Bits() != bits || int64(len(w.Bytes())) != (bits+7)/8 {
		t.Fatalf("%d bits in %d bytes, want %d bits", w.Bits(), len(w.Bytes()), bits)
	}
	reader := bitio.NewReader(w.Bytes())
	for i, n := range want {
		var got uint64
		var err error
		if n.width == 0 {
			got, err = reader.ReadGamma(math.MaxUint64)
		} else {
			got, err = reader.Read(n.width)
		}
		if err != nil || got != n.v {
			t.Fatalf("number %d of %d bits = %d, %v, want %d", i, n.width, got, err, n.v)
		}
	}
	if err := reader.End(); err != nil {
		t.Error(err)
	}
}

func TestReaderRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data []byte
		read func(*bitio.Reader) error
		want string
	}{
		"a number that is cut off": {[]byte{1, 2}, func(r *bitio.Reader) error { _, err := r.Read(17); return err },
			"the data end after 16 bits, in the middle of a number"},
		"a bit of nothing": {nil, func(r *bitio.Reader) error { _, err := r.Bit(); return err },
			"the data end after 0 bits, in the middle of a number"},
		"a gamma code of zeros": {[]byte{0, 0}, func(r *bitio.Reader) error { _, err := r.ReadGamma(math.MaxUint64); return err },
			"the data end after 16 bits, in the middle of a number"},
		"a gamma code that is too wide": {[]byte{0, 0}, func(r *bitio.Reader) error { _, err := r.ReadGamma(7); return err },
			"a number of 4 bits or more stands before bit 3, where at most 7 is allowed"},
		"a gamma code that is too large": {[]byte{0b00111_000}, func(r *bitio.Reader) error { _, err := r.ReadGamma(6); return err },
			"7 stands before bit 5, where at most 6 is allowed"},
		"bytes after the end":    {[]byte{0, 0}, func(r *bitio.Reader) error { return r.End() }, "2 bytes follow the end"},
		"a last byte with a one": {[]byte{1}, func(r *bitio.Reader) error { _, err := r.Read(3); return firstOf(err, r.End()) }, "the last byte does not end in 5 zeros"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.read(bitio.NewReader(test.data)); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
