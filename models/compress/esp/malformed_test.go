package esp_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
)

// tiny is a network of one linear layer with 2 outputs and 3 inputs.
func tiny(weights ...float32) *models.Network {
	return &models.Network{
		Name: "tiny", Input: models.Shape{3},
		Nodes:  []models.Node{{Name: "input", Op: models.OpInput}, {Name: "fc", Op: models.OpLinear, Inputs: []string{"input"}, Attrs: models.Attrs{Out: 2, NoBias: true}}},
		Params: []*models.Param{{Name: "fc.weight", Node: "fc", Role: models.RoleWeight, Shape: models.Shape{2, 3}, Data: weights}},
	}
}

var table = crc32.MakeTable(crc32.Castagnoli)

func sum(data []byte) uint32 { return crc32.Checksum(data, table) }

// graphOf is the packed graph of a network.
func graphOf(t testing.TB, net *models.Network) []byte {
	t.Helper()
	data, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	size, n := binary.Uvarint(data[5:])
	_, m := binary.Uvarint(data[5+n:])
	return data[5+n+m:][:size]
}

// sealed is a header with that graph and that table, and their checksum.
func sealed(graph, table []byte) []byte {
	data := append([]byte("\x89ESP\x02"), binary.AppendUvarint(nil, uint64(len(graph)))...)
	data = binary.AppendUvarint(data, uint64(len(table)))
	data = append(append(data, graph...), table...)
	return binary.LittleEndian.AppendUint32(data, sum(data))
}

// holding is a file of a network with one tensor, which has these bytes.
func holding(graph, tensor []byte) []byte {
	table := binary.AppendUvarint([]byte{0, 1}, uint64(len(tensor)))
	return append(sealed(graph, binary.LittleEndian.AppendUint32(table, sum(tensor))), tensor...)
}

