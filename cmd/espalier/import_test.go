package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/models/checkpoint"
)

// Files of other programs become checkpoints that are read again.
func TestImport(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		out  string // "" where it is refused
		want []string
	}{
		"onnx":       {[]string{"models/export/onnx/testdata/plain-13.onnx"}, "plain-13.safetensors", []string{"note: LogSoftmax", "conv2d", "network      plain-13", "wrote plain-13.safetensors: "}},
		"state dict": {[]string{"models/export/testdata/small.pth", "--arch", "vgg-11-bn", "--width", "0.015625", "--out", "vgg.safetensors"}, "vgg.safetensors", []string{"network      vgg-11-bn", "conv5_2", "wrote vgg.safetensors: vgg-11-bn, "}},
		"other arch": {[]string{"models/export/testdata/small.pth", "--arch", "resnet-20"}, "", []string{`small.pth: tensor "features.0.weight" [1 3 3 3]: network resnet-20 has conv1.weight [16 3 3 3]`}},
		"no arch":    {[]string{"models/export/testdata/small.pth"}, "", []string{"small.pth has weights and no graph", "resnet-20"}},
		"bad arch":   {[]string{"models/export/testdata/small.pth", "--arch", "vgg"}, "", []string{"--arch vgg: there are", "vgg-16-bn"}},
		"own graph":  {[]string{"models/export/onnx/testdata/plain-13.onnx", "--width", "2"}, "", []string{"--width is for architectures"}},
		"no file":    {[]string{"models/none.onnx"}, "", []string{"none.onnx: no such file"}},
		"there":      {[]string{"models/export/onnx/testdata/plain-13.onnx", "--out", "there"}, "", []string{"there is there already"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(filepath.Join("..", "..", test.args[0]))
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, "there"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := inFolder(t, home, append([]string{"import", path}, test.args[1:]...)...)
			if (err == nil) != (test.out != "") {
				t.Fatalf("%v:\n%s", err, out)
			}
			for _, w := range test.want {
				if !strings.Contains(string(out), w) {
					t.Errorf("%q is missing in\n%s", w, out)
				}
			}
			files, err := filepath.Glob(filepath.Join(home, "*.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			if test.out == "" {
				if len(files) > 0 {
					t.Errorf("it wrote %v", files)
				}
				return
			}
			data, err := os.ReadFile(filepath.Join(home, test.out))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := checkpoint.Decode(data); err != nil {
				t.Error(err)
			}
		})
	}
}
