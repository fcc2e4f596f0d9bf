package data_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/data"
	"espalier/models/data/shareddata"
)

// recordsOf makes n records with these label bytes; the pixels differ.
func recordsOf(n int, salt byte, labels ...func(i int) byte) []byte {
	var b []byte
	for i := range n {
		for _, label := range labels {
			b = append(b, label(i))
		}
		for k := range 3072 {
			b = append(b, byte(k/7)^byte(i*13)^salt)
		}
	}
	return b
}

func digit(i int) byte { return byte(i*3) % 10 }

// batches is the folder of CIFAR-10 with a few records in each file.
func batches(names ...string) map[string][]byte {
	files := map[string][]byte{"test_batch.bin": recordsOf(2, 9, digit)}
	for i, name := range names {
		files[name] = recordsOf(3+i, byte(i), digit)
	}
	return files
}

func TestCIFAR10IsTheBatchesThatAreThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string][]byte
		want  int
	}{
		"one":  {batches("data_batch_3.bin"), 3},
		"two":  {batches("data_batch_2.bin", "data_batch_5.bin"), 7},
		"five": {batches("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"), 25},
	} {
		d := open(t, data.Options{Name: data.CIFAR10, Path: write(t, c.files)})
		if !cmp.Equal(d.Shape, models.Shape{3, 32, 32}) || d.Classes != 10 || d.Train.Len() != c.want || d.Test.Len() != 2 || len(d.Normalization) != 3 {
			t.Errorf("%s: shape %v, %d classes, %d + %d samples, %d normalizations", name, d.Shape, d.Classes, d.Train.Len(), d.Test.Len(), len(d.Normalization))
		}
	}
	d := open(t, data.Options{Name: data.CIFAR10, Path: write(t, batches("data_batch_2.bin", "data_batch_5.bin"))})
	pixels, label := d.Train.At(4) // record 1 of the second file
	if want := recordsOf(2, 1, digit)[3074:]; label != int32(digit(1)) || !bytes.Equal(pixels, want) {
		t.Errorf("sample 4 has label %d and other pixels than the record", label)
	}
}

func TestCIFAR100HasFineLabels(t *testing.T) {
	t.Parallel()
	coarse := func(i int) byte { return byte(i % 20) }
	fine := func(i int) byte { return byte(99 - i) }
	d := open(t, data.Options{Name: data.CIFAR100, Path: write(t, map[string][]byte{
		"train.bin": recordsOf(5, 0, coarse, fine), "test.bin": recordsOf(2, 1, coarse, fine),
	})})
	_, labels := pixels(d.Train)
	if d.Classes != 100 || !cmp.Equal(labels, []int32{99, 98, 97, 96, 95}) {
		t.Errorf("%d classes, labels %v; want 100 and 99 to 95", d.Classes, labels)
	}
}

func TestCIFARNormalizesEachChannelByItself(t *testing.T) {
	t.Parallel()
	record := append([]byte{1}, bytes.Repeat([]byte{0, 255}, 512)...)
	record = append(record, bytes.Repeat([]byte{100, 110}, 512)...)
	record = append(record, bytes.Repeat([]byte{51}, 1024)...)
	d := open(t, data.Options{Name: data.CIFAR10, Path: write(t, map[string][]byte{
		"data_batch_1.bin": append(bytes.Clone(record), record...), "test_batch.bin": record,
	})})
	x, labels := make([]float32, 3072), make([]int32, 1)
	d.Test.Gather([]int32{0}, x, labels)
	if got := []float32{x[0], x[1], x[1024], x[1025], x[2048]}; !cmp.Equal(got, []float32{-1, 1, -1, 1, 0}) || labels[0] != 1 {
		t.Errorf("inputs %v, label %d; want -1, 1, -1, 1, 0 and 1", got, labels[0])
	}
}

