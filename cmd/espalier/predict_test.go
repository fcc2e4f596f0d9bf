package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
)

// predictFiles are a packed network, records of CIFAR and a picture of another
// size.
func predictFiles(t *testing.T) (folder string) {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 32, 32}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	packed, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var records, picture bytes.Buffer
	for label := range uint8(10) {
		records.WriteByte(label)
		records.Write(bytes.Repeat([]byte{10 * label}, 3072))
	}
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for name, content := range map[string][]byte{"net.esp": packed, "torn.esp": packed[:20], "batch.bin": records.Bytes(), "picture.png": picture.Bytes()} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestPredictCountsWhatItGuessed(t *testing.T) {
	t.Parallel()
	var p predictions
	out := printed(t, predictFiles(t), "predict", "net.esp", "batch.bin", "picture.png", "--data", "cifar10", "--resize", "--top", "10", "--batch", "4", "--json")
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	if p.Labelled != 10 || len(p.Images) != 11 || p.Images[10].Label != nil || p.Images[3].Index != 3 {
		t.Fatalf("%d images, %d with a class: want 11 and 10", len(p.Images), p.Labelled)
	}
	correct := 0
	for _, one := range p.Images {
		sum, before := 0.0, float32(1)
		for _, g := range one.Guesses {
			if g.Probability > before {
				t.Errorf("%+v: want the likeliest first", one.Guesses)
			}
			sum, before = sum+float64(g.Probability), g.Probability
		}
		if len(one.Guesses) != 10 || sum < 0.999 || sum > 1.001 {
			t.Errorf("%d probabilities that sum to %g, want 10 and 1", len(one.Guesses), sum)
		}
		if one.Label != nil && int(*one.Label) == one.Guesses[0].Class {
			correct++
		}
	}
	if p.Correct != correct {
		t.Errorf("%d correct, want %d", p.Correct, correct)
	}
}

func TestPredictPrintsATable(t *testing.T) {
	t.Parallel()
	folder := predictFiles(t)
	out := string(printed(t, folder, "predict", "net.esp", "batch.bin", "--data", "cifar10", "--limit", "2", "--form", "sparse"))
	for _, want := range []string{
		"network    resnet-20, 3x32x32; layers: 20 sparse\n", "of 2 images with a class\n", "\n image        is  class  probability  or\n", "\n batch.bin 1   1 ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, m := range []mistake{
		{args: []string{"predict", "net.esp", "picture.png", "--data", "cifar10"}, code: exitUsage, want: []string{`espalier: picture\.png: the picture has another size than the network takes: 30 x 40 pixels, not 32 x 32; --resize scales it`}},
		{args: []string{"predict", "torn.esp", "picture.png", "--data", "cifar10"}, code: exitError, want: []string{`espalier: torn\.esp: packed model: .*`}},
		{args: []string{"predict", "net.esp", "net.esp", "--data", "cifar10"}, code: exitUsage, want: []string{`espalier: net\.esp: neither a PNG nor a JPEG file, nor records of CIFAR: .*`}},
	} {
		m.check(t, folder)
	}
}
