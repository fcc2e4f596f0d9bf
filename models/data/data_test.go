package data_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/data"
)

func open(t *testing.T, o data.Options) *data.Dataset {
	t.Helper()
	d, err := data.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("Open(%+v): %v", o, err)
	}
	return d
}

// pixels returns a copy of all images of a split and their labels.
func pixels(s *data.Split) (images []byte, labels []int32) {
	for i := range s.Len() {
		p, l := s.At(i)
		images, labels = append(images, p...), append(labels, l)
	}
	return images, labels
}

func TestBadOptionsAreRefusedInOneLine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, c := range map[string]struct {
		o    data.Options
		want []string
	}{
		"unknown name":        {data.Options{Name: "minst"}, []string{`data minst`, "digits, mnist, fashion-mnist, cifar10, cifar100, idx"}},
		"no name":             {data.Options{}, []string{"digits, mnist, fashion-mnist, cifar10, cifar100, idx"}},
		"negative cap":        {data.Options{Name: data.Digits, Train: -1}, []string{"train -1", "0 or more"}},
		"negative test":       {data.Options{Name: data.Digits, Test: -7}, []string{"test -7", "0 or more"}},
		"negative validation": {data.Options{Name: data.Digits, Validation: -2}, []string{"validation -2", "0 or more"}},
		"too many train":      {data.Options{Name: data.Digits, Train: 60001}, []string{"train 60001", "only 60000"}},
		"too many test":       {data.Options{Name: data.Digits, Test: 10001}, []string{"test 10001", "only 10000"}},
		"nothing left":        {data.Options{Name: data.Digits, Train: 10, Test: 1, Validation: 10}, []string{"validation 10", "at most 9"}},
		"path of generated":   {data.Options{Name: data.Digits, Path: "here"}, []string{"path here", "generated"}},
		"no path":             {data.Options{Name: data.MNIST}, []string{"path is empty", "train-images-idx3-ubyte"}},
		"no folder":           {data.Options{Name: data.IDX, Path: filepath.Join(folder, "none")}, []string{filepath.Join(folder, "none"), "t10k-labels-idx1-ubyte"}},
		"no files":            {data.Options{Name: data.MNIST, Path: folder}, []string{folder, "no train-images-idx3-ubyte, no train-labels-idx1-ubyte", ".gz"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := data.Open(context.Background(), c.o)
			wantError(t, err, c.want...)
		})
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range append(parts, "data ") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want it to say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestValidationIsTheEndOfTheCappedTrainingSamples(t *testing.T) {
	t.Parallel()
	all := open(t, data.Options{Name: data.Digits, Train: 50, Test: 5})
	held := open(t, data.Options{Name: data.Digits, Train: 50, Test: 5, Validation: 20})

	if a, b, c := held.Train.Len(), held.Validation.Len(), held.Test.Len(); a != 30 || b != 20 || c != 5 {
		t.Fatalf("splits of %d, %d and %d samples, want 30, 20 and 5", a, b, c)
	}
	wantImages, wantLabels := pixels(all.Train)
	trainImages, trainLabels := pixels(held.Train)
	images, labels := pixels(held.Validation)
	if d := cmp.Diff(wantImages, append(trainImages, images...)); d != "" {
		t.Errorf("images (-all +train and validation):\n%s", d)
	}
	if d := cmp.Diff(wantLabels, append(trainLabels, labels...)); d != "" {
		t.Errorf("labels (-all +train and validation):\n%s", d)
	}
	if want := data.Measure(trainImages); len(held.Normalization) != 1 || held.Normalization[0] != want {
		t.Errorf("normalization %v, want that of the 30 training images alone: %v %v", held.Normalization, want.Mean, want.Deviation)
	}
}

func TestDigestIsOfWhatIsUsed(t *testing.T) {
	t.Parallel()
	seen := map[string]data.Options{}
	for _, o := range []data.Options{
		{Train: 50, Test: 5}, {Train: 51, Test: 5}, {Train: 50, Test: 6}, {Train: 50, Test: 5, Validation: 1},
	} {
		o.Name = data.Digits
		digest := open(t, o).Digest
		if other, twice := seen[digest]; twice {
			t.Errorf("%+v and %+v have the same digest %s", o, other, digest)
		}
		if again := open(t, o).Digest; again != digest {
			t.Errorf("%+v: digest %s, then %s", o, digest, again)
		}
		seen[digest] = o
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := data.Open(ctx, data.Options{Name: data.Digits}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestNormalizationCentresAndScales(t *testing.T) {
	t.Parallel()
	for name, p := range map[string][]byte{
		"two values":  {0, 255},
		"one far off": append(make([]byte, 999), 255),
		"all values":  everyByte(),
	} {
		norm := data.Measure(p)
		var mean, square float64
		for _, v := range p {
			x := float64(norm.Table[v])
			mean, square = mean+x/float64(len(p)), square+x*x/float64(len(p))
		}
		if math.Abs(mean) > 1e-6 || math.Abs(square-1) > 1e-6 {
			t.Errorf("%s: normalized mean %g and variance %g, want 0 and 1", name, mean, square)
		}
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestNormalizationIsExact(t *testing.T) {
	t.Parallel()
	// Mean 1/2 and deviation 1/2, so that a byte v becomes (v - 127.5) / 127.5.
	norm := data.Measure([]byte{0, 255})
	if norm.Mean != 0.5 || norm.Deviation != 0.5 {
		t.Errorf("mean %v and deviation %v, want 0.5 and 0.5", norm.Mean, norm.Deviation)
	}
	for v, got := range norm.Table {
		if want := float32((float64(v) - 127.5) / 127.5); got != want {
			t.Errorf("table[%d] = %v, want %v", v, got, want)
		}
	}
}

func TestToldNormalizationIsUsedAndPartOfTheDigest(t *testing.T) {
	t.Parallel()
	o := data.Options{Name: data.Digits, Train: 20, Test: 5, Validation: 5}
	measured := open(t, o)
	o.Mean, o.Deviation = []float64{0.25}, []float64{0.5}
	d := open(t, o)
	for name, split := range map[string]*data.Split{"train": d.Train, "validation": d.Validation, "test": d.Test} {
		x, labels := make([]float32, 784), make([]int32, 1)
		split.Gather([]int32{2}, x, labels)
		pixels, _ := split.At(2)
		for i, p := range pixels {
			if want := float32((float64(p)/255 - 0.25) / 0.5); x[i] != want {
				t.Fatalf("%s: pixel %d is %g, want %g", name, p, x[i], want)
			}
		}
	}
	o.Deviation = []float64{0.25}
	if other := open(t, o); d.Digest == measured.Digest || d.Digest == other.Digest {
		t.Error("another normalization has the same digest")
	}
	for want, bad := range map[string][2][]float64{
		"2 means and 1 deviations": {{0.5, 0.5}, {1}}, "0 means and 1": {nil, {1}}, "deviation 0": {{0}, {0}},
		"mean NaN": {{math.NaN()}, {1}}, "deviation 2": {{0.5}, {2}}, "mean -1": {{-1}, {1}},
	} {
		o.Mean, o.Deviation = bad[0], bad[1]
		_, err := data.Open(context.Background(), o)
		wantError(t, err, "normalize: ", want)
	}
}

func TestEqualPixelsAreCentredAndScaledOnly(t *testing.T) {
	t.Parallel()
	norm := data.Measure([]byte{51, 51, 51})
	if norm.Deviation != 0 || norm.Table[51] != 0 || norm.Table[102] != 0.2 {
		t.Errorf("deviation %v, table[51] %v, table[102] %v; want 0, 0, 0.2", norm.Deviation, norm.Table[51], norm.Table[102])
	}
	if norm := data.Measure(nil); norm.Table[255] != 1 {
		t.Errorf("no pixels: table[255] = %v, want 1", norm.Table[255])
	}
}

func TestGatherLooksPixelsUp(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 7, 8, 9, 25, 784} {
		n := 6
		images, labels := make([]byte, n*size), make([]int32, n)
		for i := range images {
			images[i] = byte(i * 37)
		}
		for i := range labels {
			labels[i] = int32(i * i)
		}
		norm := data.Measure(images)
		s, err := data.NewSplit(models.Shape{1, 1, size}, images, labels, norm)
		if err != nil {
			t.Fatal(err)
		}
		indices := []int32{5, 0, 3, 3}
		x, got := make([]float32, len(indices)*size+1), make([]int32, len(indices)+1)
		x[len(x)-1], got[len(got)-1] = 42, 42
		s.Gather(indices, x, got)

		wantX, wantLabels := []float32{}, []int32{}
		for _, i := range indices {
			for _, p := range images[int(i)*size : (int(i)+1)*size] {
				wantX = append(wantX, norm.Table[p])
			}
			wantLabels = append(wantLabels, labels[i])
		}
		if d := cmp.Diff(append(wantX, 42), x); d != "" {
			t.Errorf("size %d: inputs (-want +got):\n%s", size, d)
		}
		if d := cmp.Diff(append(wantLabels, 42), got); d != "" {
			t.Errorf("size %d: labels (-want +got):\n%s", size, d)
		}
	}
}

func TestSplitOfAnotherLengthIsRefused(t *testing.T) {
	t.Parallel()
	for _, shape := range []models.Shape{nil, {1, 0, 5}, {1, 2, 3}} {
		_, err := data.NewSplit(shape, make([]byte, 5), make([]int32, 1), data.Normalization{})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(shape)) {
			t.Errorf("NewSplit(%v, 5 pixels, 1 label): error %v, want one with the shape", shape, err)
		}
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