func TestCIFARMayBeCompressedOrInItsOwnFolder(t *testing.T) {
	t.Parallel()
	files := batches("data_batch_1.bin", "data_batch_2.bin")
	want := open(t, data.Options{Name: data.CIFAR10, Path: write(t, files)}).Digest
	zip := map[string][]byte{}
	for name, b := range files {
		zip[name+".gz"] = zipped(t, b)
	}
	inside := t.TempDir()
	if err := os.Rename(write(t, files), filepath.Join(inside, "cifar-10-batches-bin")); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"gz": write(t, zip), "folder inside": inside} {
		if got := open(t, data.Options{Name: data.CIFAR10, Path: path}).Digest; got != want {
			t.Errorf("%s: digest %s, want %s", name, got, want)
		}
	}
}

func TestCIFARCapsCountOverAllFiles(t *testing.T) {
	t.Parallel()
	folder := write(t, batches("data_batch_1.bin", "data_batch_2.bin"))
	d := open(t, data.Options{Name: data.CIFAR10, Path: folder, Train: 5, Test: 1, Validation: 1})
	if d.Train.Len() != 4 || d.Validation.Len() != 1 || d.Test.Len() != 1 {
		t.Errorf("%d, %d and %d samples, want 4, 1 and 1", d.Train.Len(), d.Validation.Len(), d.Test.Len())
	}
	_, err := data.Open(context.Background(), data.Options{Name: data.CIFAR10, Path: folder, Train: 8})
	wantError(t, err, "train 8", "only 7")
	_, err = data.Open(context.Background(), data.Options{Name: data.CIFAR10, Path: folder, Test: 3})
	wantError(t, err, "test 3", "only 2")
}

func TestCIFARMayHaveMoreTestSamples(t *testing.T) {
	t.Parallel()
	folder, other := write(t, batches("data_batch_1.bin")), write(t, map[string][]byte{"test_batch.bin": recordsOf(4, 77, digit)})
	without := open(t, data.Options{Name: data.CIFAR10, Path: folder})
	if without.Extra.Len() != 0 {
		t.Errorf("%d extra samples that nobody asked for", without.Extra.Len())
	}
	for _, path := range []string{other, filepath.Join(other, "test_batch.bin")} {
		d := open(t, data.Options{Name: data.CIFAR10, Path: folder, Extra: path, Mean: []float64{0, 0, 0}, Deviation: []float64{1, 1, 1}})
		x, labels := make([]float32, 3072), make([]int32, 1)
		if d.Extra.Len() != 4 || d.Digest == without.Digest {
			t.Fatalf("%d extra samples, digest %s", d.Extra.Len(), d.Digest)
		}
		d.Extra.Gather([]int32{3}, x, labels)
		if pixels, label := d.Extra.At(3); labels[0] != label || x[9] != float32(float64(pixels[9])/255) {
			t.Errorf("extra sample 3: label %d, pixel %g", labels[0], x[9])
		}
	}
	for want, o := range map[string]data.Options{
		"has no test_batch.bin": {Name: data.CIFAR10, Path: folder, Extra: t.TempDir()},
		"nowhere":               {Name: data.CIFAR10, Path: folder, Extra: filepath.Join(folder, "nowhere")},
		"only cifar10":          {Name: data.Digits, Extra: other},
	} {
		_, err := data.Open(context.Background(), o)
		wantError(t, err, "extra_test", want)
	}
}

func TestBadRecordsAreNamed(t *testing.T) {
	t.Parallel()
	good := recordsOf(3, 0, digit)
	late := bytes.Clone(good)
	late[2*3073] = 10
	for name, c := range map[string]struct {
		b    []byte
		want []string
	}{
		"empty":         {nil, []string{"record 0 ends after 0 of 3073 bytes"}},
		"short":         {good[:3072], []string{"record 0 ends after 3072 of 3073"}},
		"cut":           {good[:3*3073-1], []string{"record 2 ends after 3072"}},
		"one byte more": {append(bytes.Clone(good), 1), []string{"record 3 ends after 1"}},
		"label":         {late, []string{"record 2: label 10: want 0 to 9"}},
		"gzip cut":      {zipped(t, good)[:40], []string{"record 0 ends", "unexpected EOF"}},
		"gzip header":   {[]byte{0x1f, 0x8b, 7}, []string{"gzip header"}},
		"gzip sum":      {flipped(zipped(t, good), -6), []string{"record 3", "checksum"}},
		"bzip2":         {[]byte("BZh9 is no bzip2"), []string{"bzip2"}},
		"Python":        {append([]byte{0x80, 2}, good...), []string{"record 0: label 128"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := batches("data_batch_1.bin")
			files["data_batch_2.bin"] = c.b
			folder := write(t, files)
			_, err := data.Open(context.Background(), data.Options{Name: data.CIFAR10, Path: folder})
			wantError(t, err, append(c.want, filepath.Join(folder, "data_batch_2.bin"))...)
		})
	}
	folder := write(t, map[string][]byte{"train.bin": recordsOf(1, 0, func(int) byte { return 20 }, digit), "test.bin": good})
	_, err := data.Open(context.Background(), data.Options{Name: data.CIFAR100, Path: folder})
	wantError(t, err, "train.bin", "record 0: label 20: want 0 to 19")
}

