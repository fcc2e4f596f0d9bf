package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"

	"espalier/models"
)

// Normalization turns the pixel bytes of one channel into network inputs:
// scaled to 0..1, less the mean, over the deviation of the training pixels.
type Normalization struct {
	Mean      float64 // of the pixels in 0..1
	Deviation float64 // of the pixels in 0..1, over all of them (not n-1)

	// Table holds the input for each pixel byte.
	Table [256]float32
}

// Measure computes the normalization over pixels. It counts bytes and computes
// in integers up to the last square root and division, so that the table is
// the same to the bit on every machine. Pixels that are all equal have no
// deviation to divide by; they are scaled and centred only.
func Measure(pixels []uint8) Normalization {
	if len(pixels) == 0 {
		return Normalization{Deviation: 1, Table: table(1, 0, 255)}
	}
	var h histogram
	h.count(pixels)
	return h.normalization()
}

// MeasureChannels is [Measure] for each channel of the images, one after the
// other in pixels: one result for each.
func MeasureChannels(shape models.Shape, pixels []uint8) []Normalization {
	channels := channelsOf(shape)
	plane := shape.Size() / channels
	seen := make([]histogram, channels)
	for at := 0; at+plane*channels <= len(pixels); at += plane * channels {
		for c := range seen {
			seen[c].count(pixels[at+c*plane:][:plane])
		}
	}
	all := make([]Normalization, channels)
	for c := range all {
		all[c] = Normalization{Deviation: 1, Table: table(1, 0, 255)}
		if len(pixels) > 0 {
			all[c] = seen[c].normalization()
		}
	}
	return all
}

// channelsOf is the first of three axes; what has fewer is one channel.
func channelsOf(shape models.Shape) int {
	if len(shape) == 3 {
		return shape[0]
	}
	return 1
}

// histogram counts how often each byte occurs.
type histogram [256]int64

func (h *histogram) count(pixels []uint8) {
	for _, p := range pixels {
		h[p]++
	}
}

func (h *histogram) normalization() Normalization {
	n, sum, squares := h.moments()

	// n^2 variance = n squares - sum^2, which outgrows 64 bits.
	spread := new(big.Int).Mul(big.NewInt(n), big.NewInt(squares))
	spread.Sub(spread, new(big.Int).Mul(big.NewInt(sum), big.NewInt(sum)))
	square, _ := new(big.Float).SetInt(spread).Float64()
	root := math.Sqrt(square)

	scale := float64(255 * n)
	norm := Normalization{Mean: float64(sum) / scale, Deviation: root / scale}
	if root == 0 {
		root = scale
	}
	norm.Table = table(n, sum, root)
	return norm
}

func (h *histogram) moments() (n, sum, squares int64) {
	for v, c := range h {
		n += c
		sum += int64(v) * c
		squares += int64(v) * int64(v) * c
	}
	return n, sum, squares
}

// table holds (v - sum/n) / (root/n) for each byte v, with one rounding.
func table(n, sum int64, root float64) [256]float32 {
	var t [256]float32
	for v := range t {
		t[v] = float32(float64(int64(v)*n-sum) / root)
	}
	return t
}

// Normalized is the normalization with this mean and deviation, of pixels in
// 0..1: that of a network that was trained elsewhere. A byte v becomes
// (v/255 - mean) / deviation, in float64 and then rounded.
func Normalized(mean, deviation float64) (Normalization, error) {
	if !(mean >= 0 && mean <= 1) || !(deviation > 0 && deviation <= 1) {
		return Normalization{}, fmt.Errorf("mean %g and deviation %g: want a mean from 0 to 1 and a deviation above 0 and at most 1", mean, deviation)
	}
	n := Normalization{Mean: mean, Deviation: deviation}
	for v := range n.Table {
		n.Table[v] = float32((float64(v)/255 - mean) / deviation)
	}
	return n, nil
}

// normalize replaces the measured normalization. The inputs change by it, and
// so does the digest.
func (d *Dataset) normalize(mean, deviation []float64) error {
	channels := channelsOf(d.Shape)
	if len(mean) != channels || len(deviation) != channels {
		return fmt.Errorf("normalize: %d means and %d deviations: the images have channels: %d", len(mean), len(deviation), channels)
	}
	told := make([]Normalization, channels)
	b := append([]byte("espalier normalization 1\n"), d.Digest...)
	for c := range told {
		var err error
		if told[c], err = Normalized(mean[c], deviation[c]); err != nil {
			return fmt.Errorf("normalize: channel %d: %w", c, err)
		}
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(mean[c]))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(deviation[c]))
	}
	sum := sha256.Sum256(b)
	d.Normalization, d.Digest = told, hex.EncodeToString(sum[:])
	d.Train.norm, d.Validation.norm, d.Test.norm, d.Extra.norm = told, told, told, told
	return nil
}
