// Package data gives training its samples: data sets by name, and batches in
// an order that can be taken up again anywhere.
//
// A [Dataset] is three [Split]s (training, validation, test) of images with
// one byte for each pixel. A split keeps the bytes and, for each channel, a
// table of 256 normalized values; [Split.Gather] looks pixels up as it copies
// them into a batch, so that a data set in memory is as small as its files.
//
// The order of the samples is a function of the seed and the epoch alone
// ([Permutation]), the [Augmentation] of a sample one of seed, epoch and
// sample, and a [Loader] finds any batch of any epoch directly. A run that is
// resumed in the middle of an epoch therefore sees the batches that it would
// have seen, and needs no state of its own but those numbers.
//
// Everything here is exact: the same options give the same bytes, table and
// [Dataset.Digest] on every 64-bit machine, whatever its number of cores.
//
// The package trains nothing, and it fetches nothing over a network.
package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"espalier/models"
)

// The names of the data sets.
const (
	Digits       = "digits"        // generated: 60,000 + 10,000 distorted digits of the Go fonts, 1x28x28
	MNIST        = "mnist"         // the official files in Options.Path, 60,000 + 10,000, 1x28x28
	FashionMNIST = "fashion-mnist" // Xiao et al. 2017, the four idx files in Options.Path, 10 classes
	CIFAR10      = "cifar10"       // the binary version in Options.Path: such training batches as there are, 3x32x32
	CIFAR100     = "cifar100"      // the binary version in Options.Path, 100 fine labels, 3x32x32
	IDX          = "idx"           // four idx files of the user's own in Options.Path
)

// Names returns the data sets that Open knows.
func Names() []string { return []string{Digits, MNIST, FashionMNIST, CIFAR10, CIFAR100, IDX} }

// Options choose a data set and how much of it is used.
type Options struct {
	Name string // one of Names
	Path string // the folder of the files; of all but digits

	// Train and Test cap the number of samples, counted from the first; 0 is
	// all.
	Train, Test int
	// Validation holds out that many of the last training samples, after the
	// cap.
	Validation int

	// Mean and Deviation, if not empty, are the normalization, for each channel
	// of pixels in 0..1; otherwise it is measured.
	Mean, Deviation []float64

	// Extra, if not empty, is a file or folder of more test samples: for
	// cifar10 and cifar100, whose test batch may be another than the official.
	Extra string

	// CacheDir is a folder for generated data; empty is no cache. The folder
	// is made when it is missing. A cache that cannot be read, written or
	// verified is as good as none: the data is generated again.
	CacheDir string
}

// Dataset is a data set ready for use. It does not change any more and is safe
// for concurrent use.
type Dataset struct {
	Name    string
	Shape   models.Shape // of one image: channels, height, width
	Classes int          // labels are 0 .. Classes-1

	Train      *Split
	Validation *Split // empty if none was held out
	Test       *Split
	Extra      *Split // empty if there are no more test samples

	// Normalization of each channel is measured on Train, unless Options told
	// it, and applied to all three.
	Normalization []Normalization

	// Digest is the SHA-256 over all that Options chose: the images and labels
	// of the splits, in order, their shape and classes, and a normalization
	// that was told.
	Digest string
}

// Open reads or generates a data set. It fails with one line that says what is
// wrong, where, and what would be accepted.
func Open(ctx context.Context, o Options) (*Dataset, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	raw, err := o.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("data %s: %w", o.Name, err)
	}
	held := o.Validation
	if have := raw.train.count(); held >= have {
		return nil, fmt.Errorf("data %s: validation %d would hold out all of the %d training samples; at most %d", o.Name, held, have, have-1)
	}
	set := raw.dataset(o.Name, held)
	if len(o.Mean)+len(o.Deviation) > 0 {
		if err := set.normalize(o.Mean, o.Deviation); err != nil {
			return nil, fmt.Errorf("data %s: %w", o.Name, err)
		}
	}
	return set, nil
}

func (o Options) validate() error {
	for _, n := range []struct {
		key   string
		value int
	}{{"train", o.Train}, {"test", o.Test}, {"validation", o.Validation}} {
		if n.value < 0 {
			return fmt.Errorf("data %s: %s %d: want 0 or more samples", o.Name, n.key, n.value)
		}
	}
	if o.Extra != "" && o.Name != CIFAR10 && o.Name != CIFAR100 {
		return fmt.Errorf("data %s: extra_test %s: only %s and %s have more test samples", o.Name, o.Extra, CIFAR10, CIFAR100)
	}
	return nil
}

func (o Options) read(ctx context.Context) (*content, error) {
	switch o.Name {
	case Digits:
		return openDigits(ctx, o)
	case MNIST, FashionMNIST, IDX:
		return openIDX(ctx, o)
	case CIFAR10, CIFAR100:
		return openCIFAR(ctx, o)
	default:
		return nil, fmt.Errorf("no data set has this name; there are %s", strings.Join(Names(), ", "))
	}
}

// capped returns how many of have samples the cap want leaves.
func capped(key string, want, have int) (int, error) {
	if want > have {
		return 0, fmt.Errorf("%s %d: there are only %d samples; use 0 for all of them", key, want, have)
	}
	if want == 0 {
		return have, nil
	}
	return want, nil
}

// content is a data set as read: capped, not yet split or normalized.
type content struct {
	shape       models.Shape
	classes     int
	train, test samples // sealed
	extra       samples // sealed; none if nobody asked for it
}

// samples are images, one byte a pixel, one after the other, and their labels.
type samples struct {
	pixels []uint8
	labels []int32
	sum    [sha256.Size]byte // of both, set by sealed
}

func (s samples) count() int { return len(s.labels) }

// sealed returns s with the SHA-256 over its pixels and labels. A label is one
// byte there: every source has at most 256 classes.
func (s samples) sealed() samples {
	h := sha256.New()
	h.Write(s.pixels)
	h.Write(labelBytes(s.labels))
	s.sum = [sha256.Size]byte(h.Sum(nil))
	return s
}

func labelBytes(labels []int32) []byte {
	b := make([]byte, len(labels))
	for i, l := range labels {
		b[i] = byte(l)
	}
	return b
}

// dataset holds out the last held training samples and normalizes the splits
// by the rest.
func (c *content) dataset(name string, held int) *Dataset {
	size, n := c.shape.Size(), c.train.count()-held
	norm := MeasureChannels(c.shape, c.train.pixels[:n*size])
	split := func(s samples, from, to int) *Split {
		return &Split{shape: c.shape, pixels: s.pixels[from*size : to*size], labels: s.labels[from:to], norm: norm}
	}
	return &Dataset{
		Name: name, Shape: c.shape, Classes: c.classes, Normalization: norm,
		Train:      split(c.train, 0, n),
		Validation: split(c.train, n, n+held),
		Test:       split(c.test, 0, c.test.count()),
		Extra:      split(c.extra, 0, c.extra.count()),
		Digest:     c.digest(held),
	}
}

func (c *content) digest(held int) string {
	b := []byte("espalier dataset 1\n")
	for _, n := range []int{len(c.shape), c.classes, c.train.count(), c.test.count(), held} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	for _, d := range c.shape {
		b = binary.BigEndian.AppendUint64(b, uint64(d))
	}
	b = append(append(b, c.train.sum[:]...), c.test.sum[:]...)
	if c.extra.count() > 0 {
		b = append(b, c.extra.sum[:]...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
