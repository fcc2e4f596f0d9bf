package data

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"espalier/models"
)

// cifar is one of the two data sets of Krizhevsky 2009 in its binary version:
// records of the label bytes and then the red, green and blue planes.
type cifar struct {
	train, test []string // names of the files
	folder      string   // that the official archive unpacks to
	labels      []int    // how many values each label byte may have; the last is the class
}

func cifarOf(name string) cifar {
	if name == CIFAR100 {
		return cifar{[]string{"train.bin"}, []string{"test.bin"}, "cifar-100-binary", []int{20, 100}}
	}
	batches := make([]string, 5)
	for i := range batches {
		batches[i] = fmt.Sprintf("data_batch_%d.bin", i+1)
	}
	return cifar{batches, []string{"test_batch.bin"}, "cifar-10-batches-bin", []int{10}}
}

// cifarSide is the height and width of a CIFAR image.
const cifarSide = 32

// openCIFAR reads the training batches that are there, in their order, and the
// test batch. Part of the training batches is a training set too, as where one
// of them stands in for the test batch; so no content is refused by its digest.
func openCIFAR(ctx context.Context, o Options) (*content, error) {
	f := cifarOf(o.Name)
	train, test, err := f.locate(o.Path)
	if err != nil {
		return nil, err
	}
	c := &content{shape: models.Shape{3, cifarSide, cifarSide}, classes: f.labels[len(f.labels)-1]}
	if c.train, err = f.read(ctx, "train", train, o.Train); err != nil {
		return nil, err
	}
	if c.test, err = f.read(ctx, "test", test, o.Test); err != nil || o.Extra == "" {
		return c, err
	}
	extra, err := f.extra(o.Extra)
	if err != nil {
		return nil, err
	}
	c.extra, err = f.read(ctx, "extra_test", extra, 0)
	return c, err
}

// extra finds more test samples: a file, or a folder with the test batch.
func (f cifar) extra(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("extra_test: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	found, err := present(path, f.test)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("extra_test %s: the folder has no %s", path, strings.Join(f.test, ", no "))
	}
	return found, err
}

// locate finds the files in the folder, or in the one inside it that the
// official archive makes. It wants one training batch and the test batch.
func (f cifar) locate(folder string) (train, test []string, err error) {
	want := strings.Join(append(slices.Clone(f.train), f.test...), ", ")
	if folder == "" {
		return nil, nil, fmt.Errorf("path is empty: want the folder with the files %s", want)
	}
	if _, err := os.ReadDir(folder); err != nil {
		return nil, nil, fmt.Errorf("path %s: want a folder with the files %s: %w", folder, want, err)
	}
	for _, inside := range []string{folder, filepath.Join(folder, f.folder)} {
		if train, err = present(inside, f.train); err != nil {
			return nil, nil, err
		}
		if test, err = present(inside, f.test); err != nil {
			return nil, nil, err
		}
		if len(train) > 0 && len(test) > 0 {
			return train, test, nil
		}
		if len(train)+len(test) > 0 {
			folder = inside
			break
		}
	}
	missing := f.train
	if len(train) > 0 {
		missing = f.test
	} else if len(test) == 0 {
		missing = append(slices.Clone(f.train), f.test...)
	}
	return nil, nil, fmt.Errorf("path %s: the folder has no %s (accepted for each: NAME, NAME.gz, NAME.bz2; also in a folder %s inside)", folder, strings.Join(missing, ", no "), f.folder)
}

// present returns the paths of those of the named files that the folder has,
// compressed or not.
func present(folder string, names []string) ([]string, error) {
	var found []string
	for _, name := range names {
		for _, ending := range []string{"", ".gz", ".bz2"} {
			path := filepath.Join(folder, name+ending)
			_, err := os.Stat(path)
			if err == nil {
				found = append(found, path)
				break
			}
			if !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
	}
	return found, nil
}

// read reads the files one after the other and keeps the first limit samples,
// or all if that is 0.
func (f cifar) read(ctx context.Context, key string, paths []string, limit int) (samples, error) {
	r := records{labels: f.labels, size: 3 * cifarSide * cifarSide, limit: limit}
	for _, path := range paths {
		if err := r.file(ctx, path); err != nil {
			return samples{}, err
		}
	}
	if _, err := capped(key, limit, r.seen); err != nil {
		return samples{}, err
	}
	return samples{pixels: r.pixels, labels: r.classes}.sealed(), nil
}
