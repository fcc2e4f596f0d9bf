package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
	"espalier/models"
	"espalier/models/zoo"
)

const resnet = "network: {arch: resnet-20, width: 0.5, shortcut: B}"

func TestNetworksAreBuiltAsTheSpecSays(t *testing.T) {
	t.Parallel()
	n := with(t, "network: {arch: lenet-300-100}", resnet).Network
	want := zoo.Options{Arch: "resnet-20", Width: 0.5, Shortcut: "B", Input: models.Shape{3, 32, 32}, Classes: 10}
	if diff := cmp.Diff(want, n.Options(models.Shape{3, 32, 32}, 10)); diff != "" {
		t.Error(diff)
	}
	every := config.Network{Arch: "a", Hidden: []int{1}, Dropout: 0.5, BatchNorm: true, Width: 2, Shortcut: "s", Growth: 3, Stem: 4, Head: "h"}
	full := zoo.Options{Arch: "a", Hidden: []int{1}, Dropout: 0.5, BatchNorm: true, Width: 2, Shortcut: "s", Growth: 3, Stem: 4, Head: "h"}
	if diff := cmp.Diff(full, every.Options(nil, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestSayingTheArchitecturesOwnChangesNothing(t *testing.T) {
	t.Parallel()
	id := func(network string) string { return with(t, "arch: lenet-300-100", network).ID() }
	for plain, said := range map[string]string{
		"arch: resnet-20":   "arch: resnet-20, width: 1, shortcut: A",
		"arch: densenet-40": "arch: densenet-40, growth: 12, stem: 16",
		"arch: vgg-16-bn":   "arch: vgg-16-bn, head: linear",
	} {
		if id(plain) != id(said) {
			t.Errorf("%s has another ID than %s", said, plain)
		}
	}
}

func TestIDChangesWithWhatConvolutionalNetworksNeed(t *testing.T) {
	t.Parallel()
	base := "name: digits"
	seen := map[string]string{}
	for _, now := range []string{
		base, "name: digits, augment: {shift: 2}", "name: digits, augment: {flip: true}", "name: digits, augment: {shift: 2, flip: true}",
		"name: digits, normalize: {mean: [0.5], deviation: [0.5]}", "name: digits, normalize: {mean: [0.5], deviation: [0.25]}",
		"name: cifar10, path: /a", "name: cifar10, path: /b", "name: cifar10, path: /a, extra_test: /c", "name: fashion-mnist, path: /a",
	} {
		id := with(t, base, now).ID()
		if twin, ok := seen[id]; ok {
			t.Errorf("%s has the ID of %s", now, twin)
		}
		seen[id] = now
	}
	if with(t, base, base).ID() != with(t, base, "name: digits, augment: {shift: 0, flip: false}").ID() {
		t.Error("no augmentation has two IDs")
	}
	for _, now := range []string{"epochs: 3, label_smoothing: 0.1", "epochs: 3, ema: 0.999", "epochs: 3, evaluate_every: 1",
		"epochs: 3, l1: {gamma: 1e-4}", "epochs: 3, l1: {gamma: 1e-4, only: [fc1]}", "epochs: 3, schedule: {kind: step, at: [1, 2]}"} {
		id := with(t, "epochs: 3", now).ID()
		if twin, ok := seen[id]; ok {
			t.Errorf("%s has the ID of %s", now, twin)
		}
		seen[id] = now
	}
}

// The content of a network's file counts, not where it lies.
func TestIDKnowsANetworksFileByItsContent(t *testing.T) {
	t.Parallel()
	load := func(network, file, content string) (*config.Spec, error) {
		folder := t.TempDir()
		text := strings.Replace(small, "network: {arch: lenet-300-100}", network, 1)
		text = strings.Replace(text, "prune:", "#", 1)
		if err := errors.Join(os.WriteFile(filepath.Join(folder, "spec.yaml"), []byte(text), 0o644), os.WriteFile(filepath.Join(folder, file), []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
		return config.Load(filepath.Join(folder, "spec.yaml"))
	}
	ids := map[string]string{}
	for name, c := range map[string][3]string{
		"weights":       {"network: {arch: resnet-20, weights: a.th}", "a.th", "one"},
		"weights moved": {"network: {arch: resnet-20, weights: b.th}", "b.th", "one"},
		"other weights": {"network: {arch: resnet-20, weights: a.th}", "a.th", "two"},
		"other arch":    {"network: {arch: resnet-32, weights: a.th}", "a.th", "one"},
		"onnx":          {"network: {onnx: a.onnx}", "a.onnx", "one"},
	} {
		spec, err := load(c[0], c[1], c[2])
		if err != nil {
			t.Fatal(name, err)
		}
		if !filepath.IsAbs(spec.Network.File()) || len(spec.Network.FileDigest) != 64 {
			t.Errorf("%s: file %q, digest %q", name, spec.Network.File(), spec.Network.FileDigest)
		}
		ids[name] = spec.ID()
	}
	if ids["weights"] != ids["weights moved"] {
		t.Error("the file's place changes the ID")
	}
	delete(ids, "weights moved")
	seen := map[string]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d IDs of 4 networks: %v", len(seen), ids)
	}
}

// A network's file that cannot be read is a fault of the key that names it.
func TestNetworksFileIsThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "spec.yaml")
	for network, want := range map[string]string{
		"{onnx: none.onnx}":                          "spec.yaml:2:17: network.onnx: open " + filepath.Join(folder, "none.onnx") + ": no such file",
		"{arch: resnet-20, weights: ./none.th}":      "spec.yaml:2:37: network.weights: open " + filepath.Join(folder, "none.th") + ": no such file",
		"{arch: resnet-20, weights: " + folder + "}": "network.weights: read " + folder + ": it is no regular file",
	} {
		text := "name: x\nnetwork: " + network + "\ndata: {name: digits}\ntrain: {epochs: 1, optimizer: adam}\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		var faults *config.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("network %s: %v, want %q", network, err, want)
		}
	}
}
