package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"runtime"
	"testing"
)

func header(magic uint32, dims ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return b
}

// FuzzIDX: whatever the bytes, decoding fails with an error or returns what an
// encoder would write back as the same bytes, and never more than was read.
func FuzzIDX(f *testing.F) {
	for _, magic := range []uint32{magicImages, magicLabels, 0x00000d03, 0xffffffff} {
		f.Add([]byte{}, magic, 0)
		f.Add(header(magic), magic, 1)
		f.Add(header(magic, 2, 1, 3)[:15], magic, 0)
		f.Add(append(header(magic, 2, 1, 3), 1, 2, 3, 4, 5, 6), magic, 1)
		f.Add(append(header(magic, 2, 1, 3), 1, 2, 3, 4, 5, 6, 7), magic, 2)
		f.Add(append(header(magic, 6), 1, 2, 3, 4, 5, 6), magic, 5)
		f.Add(header(magic, 0, 0, 0), magic, 0)
		f.Add(header(magic, math.MaxInt32, maxSide, maxSide), magic, math.MaxInt)
		f.Add(header(magic, math.MaxUint32, math.MaxUint32, math.MaxUint32), magic, -1)
	}
	f.Add([]byte{0x1f, 0x8b}, uint32(magicImages), 0)
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1}, uint32(magicLabels), 0)
	f.Fuzz(func(t *testing.T, file []byte, magic uint32, want int) {
		if magic&0xff > 3 || magic&0xff == 0 {
			magic = magicImages
		}
		plain, err := gunzipped(bytes.NewReader(file))
		if err != nil {
			return
		}
		got, err := decodeIDX(context.Background(), plain, magic, func(have int) (int, error) {
			return capped("train", max(want, 0), have)
		})
		if err != nil || bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			return
		}
		dims := make([]uint32, len(got.dims))
		size := 1
		for i, d := range got.dims {
			dims[i] = uint32(d)
			if i > 0 {
				size *= d
			}
		}
		again := append(header(magic, dims...), got.data...)
		if !bytes.HasPrefix(file, again) || len(got.data)%size != 0 || (want <= 0 && len(again) != len(file)) {
			t.Errorf("decoded dimensions %v and %d bytes from a file of %d", got.dims, len(got.data), len(file))
		}
	})
}

// Not parallel: it looks at the memory of the whole process.
func TestDecoderAllocatesOnlyAsItReads(t *testing.T) {
	promise := append(header(magicImages, math.MaxInt32, maxSide, maxSide), make([]byte, 100)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decodeIDX(context.Background(), bytes.NewReader(promise), magicImages, func(have int) (int, error) { return have, nil })
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("no error for a file of 100 bytes that promises 2^59")
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4*readPiece {
		t.Errorf("%d bytes allocated for a file of %d", used, len(promise))
	}
}
