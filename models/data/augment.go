package data

import (
	"encoding/binary"
	"fmt"

	"espalier/models"
)

// Augmentation is how training images are varied from epoch to epoch (He et
// al. 2016, section 4.2): padded with Shift black pixels on each side and
// cropped back to their size at a random place, and mirrored left to right
// with probability 1/2.
//
// What happens to a sample is a function of seed, epoch and sample alone, drawn
// without a state, so that any batch can be made at any time. The zero value
// leaves images as they are.
type Augmentation struct {
	Shift int  // largest displacement, in pixels, in either direction
	Flip  bool // mirror about half of the images
}

// Validate checks that images of that shape can be varied so.
func (a Augmentation) Validate(shape models.Shape) error {
	if a == (Augmentation{}) {
		return nil
	}
	if len(shape) != 3 {
		return fmt.Errorf("augment: images of shape %v have no height and width to vary", shape)
	}
	if most := min(shape[1], shape[2]) - 1; a.Shift < 0 || a.Shift > most {
		return fmt.Errorf("augment: shift %d: images of %d x %d pixels can be shifted by 0 to %d", a.Shift, shape[1], shape[2], most)
	}
	return nil
}

// variation is what happens to one image: the output's pixel (y, x) is the
// input's (y+dy, x+dx), and then rows are reversed.
type variation struct {
	dy, dx int
	flip   bool
}

// augmenter draws variations.
type augmenter struct {
	Augmentation
	key uint64
}

// forEpoch is the augmenter of an epoch.
func (a Augmentation) forEpoch(seed uint64, epoch int) augmenter {
	sum := stream("augment", seed, uint64(epoch))
	return augmenter{a, binary.BigEndian.Uint64(sum[:])}
}

// of draws the variation of a sample: 24 bits for each displacement, one for
// the flip.
func (a augmenter) of(sample int32) variation {
	bits := mix(a.key + (uint64(sample)+1)*0x9e3779b97f4a7c15)
	places := uint64(2*a.Shift + 1)
	return variation{
		dy:   int(bits&0xffffff*places>>24) - a.Shift,
		dx:   int(bits>>24&0xffffff*places>>24) - a.Shift,
		flip: a.Flip && bits>>63 == 1,
	}
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014), whose
// stream can be entered at any number.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// gather is Split.Gather with every image varied.
func (a augmenter) gather(s *Split, indices []int32, x []float32, labels []int32) {
	h, w := s.shape[1], s.shape[2]
	plane, size := h*w, s.shape.Size()
	for k, i := range indices {
		v := a.of(i)
		for c := range s.norm {
			v.plane(x[k*size+c*plane:][:plane], s.pixels[int(i)*size+c*plane:][:plane], h, w, &s.norm[c].Table)
		}
		labels[k] = s.labels[i]
	}
}

// plane varies one channel of an image. Black is the byte 0: the padding comes
// before the normalization.
func (v variation) plane(dst []float32, src []uint8, h, w int, table *[256]float32) {
	black := table[0]
	from, to := max(0, -v.dx), min(w, w-v.dx) // the columns that are inside
	for y := range h {
		row := dst[y*w:][:w]
		if y+v.dy < 0 || y+v.dy >= h || from >= to {
			paint(row, black)
			continue
		}
		pixels := src[(y+v.dy)*w+from+v.dx:][:to-from]
		if v.flip {
			paint(row[:w-to], black)
			mirror(row[w-to:w-from], pixels, table)
			paint(row[w-from:], black)
			continue
		}
		paint(row[:from], black)
		normalize(row[from:to], pixels, table)
		paint(row[to:], black)
	}
}

func paint(row []float32, v float32) {
	for i := range row {
		row[i] = v
	}
}

// mirror is normalize from right to left.
func mirror(dst []float32, src []uint8, table *[256]float32) {
	dst = dst[:len(src)]
	for i, p := range src {
		dst[len(dst)-1-i] = table[p]
	}
}
