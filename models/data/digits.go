package data

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/sync/errgroup"

	"espalier/models"
)

// digitsVersion names the random streams and the cache: whoever changes how
// digits are drawn changes it too.
const digitsVersion = "digits 1"

// The digits set.
const (
	digitsSeed  = 1
	digitsTrain = 60000
	digitsTest  = 10000
	digitsChunk = 500 // images drawn between two looks at the context
)

func openDigits(ctx context.Context, o Options) (*content, error) {
	if o.Path != "" {
		return nil, fmt.Errorf("path %s: want none, these data are generated", o.Path)
	}
	train, err := capped("train", o.Train, digitsTrain)
	if err != nil {
		return nil, err
	}
	test, err := capped("test", o.Test, digitsTest)
	if err != nil {
		return nil, err
	}
	path := cachePath(o.CacheDir, train, test)
	if c, err := loadCache(path, train, test); err == nil {
		return c, nil
	}
	c, err := generate(ctx, train, test, runtime.GOMAXPROCS(0))
	if err == nil {
		_ = storeCache(path, c) // without it, the next run draws again
	}
	return c, err
}

// generate draws the first images of both parts with as many pens as workers.
func generate(ctx context.Context, train, test, workers int) (*content, error) {
	glyphs, err := drawGlyphs(ctx, workers)
	if err != nil {
		return nil, err
	}
	c := &content{shape: models.Shape{1, side, side}, classes: digits, train: blank(train), test: blank(test)}
	chunks := func(s samples) int { return (s.count() + digitsChunk - 1) / digitsChunk }
	first := chunks(c.train)
	pens := make([]*pen, workers)
	err = share(ctx, workers, first+chunks(c.test), func(worker, k int) error {
		if pens[worker] == nil {
			pens[worker] = newPen(glyphs)
		}
		part, s := uint64(0), c.train
		if k >= first {
			part, s, k = 1, c.test, k-first
		}
		for i := k * digitsChunk; i < min((k+1)*digitsChunk, s.count()); i++ {
			s.labels[i] = pens[worker].draw(digitsSeed, part, uint64(i), s.pixels[i*side*side:])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.train, c.test = c.train.sealed(), c.test.sealed()
	return c, nil
}

func blank(n int) samples {
	return samples{pixels: make([]uint8, n*side*side), labels: make([]int32, n)}
}

func drawGlyphs(ctx context.Context, workers int) (*[glyphCount]*glyph, error) {
	var glyphs [glyphCount]*glyph
	sources := fonts()
	return &glyphs, share(ctx, workers, faces, func(_, face int) error {
		font, err := sfnt.Parse(sources[face])
		if err != nil {
			return fmt.Errorf("font %d: %w", face, err)
		}
		for d := range digits {
			if glyphs[face*digits+d], err = drawGlyph(font, d); err != nil {
				return fmt.Errorf("font %d: %w", face, err)
			}
		}
		return nil
	})
}

// share calls do for each task, from several workers at once; no two calls
// with the same worker number overlap.
func share(ctx context.Context, workers, tasks int, do func(worker, task int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			for {
				task := int(next.Add(1)) - 1
				if task >= tasks {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := do(worker, task); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