func TestMalformedFiles(t *testing.T) {
	t.Parallel()
	whole, err := esp.Encode(tiny(1, 0, 2, 0, 0, 3), esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	graph := graphOf(t, tiny(1, 0, 2, 0, 0, 3))
	flip := func(at int) []byte {
		data := slices.Clone(whole)
		data[(at+len(data))%len(data)] ^= 1
		return data
	}
	roomy := append(sealed(graph, binary.LittleEndian.AppendUint32([]byte{2, 1, 1}, sum([]byte{0}))), 0, 0, 1)
	large := tiny(1)
	large.Nodes[1].Attrs.Out = 1 << 19
	large.Params[0].Shape, large.Params[0].Data = models.Shape{1 << 19, 3}, make([]float32, 3<<19)
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                   {nil, "it does not begin as a packed model does"},
		"another file":              {[]byte("\x89PNG\r\n\x1a\n, and more"), "it does not begin as a packed model does"},
		"transferred as text":       {[]byte("\xef\xbf\xbdESP\x01 and so on"), "it does not begin as a packed model does"},
		"a later version":           {slices.Concat([]byte("\x89ESP\x03"), whole[5:]), "it has version 3 of the format, this program reads versions 1 and 2"},
		"a header without end":      {whole[:12], "it ends after 12 bytes, in the header of"},
		"a header too large":        {[]byte("\x89ESP\x01\xff\xff\xff\xff\x7f\x01"), "at most 4194304 are allowed"},
		"a damaged header":          {flip(9), "the header is damaged: its checksum is "},
		"a damaged section":         {flip(-1), "the section of tensor fc.weight is damaged: its checksum is "},
		"an end cut off":            {whole[:len(whole)-1], "its header says"},
		"something behind":          {append(slices.Clone(whole), 0), "its header says"},
		"a room that is used":       {roomy, "the room at its end is not all zeros"},
		"no graph":                  {sealed(nil, nil), "a graph of 0 bytes"},
		"another graph":             {sealed([]byte{9, 1, 2, 3}, nil), "graph: "},
		"a graph too large":         {sealed(binary.AppendUvarint(nil, 1<<21), nil), "a graph of 2097152 bytes: at most 1048576 are allowed"},
		"no table":                  {sealed(graph, nil), "table: the room at the end is no number"},
		"no section":                {sealed(graph, []byte{0}), "table: section 0 has no tensors, or more than the network"},
		"a section of nothing":      {sealed(graph, []byte{0, 0}), "table: section 0 has no tensors, or more than the network"},
		"a tensor too many":         {sealed(graph, []byte{0, 2, 1, 1, 0, 0, 0, 0}), "table: section 0 has no tensors, or more than the network"},
		"no size":                   {sealed(graph, []byte{0, 1}), "table: the size of tensor fc.weight is no number"},
		"no checksum":               {sealed(graph, []byte{0, 1, 1, 0}), "table: section 0 has no checksum"},
		"something in the table":    {sealed(graph, []byte{0, 1, 1, 0, 0, 0, 0, 7}), "table: 1 bytes follow the last section"},
		"weights of nothing":        {holding(graphOf(t, large), []byte{4, 2, 0, 0, 0}), "1572864 weights in a file of "},
		"no tensor":                 {holding(graph, nil), "tensor fc.weight: it has no bytes"},
		"an unknown form":           {holding(graph, []byte{0x40}), "form 0x40 is not known"},
		"a form beyond all":         {holding(graph, []byte{0x80}), "form 0x80 is not known"},
		"beside nothing":            {holding(graph, []byte{0x44, 2, 0, 0}), "it is coded beside weights before it, and there are none that fit"},
		"a kind that is none":       {holding(graph, []byte{3}), "form 0x3 is not known"},
		"both masks":                {holding(graph, []byte{3 << 3}), "form 0x18 is not known"},
		"scales of floats":          {holding(graph, []byte{1 << 5}), "form 0x20 is not known"},
		"a part too long":           {holding(graph, []byte{4, 9, 0}), "part 1 of 2 takes 9 bytes of 2"},
		"no values":                 {holding(graph, []byte{0}), "rows 0 to 1: 0 bytes are no list of 6 values"},
		"a pattern too full":        {holding(graph, []byte{4, 2, 0, 7, 0}), "rows 0 to 1: 7 entries in a matrix of 2 x 3"},
		"no codebook":               {holding(graph, []byte{1, 0, 0}), "a codebook of 0 values: from 1 to 6 are allowed"},
		"a codebook too large":      {holding(graph, []byte{1, 1, 7, 0}), "a codebook of 7 values: from 1 to 6 are allowed"},
		"a code above":              {holding(graph, []byte{1, 4, 1, 0, 0, 1, 0, 1}), "number 0 is 1, at most 0 is allowed"},
		"a scale below 0":           {holding(graph, []byte{2, 5, 0, 0, 0, 0x80, 0xbf, 0, 1}), "scale 0 is -1: it is 0 or more, and a number"},
		"a scale that is no number": {holding(graph, []byte{2, 5, 0, 0, 0, 0xc0, 0x7f, 0, 1}), "scale 0 is NaN"},
		"a multiple above":          {holding(graph, []byte{2, 5, 0, 0, 0, 0x80, 0x3f, 0, 0xff, 1}), "number 0 is 255, at most 254 is allowed"},
		"a mask of weights":         {holding(graph, []byte{4 | 2<<3, 4, 0, 1, 0, 0, 5, 0, 0, 0, 0x80, 0x3f, 0, 1, 0, 0}), "mask: weight 0 of row 0 is named and not zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := esp.Decode(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			if _, fromStream := esp.Read(bytes.NewReader(test.data)); fromStream == nil && name != "something behind" {
				t.Error("from a stream it is read")
			}
		})
	}
}

// A tensor that is named and not there, and one that is beside a damaged one.
func TestTensorsAlone(t *testing.T) {
	t.Parallel()
	net := pruned(t, lenet(), 1, 0.05)
	data, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1 // of the last section
	f, err := esp.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensor("fc9.weight"); err == nil || !strings.Contains(err.Error(), `has no tensor "fc9.weight"`) {
		t.Errorf("a tensor that is not there: error %v", err)
	}
	if _, err := f.Tensor("fc2.bias"); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged tensor: error %v", err)
	}
	tensor, err := f.Tensor("fc1.weight")
	if err != nil {
		t.Fatalf("a whole tensor of a damaged file: %v", err)
	}
	want := net.Param("fc1.weight")
	if !tensor.Sparse || !sameBits(tensor.Dense(), want.Data) || !slices.Equal(tensor.Mask, want.Mask) {
		t.Error("a whole tensor of a damaged file has other weights")
	}
}

// Every single bit counts.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	data, err := esp.Encode(tiny(1, 0, 2, 0, 0, 3), esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(data) {
		damaged := slices.Clone(data)
		damaged[i/8] ^= 1 << (i % 8)
		if net, err := esp.Decode(damaged); err == nil {
			t.Errorf("bit %d of byte %d is flipped, and %v is read", i%8, i/8, net.Params[0].Data)
		}
	}
}
