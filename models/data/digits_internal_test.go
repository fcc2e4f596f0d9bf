package data

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func drawn(t *testing.T, train, test, workers int) *content {
	t.Helper()
	c, err := generate(context.Background(), train, test, workers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func same(a, b *content) bool {
	return slices.Equal(a.shape, b.shape) && a.classes == b.classes && sameSamples(a.train, b.train) && sameSamples(a.test, b.test)
}

func sameSamples(a, b samples) bool {
	return a.sum == b.sum && bytes.Equal(a.pixels, b.pixels) && slices.Equal(a.labels, b.labels)
}

func TestDigitsDoNotDependOnTheNumberOfWorkers(t *testing.T) {
	t.Parallel()
	want := drawn(t, 1700, 600, 1)
	for _, workers := range []int{2, 3, 8} {
		if !same(drawn(t, 1700, 600, workers), want) {
			t.Errorf("%d workers draw other digits than 1", workers)
		}
	}
}

func TestEveryFontHasEveryDigit(t *testing.T) {
	t.Parallel()
	glyphs, err := drawGlyphs(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range glyphs {
		ink := 0
		for k, d := range g {
			if x, y := k%field, k/field; d > 0 && (x < 2 || y < 2 || x >= field-2 || y >= field-2) {
				t.Errorf("font %d, digit %d touches the border of its field", i/digits, i%digits)
			}
			if d > 0 {
				ink++
			}
		}
		if share := float64(ink) / float64(len(g)); share < 0.04 || share > 0.3 {
			t.Errorf("font %d, digit %d covers %.3f of its field, want 0.04 to 0.3", i/digits, i%digits, share)
		}
	}
}

// The distance field against its definition, on a disc.
func TestDistanceFieldOfADisc(t *testing.T) {
	t.Parallel()
	var disc [field * field]bool
	for i := range disc {
		x, y := i%field-32, i/field-32
		disc[i] = x*x+y*y <= 20*20
	}
	g := distances(&disc)
	for _, c := range []struct{ x, y, want int }{
		{32, 32, reach}, {52, 32, 0}, {32 + 15, 32, 5}, {32, 32 - 25, -5}, {32 + 18, 32 + 18, -5}, {0, 0, -reach},
	} {
		if got := int(g[c.y*field+c.x]); got < (c.want-1)*distanceOf || got > (c.want+1)*distanceOf {
			t.Errorf("distance at %d, %d is %d/%d, want about %d", c.x, c.y, got, distanceOf, c.want)
		}
	}
}

func TestCacheGivesBackWhatWasStored(t *testing.T) {
	t.Parallel()
	want := drawn(t, 40, 20, 1)
	path := cachePath(filepath.Join(t.TempDir(), "not", "there yet"), 40, 20)
	if err := storeCache(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := loadCache(path, 40, 20)
	if err != nil || !same(got, want) {
		t.Errorf("loaded other digits than were stored (error %v)", err)
	}
	if left, _ := filepath.Glob(path + "?*"); len(left) != 0 {
		t.Errorf("left beside the cache: %v", left)
	}
}

func TestDamagedCacheIsDrawnAgainAndReplaced(t *testing.T) {
	t.Parallel()
	o := Options{Name: Digits, Train: 40, Test: 20}
	want := drawn(t, 40, 20, 1)
	for name, damage := range map[string]func([]byte) []byte{
		"seal flipped":  func(b []byte) []byte { b[0] ^= 1; return b },
		"pixel flipped": func(b []byte) []byte { b[1000] ^= 1; return b },
		"label flipped": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"cut":           func(b []byte) []byte { return b[:len(b)-1] },
		"empty":         func([]byte) []byte { return nil },
		"too long":      func(b []byte) []byte { return append(b, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := o
			o.CacheDir = t.TempDir()
			path := cachePath(o.CacheDir, 40, 20)
			if err := storeCache(path, want); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := loadCache(path, 40, 20); err == nil {
				t.Fatal("the damaged cache was loaded")
			}
			got, err := openDigits(context.Background(), o)
			if err != nil || !same(got, want) {
				t.Errorf("other digits behind a damaged cache (error %v)", err)
			}
			if got, err := loadCache(path, 40, 20); err != nil || !same(got, want) {
				t.Errorf("the damaged cache was not replaced (error %v)", err)
			}
		})
	}
}

func TestUnwritableCacheIsNoCache(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := openDigits(context.Background(), Options{Name: Digits, Train: 4, Test: 2, CacheDir: filepath.Join(file, "below")})
	if err != nil || !same(got, drawn(t, 4, 2, 1)) {
		t.Errorf("digits with a cache that cannot be: error %v", err)
	}
	if _, err := loadCache("", 4, 2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no cache: error %v, want os.ErrNotExist", err)
	}
}
