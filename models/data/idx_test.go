package data_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models/data"
	"espalier/models/data/shareddata"
)

// encode makes an idx file.
func encode(magic uint32, body []byte, dims ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, body...)
}

// small is four files of 3 + 2 images of 2 x 4 pixels in three classes.
func small() map[string][]byte {
	ramp := make([]byte, 40)
	for i := range ramp {
		ramp[i] = byte(i * 6)
	}
	return map[string][]byte{
		"train-images-idx3-ubyte": encode(0x803, ramp[:24], 3, 2, 4),
		"train-labels-idx1-ubyte": encode(0x801, []byte{2, 0, 1}, 3),
		"t10k-images-idx3-ubyte":  encode(0x803, ramp[24:], 2, 2, 4),
		"t10k-labels-idx1-ubyte":  encode(0x801, []byte{1, 2}, 2),
	}
}

func write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOwnFilesAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	d := open(t, data.Options{Name: data.IDX, Path: write(t, small())})
	images, labels := pixels(d.Train)
	testImages, testLabels := pixels(d.Test)
	if d := cmp.Diff(small()["train-images-idx3-ubyte"][16:], images); d != "" {
		t.Errorf("training images (-want +got):\n%s", d)
	}
	if d := cmp.Diff(small()["t10k-images-idx3-ubyte"][16:], testImages); d != "" {
		t.Errorf("test images (-want +got):\n%s", d)
	}
	if d := cmp.Diff([][]int32{{2, 0, 1}, {1, 2}}, [][]int32{labels, testLabels}); d != "" {
		t.Errorf("labels (-want +got):\n%s", d)
	}
	if want := []int{1, 2, 4}; d.Classes != 3 || !cmp.Equal([]int(d.Shape), want) {
		t.Errorf("%d classes, shape %v; want 3 and %v", d.Classes, d.Shape, want)
	}
}

func TestAllSpellingsGiveTheSameData(t *testing.T) {
	t.Parallel()
	want := open(t, data.Options{Name: data.IDX, Path: write(t, small())}).Digest
	all, dotted := map[string][]byte{}, map[string][]byte{}
	for name, b := range small() {
		all[name+".gz"] = zipped(t, b)
		dotted[string(bytes.Replace([]byte(name), []byte("-idx"), []byte(".idx"), 1))] = b
	}
	dottedZipped := map[string][]byte{}
	for name, b := range dotted {
		dottedZipped[name+".gz"] = zipped(t, b)
	}
	named := map[string][]byte{} // compressed, though the name does not say so
	for name, b := range small() {
		named[name] = zipped(t, b)
	}
	for name, files := range map[string]map[string][]byte{"gz": all, "dotted": dotted, "dotted gz": dottedZipped, "gz without its ending": named} {
		if got := open(t, data.Options{Name: data.IDX, Path: write(t, files)}).Digest; got != want {
			t.Errorf("%s: digest %s, want %s", name, got, want)
		}
	}
}

func TestCapsKeepTheFirstSamplesAndAllClasses(t *testing.T) {
	t.Parallel()
	d := open(t, data.Options{Name: data.IDX, Path: write(t, small()), Train: 2, Test: 1})
	images, labels := pixels(d.Train)
	if !cmp.Equal(images, small()["train-images-idx3-ubyte"][16:32]) || !cmp.Equal(labels, []int32{2, 0}) || d.Test.Len() != 1 || d.Classes != 3 {
		t.Errorf("images %v, labels %v, %d test samples, %d classes; want the first 2, [2 0], 1, 3", images, labels, d.Test.Len(), d.Classes)
	}
}

