package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"espalier/models"
)

// A folder of idx files has these four, under their official names.
const (
	fileTrainImages = "train-images-idx3-ubyte"
	fileTrainLabels = "train-labels-idx1-ubyte"
	fileTestImages  = "t10k-images-idx3-ubyte"
	fileTestLabels  = "t10k-labels-idx1-ubyte"
)

func fileNames() []string {
	return []string{fileTrainImages, fileTrainLabels, fileTestImages, fileTestLabels}
}

// officialSum is the SHA-256 of an official MNIST file, uncompressed.
func officialSum(file string) string {
	switch file {
	case fileTrainImages:
		return "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
	case fileTrainLabels:
		return "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
	case fileTestImages:
		return "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
	default:
		return "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
	}
}

// openIDX reads the four files of a folder: the official MNIST, Fashion-MNIST
// or any others in its format.
func openIDX(ctx context.Context, o Options) (*content, error) {
	paths, err := locate(o.Path)
	if err != nil {
		return nil, err
	}
	all := func(have int) (int, error) { return have, nil }
	jobs := []struct {
		magic uint32
		limit func(int) (int, error)
	}{
		{magicImages, func(have int) (int, error) { return capped("train", o.Train, have) }}, {magicLabels, all},
		{magicImages, func(have int) (int, error) { return capped("test", o.Test, have) }}, {magicLabels, all},
	}
	files, errs := make([]*file, len(jobs)), make([]error, len(jobs))
	var group errgroup.Group
	for i, job := range jobs {
		group.Go(func() error {
			files[i], errs[i] = readFile(ctx, paths[i], job.magic, job.limit)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs: the first file's is told, whoever was faster
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	c, err := join(files, o.Name != IDX)
	if err != nil {
		return nil, err
	}
	switch o.Name {
	case MNIST:
		err = official(files)
	case FashionMNIST:
		err = fashion(files)
	}
	return c, err
}

// locate finds the four files in a folder. Each may be spelt with a dot, as
// some archives unpack them, and end in .gz.
func locate(folder string) ([]string, error) {
	want := fileNames()
	if folder == "" {
		return nil, fmt.Errorf("path is empty: want the folder with the files %s", strings.Join(want, ", "))
	}
	if _, err := os.ReadDir(folder); err != nil {
		return nil, fmt.Errorf("path %s: want a folder with the files %s: %w", folder, strings.Join(want, ", "), err)
	}
	var found, missing []string
	for _, name := range want {
		path, err := either(folder, name)
		if err != nil {
			return nil, err
		}
		if path == "" {
			missing = append(missing, name)
		}
		found = append(found, path)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("path %s: the folder has no %s (accepted for each: NAME, NAME.gz, and both with .idx for -idx)", folder, strings.Join(missing, ", no "))
	}
	return found, nil
}

func either(folder, name string) (string, error) {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	for _, spelling := range []string{name, dotted, name + ".gz", dotted + ".gz"} {
		path := filepath.Join(folder, spelling)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

// file is an idx file that was read, with the digest of all of its bytes.
type file struct {
	*idx
	path string
	sum  string
}

func readFile(ctx context.Context, path string, magic uint32, limit func(int) (int, error)) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: nothing can be lost

	plain, err := gunzipped(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all := sha256.New()
	content, err := decodeIDX(ctx, io.TeeReader(plain, all), magic, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &file{idx: content, path: path, sum: hex.EncodeToString(all.Sum(nil))}, nil
}

// join puts images and labels together. The classes are 0 to the largest
// training label; MNIST and Fashion-MNIST have ten whatever their labels.
func join(files []*file, ten bool) (*content, error) {
	images, labels, testImages, testLabels := files[0], files[1], files[2], files[3]
	if a, b := images.dims, testImages.dims; a[1] != b[1] || a[2] != b[2] {
		return nil, fmt.Errorf("%s: images of %d x %d pixels: want %d x %d as in %s", testImages.path, b[1], b[2], a[1], a[2], images.path)
	}
	classes := 10
	if !ten {
		classes = 1 + int(slices.Max(labels.data))
	}
	if classes < 2 {
		return nil, fmt.Errorf("%s: all labels are 0: want 2 classes or more", labels.path)
	}
	c := &content{shape: models.Shape{1, images.dims[1], images.dims[2]}, classes: classes}
	var err error
	if c.train, err = pair(images, labels, classes); err != nil {
		return nil, err
	}
	if c.test, err = pair(testImages, testLabels, classes); err != nil {
		return nil, err
	}
	return c, nil
}

func pair(images, labels *file, classes int) (samples, error) {
	if n, want := labels.dims[0], images.dims[0]; n != want {
		return samples{}, fmt.Errorf("%s: %d labels: want %d, one for each image of %s", labels.path, n, want, images.path)
	}
	all := make([]int32, len(labels.data))
	for i, l := range labels.data {
		if int(l) >= classes {
			return samples{}, fmt.Errorf("%s: sample %d has label %d: want 0 to %d", labels.path, i, l, classes-1)
		}
		all[i] = int32(l)
	}
	kept := len(images.data) / (images.dims[1] * images.dims[2])
	return samples{pixels: images.data, labels: all[:kept:kept]}.sealed(), nil
}

// official checks that the files are MNIST: figures on other data under its
// name would mislead.
func official(files []*file) error {
	for i, name := range fileNames() {
		if want := officialSum(name); files[i].sum != want {
			return fmt.Errorf("%s: not the official MNIST file: its content has SHA-256 %s, want %s (for other data in these files use the name %s)", files[i].path, files[i].sum, want, IDX)
		}
	}
	return nil
}

// fashion checks that the files are not MNIST, whose names and sizes are the
// same. What else they are is not checked: no digests are published of their
// uncompressed content.
func fashion(files []*file) error {
	for i, name := range fileNames() {
		if files[i].sum == officialSum(name) {
			return fmt.Errorf("%s: this is a file of MNIST, not of Fashion-MNIST (use the name %s, or another folder)", files[i].path, MNIST)
		}
	}
	return nil
}
