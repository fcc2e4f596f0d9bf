package data_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/data"
)

// picture has another colour at each pixel.
func picture(rows, columns int) *image.NRGBA {
	p := image.NewNRGBA(image.Rect(0, 0, columns, rows))
	for y := range rows {
		for x := range columns {
			p.Set(x, y, color.NRGBA{uint8(10 * x), uint8(10 * y), uint8(x + y), 255})
		}
	}
	return p
}

func pngOf(t *testing.T, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// idxOf are images of 2 x 3 pixels, packed by gzip.
func idxOf(t *testing.T, pixels ...uint8) []byte {
	t.Helper()
	b := []byte{0, 0, 8, 3}
	for _, d := range []int{len(pixels) / 6, 2, 3} {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(append(b, pixels...)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func written(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImagesAreReadByTheirContent(t *testing.T) {
	t.Parallel()
	record := func(labels ...uint8) []byte { return append(labels, bytes.Repeat([]uint8{7}, 3072)...) }
	gray := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(gray.Pix, []uint8{1, 2, 3, 4, 5, 6})
	planes := []uint8{0, 10, 20, 0, 10, 20, 0, 0, 0, 10, 10, 10, 0, 1, 2, 1, 2, 3}
	tests := map[string]struct {
		content []byte
		shape   models.Shape
		limit   int
		want    data.Images
	}{
		"colours":         {pngOf(t, picture(2, 3)), models.Shape{3, 2, 3}, 0, data.Images{Pixels: planes, Count: 1}},
		"gray as colours": {pngOf(t, gray), models.Shape{3, 2, 3}, 0, data.Images{Pixels: slices.Repeat(gray.Pix, 3), Count: 1}},
		"gray":            {pngOf(t, gray), models.Shape{1, 2, 3}, 0, data.Images{Pixels: gray.Pix, Count: 1}},
		"idx":             {idxOf(t, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), models.Shape{1, 2, 3}, 0, data.Images{Pixels: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Count: 2}},
		"idx, limited":    {idxOf(t, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), models.Shape{1, 2, 3}, 1, data.Images{Pixels: []uint8{1, 2, 3, 4, 5, 6}, Count: 1}},
		"cifar10":         {slices.Concat(record(3), record(9)), models.Shape{3, 32, 32}, 0, data.Images{Pixels: bytes.Repeat([]uint8{7}, 6144), Labels: []int32{3, 9}, Count: 2}},
		"cifar100":        {record(2, 77), models.Shape{3, 32, 32}, 5, data.Images{Pixels: bytes.Repeat([]uint8{7}, 3072), Labels: []int32{77}, Count: 1}},
	}
	for name, test := range tests {
		got, err := data.ReadImages(t.Context(), written(t, test.content), test.shape, false, test.limit)
		if err != nil || got.Count != test.want.Count || !slices.Equal(got.Pixels, test.want.Pixels) || !slices.Equal(got.Labels, test.want.Labels) {
			t.Errorf("%s: %d images %v, labels %v, %v, want %+v", name, got.Count, got.Pixels, got.Labels, err, test.want)
		}
	}
}

func TestPicturesAreScaledWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	flat := image.NewGray(image.Rect(0, 0, 31, 17))
	for i := range flat.Pix {
		flat.Pix[i] = 200
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, flat, nil); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{pngOf(t, flat), jpg.Bytes()} {
		got, err := data.ReadImages(t.Context(), written(t, content), models.Shape{3, 4, 5}, true, 0)
		if err != nil || !slices.Equal(got.Pixels, bytes.Repeat([]uint8{200}, 60)) {
			t.Errorf("%v, %v, want 60 values of 200", got.Pixels, err)
		}
	}
}

func TestWhatAreNoImagesIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content []byte
		shape   models.Shape
		want    string
	}{
		"other size":      {pngOf(t, picture(4, 3)), models.Shape{3, 2, 3}, "the picture has another size than the network takes: 4 x 3 pixels, not 2 x 3"},
		"other idx":       {idxOf(t, 1, 2, 3, 4, 5, 6), models.Shape{1, 3, 2}, "images of 2 x 3 pixels: the network takes 3 x 2"},
		"text":            {[]byte("hello"), models.Shape{1, 2, 3}, "neither a PNG nor a JPEG file, nor idx images: the header ends after 5"},
		"text as records": {[]byte("hello"), models.Shape{3, 32, 32}, "nor records of CIFAR: record 0 ends after 5 of 3073 bytes"},
		"many of a size":  {[]byte("hello"), models.Shape{3, 224, 224}, "files of many are of 32 x 32 (CIFAR)"},
		"torn":            {pngOf(t, picture(2, 3))[:50], models.Shape{3, 2, 3}, "not enough pixel data"},
		"no image":        {nil, models.Shape{10}, "the network takes inputs of shape [10]: images have 1 or 3 channels"},
	}
	for name, test := range tests {
		_, err := data.ReadImages(t.Context(), written(t, test.content), test.shape, false, 0)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

func TestPublishedNormalizationsAreUsable(t *testing.T) {
	t.Parallel()
	for _, name := range data.Names() {
		mean, deviation, ok := data.Published(name)
		if !ok {
			continue
		}
		var channels []data.Normalization
		for c := range mean {
			n, err := data.Normalized(mean[c], deviation[c])
			if err != nil {
				t.Fatal(err)
			}
			channels = append(channels, n)
		}
		shape := models.Shape{len(mean), 1, 1}
		pixels := bytes.Repeat([]uint8{255}, len(mean))
		for c, v := range data.Normalize(pixels, shape, channels) {
			if want := float32((1 - mean[c]) / deviation[c]); v != want {
				t.Errorf("%s: white is %g in channel %d, want %g", name, v, c, want)
			}
		}
	}
}
