package data

import (
	"fmt"
	"slices"

	"espalier/models"
)

// Split is a list of labelled images. It does not change and is safe for
// concurrent use.
type Split struct {
	shape  models.Shape
	pixels []uint8
	labels []int32
	norm   []Normalization // of each channel
}

// NewSplit makes a split of len(labels) images with one byte for each pixel,
// one image after the other, and a normalization for each channel. It keeps
// the slices.
func NewSplit(shape models.Shape, pixels []uint8, labels []int32, norm ...Normalization) (*Split, error) {
	if size := shape.Size(); len(shape) == 0 || size <= 0 || len(pixels) != size*len(labels) {
		return nil, fmt.Errorf("data: %d pixels are not %d images of shape %v", len(pixels), len(labels), shape)
	}
	if want := channelsOf(shape); len(norm) != want {
		return nil, fmt.Errorf("data: %d normalizations for images of shape %v, want %d", len(norm), shape, want)
	}
	return &Split{shape: slices.Clone(shape), pixels: pixels, labels: labels, norm: norm}, nil
}

// Len is the number of samples.
func (s *Split) Len() int { return len(s.labels) }

// Shape is the shape of one image: channels, height, width.
func (s *Split) Shape() models.Shape { return slices.Clone(s.shape) }

// At returns sample i as it was read: its pixels, which must not be changed,
// and its class.
func (s *Split) At(i int) (pixels []uint8, label int32) {
	size := s.shape.Size()
	return s.pixels[i*size : (i+1)*size : (i+1)*size], s.labels[i]
}

// Gather copies the samples that indices name into a batch: their normalized
// pixels into x, which holds at least len(indices) x Shape.Size() values, and
// their classes into labels, which holds at least len(indices).
func (s *Split) Gather(indices []int32, x []float32, labels []int32) {
	size, plane := s.shape.Size(), s.shape.Size()/len(s.norm)
	for k, i := range indices {
		at := int(i) * size
		for c := range s.norm {
			normalize(x[k*size+c*plane:][:plane], s.pixels[at+c*plane:][:plane], &s.norm[c].Table)
		}
		labels[k] = s.labels[i]
	}
}

// normalize looks src up in table, eight pixels a turn: the fixed-size array
// pointers free the loop of bounds checks.
func normalize(dst []float32, src []uint8, table *[256]float32) {
	dst = dst[:len(src)]
	for len(src) >= 8 {
		s, d := (*[8]uint8)(src), (*[8]float32)(dst)
		d[0], d[1], d[2], d[3] = table[s[0]], table[s[1]], table[s[2]], table[s[3]]
		d[4], d[5], d[6], d[7] = table[s[4]], table[s[5]], table[s[6]], table[s[7]]
		src, dst = src[8:], dst[8:]
	}
	for i, p := range src {
		dst[i] = table[p]
	}
}