func TestMissingCIFARFilesAreNamed(t *testing.T) {
	t.Parallel()
	none := t.TempDir()
	noTest := batches("data_batch_4.bin")
	delete(noTest, "test_batch.bin")
	for name, c := range map[string]struct {
		name, path string
		want       []string
	}{
		"no path":     {data.CIFAR10, "", []string{"path is empty", "data_batch_1.bin"}},
		"no folder":   {data.CIFAR100, filepath.Join(none, "x"), []string{filepath.Join(none, "x"), "train.bin, test.bin"}},
		"no files":    {data.CIFAR10, none, []string{none, "no data_batch_1.bin, no data_batch_2.bin", "no test_batch.bin", "cifar-10-batches-bin", ".gz"}},
		"no test":     {data.CIFAR10, write(t, noTest), []string{"has no test_batch.bin (accepted"}},
		"no training": {data.CIFAR10, write(t, batches()), []string{"no data_batch_5.bin (accepted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := data.Open(context.Background(), data.Options{Name: c.name, Path: c.path})
			wantError(t, err, c.want...)
		})
	}
}

func TestFashionMNISTHasTenClassesAndIsNotMNIST(t *testing.T) {
	t.Parallel()
	d := open(t, data.Options{Name: data.FashionMNIST, Path: write(t, small())})
	if d.Classes != 10 {
		t.Errorf("%d classes, want 10", d.Classes)
	}
	_, err := data.Open(context.Background(), data.Options{Name: data.FashionMNIST, Path: shareddata.Find(t, "mnist")})
	wantError(t, err, "train-images-idx3-ubyte", "a file of MNIST", "use the name mnist")
}

// The first thousand of the official test images, packed.
func TestRealCIFAR10(t *testing.T) {
	t.Parallel()
	shared := filepath.Join(shareddata.Find(t, "cifar10"), "test_batch_first1000.bin.bz2")
	folder := t.TempDir()
	for _, name := range []string{"data_batch_1.bin.bz2", "test_batch.bin"} {
		if err := os.Symlink(shared, filepath.Join(folder, name)); err != nil {
			t.Skip(err)
		}
	}
	d := open(t, data.Options{Name: data.CIFAR10, Path: folder, Test: 10})
	var all []byte
	for i := range d.Train.Len() {
		p, label := d.Train.At(i)
		all = append(append(all, byte(label)), p...)
	}
	if got, want := hash(all), "8314c96d7cd65618193bab23acdd5d4c4af15bf6dd00a1781d55beedf3be1ef5"; got != want {
		t.Errorf("the %d samples have SHA-256 %s, want %s", d.Train.Len(), got, want)
	}
	_, labels := pixels(d.Test)
	if diff := cmp.Diff([]int32{3, 8, 8, 0, 6, 6, 1, 6, 3, 1}, labels); diff != "" {
		t.Errorf("first labels (-want +got):\n%s", diff)
	}
	// About the means that everyone uses for this set, over its 50,000 training
	// images.
	for c, want := range []float64{0.4914, 0.4822, 0.4465} {
		if n := d.Normalization[c]; math.Abs(n.Mean-want) > 0.02 || math.Abs(n.Deviation-0.25) > 0.02 {
			t.Errorf("channel %d: mean %.4f and deviation %.4f, want about %.4f and 0.25", c, n.Mean, n.Deviation, want)
		}
	}
}
