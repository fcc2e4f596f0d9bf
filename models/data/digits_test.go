package data_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"espalier/models/data"
)

// The pinned digests hold on every machine. When they change, digitsVersion
// must change as well, so that no cache of the old digits is taken for new.
func TestDigitsArePinned(t *testing.T) {
	t.Parallel()
	d := open(t, data.Options{Name: data.Digits, Train: 600, Test: 300, Validation: 100})
	if want := "1ad36c33a722740ea8f1e2251b56583c4cb52c4b27216bd466cb327b5b2ccb31"; d.Digest != want {
		t.Errorf("digest %s, want %s", d.Digest, want)
	}
	for name, c := range map[string]struct {
		split *data.Split
		sum   string
	}{
		"train": {d.Train, "c2e6fa3144225280bc0fb7af5c24bc0f76f21782919dfb8665e48421286f71be"},
		"test":  {d.Test, "e62dcbf2273d185ab0b06081bcb7693113ac7c1204a26179146f2476bf73e032"},
	} {
		images, labels := pixels(c.split)
		if got := hash(append(images, fmt.Sprint(labels)...)); got != c.sum {
			t.Errorf("%s: SHA-256 %s of images and labels, want %s", name, got, c.sum)
		}
	}
	n := d.Normalization[0]
	if got, want := fmt.Sprintf("%x %x", math.Float32bits(n.Table[0]), math.Float32bits(n.Table[255])), "bf2e652d 405bf5f4"; got != want {
		t.Errorf("table ends with bits %s, want %s", got, want)
	}
}

func TestCappedDigitsAreTheFirstOfAll(t *testing.T) {
	t.Parallel()
	few := open(t, data.Options{Name: data.Digits, Train: 20, Test: 10})
	more := open(t, data.Options{Name: data.Digits, Train: 900, Test: 700})
	for name, pair := range map[string][2]*data.Split{"train": {few.Train, more.Train}, "test": {few.Test, more.Test}} {
		for i := range pair[0].Len() {
			a, labelA := pair[0].At(i)
			b, labelB := pair[1].At(i)
			if labelA != labelB || string(a) != string(b) {
				t.Errorf("%s %d is another image in the larger set", name, i)
			}
		}
	}
}

func TestDigitsAreTenEvenClassesAndNoTwoAlike(t *testing.T) {
	t.Parallel()
	d := open(t, data.Options{Name: data.Digits, Train: 5000, Test: 1000})
	seen := map[string]bool{}
	for _, s := range []*data.Split{d.Train, d.Test} {
		var counts [10]int
		for i := range s.Len() {
			image, label := s.At(i)
			counts[label]++
			if seen[string(image)] {
				t.Errorf("sample %d is there twice", i)
			}
			seen[string(image)] = true
		}
		for class, n := range counts {
			if share := float64(n) / float64(s.Len()); share < 0.07 || share > 0.13 {
				t.Errorf("class %d is %.3f of the set, want about 0.1", class, share)
			}
		}
	}
}

// Too easy a set tells nothing about pruning, too hard a one neither. A linear
// model of all 60,000 digits converges to about 84 %; LeNet-300-100 reaches
// 98.8 % in ten epochs. The network here is smaller and trained for less.
func TestDigitsAreHardForALinearModelAndNotForANetwork(t *testing.T) {
	t.Parallel()
	o := data.Options{Name: data.Digits}
	if testing.Short() {
		o.Train, o.Test = 10000, 2000
	}
	d := open(t, o)
	if want := "1d12260bf23e8199b5440888e352e06cb59bdd42e6ee0140ad94ecbf22983df1"; !testing.Short() && d.Digest != want {
		t.Errorf("digest of all digits is %s, want %s", d.Digest, want)
	}
	linear := newPerceptron(1, 784, 10)
	linear.train(d.Train, 1, 0.01)
	network := newPerceptron(1, 784, 64, 10)
	network.train(d.Train, 1, 0.05)

	a, b := linear.accuracy(d.Test), network.accuracy(d.Test)
	t.Logf("%d images: linear %.4f, 784-64-10 %.4f", d.Train.Len(), a, b)
	if a > 0.95 || a < 0.6 {
		t.Errorf("linear model: accuracy %.4f, want 0.60 to 0.95", a)
	}
	if b < a+0.05 {
		t.Errorf("network: accuracy %.4f, want well above the linear model's %.4f", b, a)
	}
}

func ExampleOpen() {
	d, err := data.Open(context.Background(), data.Options{Name: data.Digits, Train: 1000, Test: 200, Validation: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Train.Len(), "+", d.Validation.Len(), "+", d.Test.Len(), "images of", d.Shape, "in", d.Classes, "classes")
	// Output: 900 + 100 + 200 images of [1 28 28] in 10 classes
}

func BenchmarkDigits(b *testing.B) {
	for b.Loop() {
		if _, err := data.Open(context.Background(), data.Options{Name: data.Digits}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigitsCached(b *testing.B) {
	o := data.Options{Name: data.Digits, CacheDir: b.TempDir()}
	if _, err := data.Open(context.Background(), o); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := data.Open(context.Background(), o); err != nil {
			b.Fatal(err)
		}
	}
}
