package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/zoo"
)

// sparseFiles are a network of whose weights few are left, some neurons without
// any, and a picture for it.
func sparseFiles(t *testing.T) (folder string) {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "lenet-300-100", Input: models.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	r := rand.New(rand.NewPCG(1, 1))
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		columns := p.Shape[1:].Size()
		for i := range p.Data {
			if i/columns%3 == 0 && p.Node != "fc3" || r.IntN(20) > 0 {
				p.Data[i] = 0
			} else {
				p.Data[i] = float32(1+r.IntN(4)) / 8
			}
		}
	}
	data, _, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "net.safetensors"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	picture := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range picture.Pix {
		picture.SetGray(i%28, i/28, color.Gray{Y: uint8(r.IntN(256))})
	}
	f, err := os.Create(filepath.Join(folder, "picture.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	return folder
}

// What --compact leaves out and sorts makes the file smaller, and no other
// network of it.
func TestPackCompact(t *testing.T) {
	t.Parallel()
	folder := sparseFiles(t)
	pack := func(out string, flags ...string) (p packedFile) {
		t.Helper()
		args := append([]string{"pack", "net.safetensors", "-o", out, "--json"}, flags...)
		if err := json.Unmarshal(printed(t, folder, args...), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain, compact := pack("plain.esp", "--smallest"), pack("compact.esp", "--smallest", "--compact")
	if compact.Size*10 > plain.Size*9 || compact.Dense != plain.Dense {
		t.Errorf("%d bytes of %d, and %d of %d without --compact", compact.Size, compact.Dense, plain.Size, plain.Dense)
	}
	sameGuesses(t, folder, "plain.esp", "compact.esp")
	if again := pack("again.esp", "--smallest", "--compact"); again.Digest != compact.Digest {
		t.Errorf("packed twice, the files differ")
	}
	printed(t, folder, "unpack", "compact.esp", "-o", "small.safetensors")
	printed(t, folder, "verify", "compact.esp")
}

// sameGuesses checks that two models see the same in a picture.
func sameGuesses(t *testing.T, folder, plain, compact string) {
	t.Helper()
	guesses := func(model string) map[int]float64 {
		t.Helper()
		var p predictions
		if err := json.Unmarshal(printed(t, folder, "predict", model, "picture.png", "--data", "mnist", "--top", "10", "--json"), &p); err != nil {
			t.Fatal(err)
		}
		all := map[int]float64{}
		for _, g := range p.Images[0].Guesses {
			all[g.Class] = float64(g.Probability)
		}
		return all
	}
	want, got := guesses(plain), guesses(compact)
	for class, probability := range want {
		if math.Abs(got[class]-probability) > 1e-5 {
			t.Errorf("class %d has the probability %g, %g without --compact", class, got[class], probability)
		}
	}
}

// An exported network is smaller by what --compact leaves out, and sees the same.
func TestExportCompact(t *testing.T) {
	t.Parallel()
	folder := sparseFiles(t)
	write := func(name string, flags ...string) (e exported) {
		t.Helper()
		args := append([]string{"export", "net.safetensors", "-o", name + ".onnx", "--json"}, flags...)
		if err := json.Unmarshal(printed(t, folder, args...), &e); err != nil {
			t.Fatal(err)
		}
		printed(t, folder, "pack", name+".onnx", "-o", name+".esp")
		return e
	}
	plain, compact := write("plain"), write("compact", "--compact")
	if compact.Params >= plain.Params || compact.Size >= plain.Size || compact.NonZero > plain.NonZero {
		t.Errorf("with --compact it is %+v, without %+v", compact, plain)
	}
	sameGuesses(t, folder, "plain.esp", "compact.esp")
}
