package pytorch_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"espalier/models/export/pytorch"
)

// number is a float that may be an infinity, which JSON writes as a string.
type number float64

func (n *number) UnmarshalJSON(data []byte) error {
	x, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	*n = number(x)
	return err
}

// Every kind of file gives the tensors that PyTorch had when it wrote it.
func TestReadWhatPyTorchWrote(t *testing.T) {
	t.Parallel()
	var expected map[string][]struct {
		Name  string
		Shape []int
		Data  []number
	}
	if err := json.Unmarshal(read(t, "tensors.json"), &expected); err != nil {
		t.Fatal(err)
	}
	for file, want := range expected {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			got, err := pytorch.Read(read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d tensors, want %d", len(got), len(want))
			}
			for i, w := range want {
				g := got[i]
				if g.Name != w.Name || !slices.Equal(g.Shape, w.Shape) || len(g.Data) != len(w.Data) {
					t.Fatalf("tensor %d is %s %v of %d values, want %s %v of %d", i, g.Name, g.Shape, len(g.Data), w.Name, w.Shape, len(w.Data))
				}
				for k, x := range w.Data {
					if math.Float32bits(g.Data[k]) != math.Float32bits(float32(x)) {
						t.Errorf("%s[%d] = %g, want %g", g.Name, k, g.Data[k], x)
					}
				}
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"refused-integers.pt":    `"n": it is of Long`,
		"refused-expanded.pt":    "more elements than a file of this size can hold",
		"refused-module.pt":      "torch.nn.modules.container.Sequential is refused",
		"refused-no-tensors.pt":  `its keys are "epoch"`,
		"refused-list.pt":        "save model.state_dict()",
		"refused-torchscript.pt": "TorchScript",
		"refused-code.pt":        "posix.system is refused",
		"refused-code-legacy.pt": "posix.system is refused",
		"refused-pickle.pkl":     "unexpected EOF",
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			_, err := pytorch.Read(read(t, file))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Read = %v, want an error with %q", err, want)
			}
		})
	}
	if _, err := os.Stat("testdata/owned"); err == nil {
		t.Error("a pickle ran a command")
	}
}

// Files that are cut off anywhere are refused; none is taken for a shorter one.
func TestReadTruncated(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"zip.pt", "legacy.pth", "views-legacy.pt"} {
		data := read(t, file)
		for n := range len(data) - 1 {
			if _, err := pytorch.Read(data[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes are read without error", file, n, len(data))
			}
		}
	}
}

// hostile are objects' pickles with wrong lengths, codes and structures.
func hostile() map[string]string {
	return map[string]string{
		"string of 2^62 bytes":     "\x8d\x00\x00\x00\x00\x00\x00\x00\x40.",
		"bytes of 4 GiB":           "B\xff\xff\xff\xff.",
		"frame of 2^40 bytes":      "\x95\x00\x00\x00\x00\x00\x01\x00\x00.",
		"number of 16 MiB":         "\x8b\x00\x00\x00\x01" + strings.Repeat("1", 1<<24) + ".",
		"number of no bytes":       "\x8a\x00.",
		"no instruction":           "\xff.",
		"extension":                "\x82\x01.",
		"a key that is a list":     "ccollections\nOrderedDict\n)R]K\x01s.",
		"a dictionary of one item": "(K\x01d.",
		"empty stack":              ".",
		"a list in itself":         "]q\x00h\x00a.",
		"a dict in itself":         "}q\x00X\x05\x00\x00\x00modelh\x00s.",
		"eval":                     "c__builtin__\neval\n(S'1'\ntR.",
		"marks without end":        strings.Repeat("(", 1<<21),
		"tensor without storage":   "}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(NK\x00)))tRs.",
		"negative size":            "}X\x01\x00\x00\x00wctorch.\nSize\n(J\xff\xff\xff\xfftRs.",
		"negative offset":          "}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01NtQJ\xff\xff\xff\xff))\x89NtRs.",
		"offset beyond":            "}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01NtQJ\xff\xff\xff\x7f))\x89NtRs.",
		"persistent id of nothing": "NQ.",
		"line without end":         "I" + strings.Repeat("1", 1<<16),
	}
}

// inLegacy puts a pickle in the place of a legacy file's object.
func inLegacy(legacy []byte, pickle string) []byte {
	head := legacy[:bytes.Index(legacy, []byte("ccollections\n"))-2]
	return slices.Concat(head, []byte("\x80\x02"+pickle), []byte("\x80\x02]."))
}

// Hostile pickles give errors, and none takes memory out of proportion or ends
// the process.
func TestReadHostile(t *testing.T) {
	t.Parallel()
	legacy := read(t, "legacy.pth")
	for name, pickle := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := pytorch.Read(inLegacy(legacy, pickle)); err == nil {
				t.Errorf("Read = %v, want an error", got)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.p*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	legacy, err := os.ReadFile("testdata/legacy.pth")
	if err != nil {
		f.Fatal(err)
	}
	for _, pickle := range hostile() {
		if len(pickle) < 1<<12 {
			f.Add(inLegacy(legacy, pickle))
		}
	}
	f.Add([]byte{})
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := pytorch.Read(data)
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		for _, tensor := range tensors {
			n := 1
			for _, d := range tensor.Shape {
				n *= d
			}
			if n != len(tensor.Data) {
				t.Errorf("%s %v has %d values", tensor.Name, tensor.Shape, len(tensor.Data))
			}
		}
	})
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
