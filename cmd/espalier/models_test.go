package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What espalier models show reads beside architectures: a checkpoint and ONNX
// files.
func TestShowFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"models/checkpoint/testdata/checkpoint-1.safetensors": {"network      tiny", "linear ", "total "},
		"models/export/onnx/testdata/plain-13.onnx":           {"network      ", "conv2d ", "total "},
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(filepath.Join("..", "..", file))
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			out := printed(t, home, "models", "show", path, "--svg", "net.svg")
			for _, w := range want {
				if !strings.Contains(string(out), w) {
					t.Errorf("%q is missing in\n%s", w, out)
				}
			}
			if svg, err := os.ReadFile(filepath.Join(home, "net.svg")); err != nil || !strings.Contains(string(svg), "</svg>") {
				t.Errorf("the picture: %v, %.40q", err, svg)
			}
		})
	}
}

// Files of other programs are named as such, with the way to a checkpoint.
func TestNoCheckpoints(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"models/export/testdata/small.pth":          `espalier: \S+/small.pth is of another program and no checkpoint; make one of it with: espalier import \S+/small.pth --arch NAME`,
		"models/export/onnx/testdata/plain-13.onnx": `espalier: \S+/plain-13.onnx is of another program and no checkpoint; make one of it with: espalier import \S+/plain-13.onnx`,
	} {
		path, err := filepath.Abs(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		mistake{args: []string{"inspect", path}, code: exitUsage, want: []string{want}}.check(t, t.TempDir())
	}
	folder := write(t, map[string]string{"text": "not a network at all"})
	mistake{args: []string{"models", "show", "text"}, code: exitError, want: []string{`espalier: text: decode checkpoint: .*`}}.check(t, folder)
	mistake{args: []string{"models", "show", "resnet-21"}, code: exitUsage, want: []string{`espalier: resnet-21 is neither a file nor the first digits \(.*\) of a digest; architectures are convnet, .*`}}.check(t, folder)
}

// An architecture has all of its weights.
func TestShowArchitecture(t *testing.T) {
	t.Parallel()
	out := command(t, "models", "show", "lenet-5", "--json").out.String()
	for _, want := range []string{`"params": 431080`, `"non_zero": 431080`, `"effective_macs": 2293000`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing in\n%.600s", want, out)
		}
	}
}
