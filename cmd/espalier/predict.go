package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"espalier/models/data"
	"espalier/models/predict"
)

// predictions are what a network makes of images.
type predictions struct {
	Model     string          `json:"model"`
	Network   string          `json:"network"`
	Input     []int           `json:"input"`
	Layers    []predict.Layer `json:"layers"`
	Mean      []float64       `json:"mean"`
	Deviation []float64       `json:"std"`
	Images    []predicted     `json:"images"`
	Labelled  int             `json:"labelled"` // images whose file has their classes
	Correct   int             `json:"correct"`  // of those, by the first guess
}

// predicted is one image's.
type predicted struct {
	File    string  `json:"file"`
	Index   int     `json:"index"` // in its file
	Label   *int32  `json:"label,omitempty"`
	Guesses []guess `json:"guesses"` // the likeliest first

	many bool // the file has several images
}

type guess struct {
	Class       int     `json:"class"`
	Probability float32 `json:"probability"`
}

func predictCommand(a *app) *cobra.Command {
	var f predictFlags
	c := &cobra.Command{
		Use: "predict MODEL IMAGE [IMAGE...]", Short: "Tell the classes of images by a packed model or a checkpoint",
		Long: `Runs a network on images and prints the likeliest classes with their
probabilities. MODEL is a packed model file, a checkpoint (a file, or the first
digits of one of the store), a run, or an ONNX file. An IMAGE is by its content
a PNG or JPEG file, a file of idx images as MNIST has them, or of records as
CIFAR has them (gzip is seen through); records have the right classes with
them, and then the share that was guessed is told.

Neither kind of file says how images were normalized in training. --data takes
the mean and deviation of a data set's training images, to four digits; --mean
and --std, for each channel of pixels in 0..1, say it for others.

Each layer runs in the form that is the fastest as a rule: dense, from the
weights that are not zero, or from codes of shared weights; --form takes one for
all that it fits.`,
		Example: "  espalier predict lenet.esp seven.png --data mnist\n  espalier predict 3f9a1c22b0de test_batch.bin --data cifar10 --limit 100 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			p, err := a.predict(cmd.Context(), args[0], args[1:], f)
			if cmd.Context().Err() != nil {
				return errInterrupted
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(p)
			}
			a.printPredictions(p)
			return nil
		},
	}
	c.Flags().IntVar(&f.top, "top", 3, "how many classes of each image are told")
	c.Flags().StringVar(&f.data, "data", "", "the images are normalized as those of this data set: "+strings.Join(publishedSets(), ", "))
	c.Flags().Float64SliceVar(&f.mean, "mean", nil, "mean of pixels in 0..1, of all channels or for each")
	c.Flags().Float64SliceVar(&f.deviation, "std", nil, "deviation of pixels in 0..1, of all channels or for each")
	c.Flags().BoolVar(&f.resize, "resize", false, "scale pictures of another size")
	c.Flags().IntVar(&f.limit, "limit", 0, "images of each file, the first ones; 0 is all")
	c.Flags().IntVar(&f.batch, "batch", 64, "images at a time at most")
	c.Flags().StringVar(&f.form, "form", "auto", "of all layers that it fits: "+strings.Join(formNames(), ", "))
	return c
}

func (a *app) predict(ctx context.Context, model string, files []string, f predictFlags) (*predictions, error) {
	net, err := a.anyNetwork(ctx, model)
	if err != nil {
		return nil, err
	}
	form, err := formOf(f.form)
	if err != nil {
		return nil, err
	}
	p := &predictions{Model: filepath.Base(model), Network: net.Name, Input: net.Input}
	var tables []data.Normalization
	if p.Mean, p.Deviation, tables, err = f.normalization(net.Input[0]); err != nil {
		return nil, err
	}
	run, err := predict.New(net, predict.Options{Form: form, Batch: f.batch, Threads: a.env.Threads})
	if err != nil {
		return nil, err
	}
	defer run.Close()
	p.Layers = run.Layers()
	for _, file := range files {
		images, err := data.ReadImages(ctx, file, net.Input, f.resize, f.limit)
		if err != nil {
			return nil, unreadable(file, err)
		}
		logits, err := run.Run(data.Normalize(images.Pixels, net.Input, tables), images.Count)
		if err != nil {
			return nil, err
		}
		predict.Softmax(logits, run.Classes())
		p.add(file, images, logits, run.Classes(), f.top)
	}
	return p, nil
}

// unreadable is what is said of a file without images for the network.
func unreadable(file string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return usageError{cause(err, file)}
	}
	if errors.Is(err, data.ErrSize) {
		err = fmt.Errorf("%w; --resize scales it", err)
	}
	return usageError{err}
}

func (p *predictions) add(file string, images data.Images, probabilities []float32, classes, top int) {
	for i := range images.Count {
		row := probabilities[i*classes:][:classes]
		one := predicted{File: filepath.Base(file), Index: i, Guesses: best(row, top), many: images.Count > 1}
		if images.Labels != nil {
			one.Label = &images.Labels[i]
			p.Labelled++
			if one.Guesses[0].Class == int(*one.Label) {
				p.Correct++
			}
		}
		p.Images = append(p.Images, one)
	}
}
