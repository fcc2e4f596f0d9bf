package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/prune/channel"
	"espalier/models/zoo"
)

// benchFiles are checkpoints of a residual network, of one from which channels
// were taken, and of one of another input.
func benchFiles(t *testing.T) (folder string) {
	t.Helper()
	dense, err := zoo.Build(zoo.Options{Arch: "resnet-20", Width: 0.5, Input: models.Shape{3, 16, 16}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(dense, 1)
	groups, err := channel.Groups(dense)
	if err != nil {
		t.Fatal(err)
	}
	set := channel.Set{}
	for _, g := range groups {
		if free := g.Free(); len(free) > 1 {
			set[g.Name] = free[:len(free)/2]
		}
	}
	small, err := channel.Remove(dense, set)
	if err != nil {
		t.Fatal(err)
	}
	other, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: []int{2}, Input: models.Shape{1, 2, 2}, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(other, 1)
	folder = t.TempDir()
	for name, net := range map[string]*models.Network{"dense": dense, "small": small, "other": other} {
		data, _, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".safetensors"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// printed is what a command prints that runs in the folder.
func printed(t *testing.T, folder string, args ...string) []byte {
	t.Helper()
	out, err := inFolder(t, folder, args...)
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

// inFolder runs a command in the folder, on nothing but what is embedded.
func inFolder(t *testing.T, folder string, args ...string) ([]byte, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Dir = folder
	c.Env = append(config.EmbeddedEnviron(), asCommand+"=1")
	return c.CombinedOutput()
}

func TestBenchTellsLayerByLayer(t *testing.T) {
	t.Parallel()
	folder := benchFiles(t)
	files := []string{"dense.safetensors", "small.safetensors"}
	var b benchmark
	if err := json.Unmarshal(printed(t, folder, append(append([]string{"bench"}, files...), "--batch", "1,4", "--rounds", "3", "--layers", "--json")...), &b); err != nil {
		t.Fatal(err)
	}
	dense, small := b.Checkpoints[0], b.Checkpoints[1]
	if dense.Name != files[0] || small.Name != files[1] || small.Total.MACs >= dense.Total.MACs {
		t.Errorf("%+v and %+v, want a dense network and a smaller one", dense, small)
	}
	for i, batch := range []int{1, 4} {
		s := small.Speeds[i]
		if s.Batch != batch || s.Rounds != 3 || s.Low > s.Median || s.Median > s.High || s.Low <= 0 {
			t.Errorf("speed %d is %+v, want 3 rounds of batch %d", i, s, batch)
		}
		if want := float64(dense.Total.MACs) / float64(small.Total.MACs); s.Speedup.Theoretical != want || s.Reached != s.Speedup.Measured/want {
			t.Errorf("batch %d: %+v, want a theoretical speed-up of %g", batch, s, want)
		}
		layers, macs := b.Layers[i], [2]int64{}
		for _, pair := range layers.Layers {
			macs[0], macs[1] = macs[0]+pair.Dense.MACs, macs[1]+pair.Small.MACs
		}
		if len(b.Layers) != 2 || layers.Name != files[1] || layers.Batch != batch || macs != [2]int64{dense.Total.MACs, small.Total.MACs} {
			t.Errorf("layers of %s, batch %d, with %d MACs: want those of %s, batch %d", layers.Name, layers.Batch, macs, files[1], batch)
		}
	}
}

func TestBenchPrintsLayers(t *testing.T) {
	t.Parallel()
	out := string(printed(t, benchFiles(t), "bench", "dense.safetensors", "small.safetensors", "--batch", "1", "--rounds", "1", "--layers"))
	lines := strings.Split(out, "\n")
	for _, want := range []string{
		" dense.safetensors  resnet-20 ", "small.safetensors by layer, batch 1", " layer ", " conv1 ", " layer3.2.conv2 ", " outside of layers ",
	} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q in\n%s", want, out)
		}
	}
	mistake{
		args: []string{"bench", "dense.safetensors", "other.safetensors"}, code: exitUsage,
		want: []string{"espalier: other.safetensors takes inputs of 1x2x2, dense.safetensors of 3x16x16: only networks of one input are comparable"},
	}.check(t, benchFiles(t))
}
