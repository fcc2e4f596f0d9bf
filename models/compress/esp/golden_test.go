package esp_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/compress/esp"
	"espalier/models/compress/order"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// update makes TestFormat1 and TestFormat2 write their files anew. Those of a format that was
// released never change.
var update = flag.Bool("update", false, "write the files of testdata anew")

// format1 is a network with a tensor of each form and a mask of each kind.
func format1(t *testing.T) *models.Network {
	t.Helper()
	o := zoo.Options{Arch: "mlp", Hidden: []int{60, 40, 40}, Input: models.Shape{30}, BatchNorm: true, Dropout: 0.25}
	net := pruned(t, o, 9, 0.2)
	// Where whole rows are empty, sparse forms are the smaller ones.
	for _, p := range net.Params {
		if p.Role == models.RoleWeight {
			for i := range p.Mask {
				p.Mask[i] = p.Mask[i] && i/p.Shape[1]%3 == 0
			}
			p.ApplyMask()
		}
	}
	dense := zootest.Drawn(t, o, 9)
	net.Param("fc1.bias").Data = shared(t, dense, 2).Param("fc2.weight").Data[:60]
	net.Param("fc2.weight").Data = shared(t, net, 3).Param("fc2.weight").Data
	net.Param("fc3.weight").Data = scaled(net, 127).Param("fc3.weight").Data
	apart := net.Param("fc3.weight").Mask
	apart[41], apart[100] = true, true
	net.Param("fc4.weight").Data, net.Param("fc4.weight").Mask = scaled(dense, 127).Param("fc4.weight").Data, nil
	return net
}

// format2 is one whose patterns are blended maps, one with rows in order.
func format2(t *testing.T) *models.Network {
	t.Helper()
	net := shared(t, pruned(t, zoo.Options{Arch: "lenet-5", Width: 0.2, Input: models.Shape{1, 16, 16}}, 9, 0.05), 3)
	ordered, err := order.Fewest(net, func(n *models.Network) (int, error) {
		data, err := esp.Encode(n, esp.Options{Smallest: true})
		return len(data), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ordered
}

// kept compares a file of a format with the checkpoint beside it: it is read
// for ever, and as long as no coder gets better, it is what is written.
func kept(t *testing.T, name string, version byte, o esp.Options, make func(*testing.T) *models.Network) *esp.Sizes {
	t.Helper()
	packedPath, plainPath := filepath.Join("testdata", name+".esp"), filepath.Join("testdata", name+".safetensors")
	if *update {
		net := make(t)
		packed, err := esp.Encode(net, o)
		if err != nil {
			t.Fatal(err)
		}
		plain, _, err := checkpoint.Encode(&checkpoint.Checkpoint{Network: net})
		if err != nil {
			t.Fatal(err)
		}
		for path, data := range map[string][]byte{packedPath: packed, plainPath: plain} {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	packed, err := os.ReadFile(packedPath)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(plainPath)
	if err != nil {
		t.Fatal(err)
	}
	if packed[4] != version {
		t.Errorf("%s.esp has version %d, want %d", name, packed[4], version)
	}
	got, err := esp.Decode(packed)
	if err != nil {
		t.Fatal(err)
	}
	want, err := checkpoint.Decode(plain)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(want.Network, got); d != "" {
		t.Errorf("%s.esp has other %s than %s.safetensors", name, d, name)
	}
	again, err := esp.Encode(got, o)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, packed) {
		t.Errorf("it is written in %d bytes, %s.esp has %d", len(again), name, len(packed))
	}
	f, err := esp.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := f.Sizes()
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

func TestFormat2(t *testing.T) {
	t.Parallel()
	sizes := kept(t, "format-2", 2, esp.Options{Smallest: true}, format2)
	net, err := esp.Encode(format2(t), esp.Options{})
	if err != nil || sizes.Total() >= len(net) {
		t.Errorf("%d bytes, and %d without blended maps, error %v", sizes.Total(), len(net), err)
	}
}

// What an older reader would refuse does not call itself old.
func TestFormat1HasNoBlendedMaps(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "format-2.esp"))
	if err != nil {
		t.Fatal(err)
	}
	data[4] = 1
	graph, n := binary.Uvarint(data[5:])
	table, m := binary.Uvarint(data[5+n:])
	end := 5 + n + m + int(graph+table)
	binary.LittleEndian.PutUint32(data[end:], sum(data[:end]))
	const want = "it has a blended map, and files of version 1 have none"
	if _, err := esp.Decode(data); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("whole: error %v", err)
	}
	if _, err := esp.Read(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("from a stream: error %v", err)
	}
	f, err := esp.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensor("fc1.weight"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a tensor alone: error %v", err)
	}
}

func TestFormat1(t *testing.T) {
	t.Parallel()
	sizes := kept(t, "format-1", 1, esp.Options{}, format1)
	forms := map[string]bool{}
	for _, s := range sizes.Tensors {
		forms[string(s.Kind)] = true
		if s.Sparse {
			forms["sparse "+string(s.Kind)] = true
		}
		if s.Mask > 0 {
			forms["mask"] = true
		}
	}
	if len(forms) != 7 {
		t.Errorf("the file has %v, want all kinds of weights, dense and sparse, and a mask", forms)
	}
}
