package data

import (
	"bytes"
	"context"
	"testing"
)

// FuzzRecords: whatever the bytes, decoding fails with an error or returns what
// an encoder would write back as the same bytes, as far as they are kept.
func FuzzRecords(f *testing.F) {
	for _, b := range [][]byte{
		nil, {}, {1}, {1, 2, 3, 4}, {9, 1, 2, 3, 9, 4, 5, 6}, {10, 1, 2, 3}, {0, 0, 0, 0, 0}, bytes.Repeat([]byte{2}, 1000),
		{0x1f, 0x8b}, {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1}, []byte("BZh"), []byte("BZh91AY&SY"),
	} {
		f.Add(b, false, 0)
		f.Add(b, true, 1)
		f.Add(b, true, -5)
	}
	f.Fuzz(func(t *testing.T, file []byte, coarse bool, limit int) {
		r := records{labels: []int{10}, size: 3, limit: max(limit, 0)}
		if coarse {
			r.labels = []int{20, 100}
		}
		plain, err := uncompressed(bytes.NewReader(file))
		if err != nil {
			return
		}
		if err := r.decode(context.Background(), plain); err != nil || bytes.HasPrefix(file, []byte{0x1f, 0x8b}) || bytes.HasPrefix(file, []byte("BZh")) {
			return
		}
		length := len(r.labels) + r.size
		want := r.seen
		if r.limit > 0 {
			want = min(want, r.limit)
		}
		if r.seen*length != len(file) || len(r.classes) != want || len(r.pixels) != want*r.size {
			t.Fatalf("%d records, %d labels, %d pixels of a file of %d bytes", r.seen, len(r.classes), len(r.pixels), len(file))
		}
		for i, class := range r.classes {
			record := file[i*length:][:length]
			if int32(record[len(r.labels)-1]) != class || !bytes.Equal(record[len(r.labels):], r.pixels[i*r.size:][:r.size]) {
				t.Fatalf("record %d is not what the file has there", i)
			}
		}
	})
}