func TestBadFilesAreNamedWithValueAndWant(t *testing.T) {
	t.Parallel()
	const images, labels, testImages, testLabels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	pix := make([]byte, 24)
	for name, c := range map[string]struct {
		file string
		b    []byte
		want []string
	}{
		"empty":              {images, nil, []string{"0 of 16 bytes"}},
		"header cut":         {images, encode(0x803, nil, 3, 2), []string{"12 of 16 bytes"}},
		"labels for images":  {images, encode(0x801, pix, 24, 0, 0), []string{"0x00000801", "0x00000803"}},
		"images for labels":  {testLabels, encode(0x803, pix, 3, 2, 4), []string{"0x00000803", "0x00000801"}},
		"floats":             {images, encode(0xd03, pix, 3, 2, 4), []string{"0x00000d03", "unsigned bytes"}},
		"no images":          {images, encode(0x803, nil, 0, 2, 4), []string{"dimension 0 is 0", "1 to"}},
		"no columns":         {images, encode(0x803, nil, 3, 2, 0), []string{"dimension 2 is 0"}},
		"sign bit":           {images, encode(0x803, pix, 1<<31, 2, 4), []string{"2147483648", "2147483647"}},
		"wide":               {images, encode(0x803, pix, 3, 2, 1<<20), []string{"2 x 1048576", "16384"}},
		"body cut":           {images, encode(0x803, pix[:23], 3, 2, 4), []string{"promises 24 bytes", "there are 23"}},
		"promises much":      {images, encode(0x803, pix, math.MaxInt32, 16384, 16384), []string{"there are 24"}},
		"too long":           {images, encode(0x803, append(pix, 7), 3, 2, 4), []string{"more after the 24 bytes"}},
		"labels missing":     {labels, encode(0x801, []byte{0, 1}, 2), []string{"2 labels", "want 3", images}},
		"labels left over":   {testLabels, encode(0x801, []byte{0, 1, 2}, 3), []string{"3 labels", "want 2"}},
		"one class":          {labels, encode(0x801, []byte{0, 0, 0}, 3), []string{"all labels are 0"}},
		"unknown class":      {testLabels, encode(0x801, []byte{1, 9}, 2), []string{"sample 1 has label 9", "0 to 2"}},
		"another size":       {testImages, encode(0x803, pix, 2, 4, 3), []string{"4 x 3 pixels", "want 2 x 4"}},
		"gzip header broken": {images, []byte{0x1f, 0x8b, 7, 7}, []string{"gzip"}},
		"gzip cut":           {images, zipped(t, small()[images])[:30], []string{"unexpected EOF"}},
		"gzip sum wrong":     {images, flipped(zipped(t, small()[images]), -5), []string{"checksum"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := small()
			files[c.file] = c.b
			folder := write(t, files)
			_, err := data.Open(context.Background(), data.Options{Name: data.IDX, Path: folder})
			wantError(t, err, append(c.want, filepath.Join(folder, c.file))...)
		})
	}
}

// flipped returns b with a byte changed; a negative place counts from the end.
func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[(at+len(b))%len(b)] ^= 0xff
	return b
}

func TestMissingFileIsNamedAlone(t *testing.T) {
	t.Parallel()
	files := small()
	delete(files, "t10k-images-idx3-ubyte")
	folder := write(t, files)
	_, err := data.Open(context.Background(), data.Options{Name: data.IDX, Path: folder})
	wantError(t, err, folder+": the folder has no t10k-images-idx3-ubyte (accepted", ".gz")
}

func TestCapsBeyondTheFilesSayHowManyThereAre(t *testing.T) {
	t.Parallel()
	folder := write(t, small())
	_, err := data.Open(context.Background(), data.Options{Name: data.IDX, Path: folder, Train: 4})
	wantError(t, err, "train 4", "only 3")
	_, err = data.Open(context.Background(), data.Options{Name: data.IDX, Path: folder, Test: 3})
	wantError(t, err, "test 3", "only 2")
}

func TestOtherDataUnderTheNameOfMNISTAreRefused(t *testing.T) {
	t.Parallel()
	folder := write(t, small())
	_, err := data.Open(context.Background(), data.Options{Name: data.MNIST, Path: folder})
	wantError(t, err, filepath.Join(folder, "train-images-idx3-ubyte"), "not the official MNIST", "use the name idx")

	files := small()
	files["train-labels-idx1-ubyte"] = encode(0x801, []byte{2, 10, 1}, 3)
	_, err = data.Open(context.Background(), data.Options{Name: data.MNIST, Path: write(t, files)})
	wantError(t, err, "train-labels-idx1-ubyte", "sample 1 has label 10", "0 to 9")
}

func TestRealMNIST(t *testing.T) {
	t.Parallel()
	folder := shareddata.Find(t, "mnist")
	d := open(t, data.Options{Name: data.MNIST, Path: folder})
	if a, b, c := d.Train.Len(), d.Test.Len(), d.Classes; a != 60000 || b != 10000 || c != 10 {
		t.Errorf("%d + %d samples in %d classes, want 60000 + 10000 in 10", a, b, c)
	}
	// The constants that everyone uses for this set.
	if n := d.Normalization[0]; math.Abs(n.Mean-0.1307) > 5e-5 || math.Abs(n.Deviation-0.3081) > 5e-5 {
		t.Errorf("mean %.4f and deviation %.4f, want 0.1307 and 0.3081", n.Mean, n.Deviation)
	}
	var first []int32
	for i := range 10 {
		_, label := d.Train.At(i)
		first = append(first, label)
	}
	if want := []int32{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}; !cmp.Equal(first, want) {
		t.Errorf("first labels %v, want %v", first, want)
	}
}
