package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // a format that ReadImages knows
	_ "image/png"  // another
	"os"

	"golang.org/x/image/draw"

	"espalier/models"
)

// Images are images as a network takes them, one byte for each value: channels,
// rows, columns.
type Images struct {
	Pixels []uint8
	Labels []int32 // of the records of CIFAR; nil in other files
	Count  int
}

// ErrSize is what ReadImages answers to a picture that it could have scaled.
var ErrSize = errors.New("the picture has another size")

// ReadImages reads a file of images of that shape, and keeps the first limit of
// them, or all if that is 0. By its content a file is
//
//   - a PNG or JPEG file, one image: of one channel its luma, of three red,
//     green and blue. Transparent pixels are over black. Where resize is set,
//     one of another size is scaled, without regard to its proportions;
//   - idx images, as MNIST has them, compressed by gzip or not;
//   - records of CIFAR-10 or CIFAR-100, compressed by gzip or bzip2 or not.
//
// It fails on other files, and on images of another size.
func ReadImages(ctx context.Context, path string, shape models.Shape, resize bool, limit int) (Images, error) {
	if len(shape) != 3 || shape[0] != 1 && shape[0] != 3 {
		return Images{}, fmt.Errorf("%s: the network takes inputs of shape %v: images have 1 or 3 channels, rows and columns", path, shape)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Images{}, err
	}
	var found Images
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case err == nil:
		found, err = readPicture(data, config, shape, resize)
	case !errors.Is(err, image.ErrFormat):
		err = fmt.Errorf("%s image: %w", format, err)
	default:
		found, err = readMany(ctx, data, shape, limit)
	}
	if err != nil {
		return Images{}, fmt.Errorf("%s: %w", path, err)
	}
	return found, nil
}

func readPicture(data []byte, config image.Config, shape models.Shape, resize bool) (Images, error) {
	if config.Width > maxSide || config.Height > maxSide {
		return Images{}, fmt.Errorf("an image of %d x %d pixels: want at most %d x %d", config.Height, config.Width, maxSide, maxSide)
	}
	if same := config.Height == shape[1] && config.Width == shape[2]; !same && !resize {
		return Images{}, fmt.Errorf("%w than the network takes: %d x %d pixels, not %d x %d", ErrSize, config.Height, config.Width, shape[1], shape[2])
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return Images{}, err
	}
	size := image.Rect(0, 0, shape[2], shape[1])
	if shape[0] == 1 {
		gray := image.NewGray(size)
		cover(gray, picture)
		return Images{Pixels: gray.Pix, Count: 1}, nil
	}
	colours := image.NewRGBA(size)
	cover(colours, picture)
	plane := shape[1] * shape[2]
	pixels := make([]uint8, 3*plane)
	for i := range plane {
		for c := range 3 {
			pixels[c*plane+i] = colours.Pix[4*i+c]
		}
	}
	return Images{Pixels: pixels, Count: 1}, nil
}

// cover fills the canvas with the picture, pixel for pixel where it has its
// size.
func cover(canvas draw.Image, picture image.Image) {
	if picture.Bounds().Size() == canvas.Bounds().Size() {
		draw.Draw(canvas, canvas.Bounds(), picture, picture.Bounds().Min, draw.Src)
		return
	}
	draw.CatmullRom.Scale(canvas, canvas.Bounds(), picture, picture.Bounds(), draw.Src, nil)
}

// readMany reads a file of many images.
func readMany(ctx context.Context, data []byte, shape models.Shape, limit int) (Images, error) {
	if shape[0] == 1 {
		return readIDX(ctx, data, shape, limit)
	}
	if shape[1] != cifarSide || shape[2] != cifarSide {
		return Images{}, fmt.Errorf("neither a PNG nor a JPEG file; the network takes images of %d x %d pixels, and files of many are of %d x %d (CIFAR)", shape[1], shape[2], cifarSide, cifarSide)
	}
	var first error
	for _, name := range []string{CIFAR10, CIFAR100} {
		plain, err := uncompressed(bytes.NewReader(data))
		if err != nil {
			return Images{}, err
		}
		r := records{labels: cifarOf(name).labels, size: shape.Size(), limit: limit}
		if err = r.decode(ctx, plain); err == nil {
			return Images{Pixels: r.pixels, Labels: r.classes, Count: len(r.classes)}, nil
		}
		if first == nil {
			first = err
		}
	}
	return Images{}, fmt.Errorf("neither a PNG nor a JPEG file, nor records of CIFAR: %w", first)
}

func readIDX(ctx context.Context, data []byte, shape models.Shape, limit int) (Images, error) {
	plain, err := gunzipped(bytes.NewReader(data))
	if err != nil {
		return Images{}, err
	}
	file, err := decodeIDX(ctx, plain, magicImages, func(have int) (int, error) {
		if limit > 0 {
			return min(limit, have), nil
		}
		return have, nil
	})
	if err != nil {
		return Images{}, fmt.Errorf("neither a PNG nor a JPEG file, nor idx images: %w", err)
	}
	if file.dims[1] != shape[1] || file.dims[2] != shape[2] {
		return Images{}, fmt.Errorf("images of %d x %d pixels: the network takes %d x %d", file.dims[1], file.dims[2], shape[1], shape[2])
	}
	return Images{Pixels: file.data, Count: len(file.data) / shape.Size()}, nil
}

// published are the means and deviations of the training images, for each
// channel.
var published = map[string][2][]float64{
	Digits:       {{0.1636}, {0.2416}},
	MNIST:        {{0.1307}, {0.3081}},
	FashionMNIST: {{0.2860}, {0.3530}},
	CIFAR10:      {{0.4915, 0.4821, 0.4462}, {0.2472, 0.2437, 0.2617}},
	CIFAR100:     {{0.5071, 0.4865, 0.4409}, {0.2673, 0.2564, 0.2762}},
}

// Published are the mean and the deviation of each channel of a data set's
// training images, to four digits: what training measures differs from them by
// the samples that it leaves out. There are none for other data sets.
func Published(name string) (mean, deviation []float64, ok bool) {
	p, ok := published[name]
	return p[0], p[1], ok
}

// Normalize turns pixels of images of a shape into network inputs, by a
// normalization for each channel.
func Normalize(pixels []uint8, shape models.Shape, channels []Normalization) []float32 {
	plane := shape.Size() / len(channels)
	x := make([]float32, len(pixels))
	for i, p := range pixels {
		x[i] = channels[i/plane%len(channels)].Table[p]
	}
	return x
}
