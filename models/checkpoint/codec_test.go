package checkpoint_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// bits compares floats by their bits, so that NaN payloads and -0 count.
func bits() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
		cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
		cmpopts.EquateEmpty(),
	}
}

// odd are float32 bit patterns that are easily lost: NaNs with payloads, quiet
// and signalling, infinities, -0, denormals.
func odd() []uint32 {
	return []uint32{0, 1 << 31, 1, 1<<31 | 1, 0x7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fc12345, 0xffc00001, 0x7f800001, 0xffabcdef, 0x7f7fffff}
}

// random is a valid checkpoint drawn from seed.
func random(seed uint64) *checkpoint.Checkpoint {
	r := rand.New(rand.NewPCG(seed, 1))
	net := &models.Network{Name: fmt.Sprintf("net <%d> é\"", seed), Input: models.Shape{1 + r.IntN(3), 1 + r.IntN(4)}}
	net.Nodes = []models.Node{{Name: "input", Op: models.OpInput}, {Name: "flat", Op: models.OpFlatten, Inputs: []string{"input"}}}
	for i := range r.IntN(4) {
		last := []string{net.Output()}
		net.Nodes = append(net.Nodes, models.Node{Name: fmt.Sprintf("fc%d", i), Op: models.OpLinear, Inputs: last, Attrs: models.Attrs{Out: 1 + r.IntN(5)}})
		net.Nodes = append(net.Nodes, models.Node{Name: fmt.Sprintf("drop/%d", i), Op: models.OpDropout, Inputs: []string{net.Output()}, Attrs: models.Attrs{Rate: r.Float64()}})
	}
	params, err := net.Layout()
	if err != nil {
		panic(err)
	}
	for _, p := range params {
		p.Data = values(r, p.Shape.Size())
		if r.IntN(2) == 0 {
			p.Mask = make([]bool, len(p.Data))
			for i := range p.Mask {
				p.Mask[i] = r.IntN(2) == 0
			}
			p.ApplyMask()
		}
	}
	net.Params = params
	c := &checkpoint.Checkpoint{Network: net}
	if r.IntN(3) > 0 {
		c.Training = &checkpoint.Training{
			Cursor:  checkpoint.Cursor{Epoch: r.IntN(9), Batch: r.IntN(9), Step: r.Int64(), LossSum: math.Float64frombits(r.Uint64()), Correct: r.IntN(9), Seen: r.IntN(9)},
			Numbers: awkward(),
			Tensors: map[string][]float32{"empty": {}},
		}
		for _, p := range params {
			c.Training.Tensors["momentum/"+p.Name] = values(r, len(p.Data))
		}
	}
	return c
}

func values(r *rand.Rand, n int) []float32 {
	data := make([]float32, n)
	for i := range data {
		data[i] = math.Float32frombits(r.Uint32())
		if r.IntN(2) == 0 {
			data[i] = math.Float32frombits(odd()[r.IntN(len(odd()))])
		}
	}
	return data
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		want := random(seed)
		data, digest, err := checkpoint.Encode(want)
		if err != nil {
			t.Fatalf("seed %d: Encode = %v", seed, err)
		}
		got, err := checkpoint.Decode(data)
		if err != nil {
			t.Fatalf("seed %d: Decode = %v", seed, err)
		}
		if diff := cmp.Diff(want, got, bits()); diff != "" {
			t.Fatalf("seed %d: -want +got\n%s", seed, diff)
		}
		again, digest2, err := checkpoint.Encode(got)
		if err != nil || digest2 != digest || !bytes.Equal(again, data) {
			t.Fatalf("seed %d: encoding again gives %s, %v, want %s", seed, digest2, err, digest)
		}
		if digest != checkpoint.DigestOf(data) || !digest.Valid() {
			t.Fatalf("seed %d: digest %s is not of the bytes", seed, digest)
		}
	}
}

// golden is the checkpoint of the golden file.
func golden() *checkpoint.Checkpoint {
	c := storetest.Midway(7)
	c.Network.Params[0].Mask = []bool{true, false}
	c.Network.Params[0].ApplyMask()
	c.Network.Params[1].Data[0] = math.Float32frombits(0x7fc12345)
	c.Training.StepKey = strings.Repeat("0f", 32)
	c.Training.Cursor.Epoch = 3
	c.Training.Numbers["worst"] = math.Inf(1)
	return c
}

// TestGolden: files of format 1 are read for ever, and written to the byte.
// -update is for a new format only.
func TestGolden(t *testing.T) {
	t.Parallel()
	name := filepath.Join("testdata", "checkpoint-1.safetensors")
	data, _, err := checkpoint.Encode(golden())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, data) {
		t.Errorf("Encode = %q, want the bytes of %s: %q", data, name, stored)
	}
	got, err := checkpoint.Decode(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden(), got, bits()); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *checkpoint.Checkpoint){
		"no network":               func(c *checkpoint.Checkpoint) { c.Network = nil },
		"no nodes":                 func(c *checkpoint.Checkpoint) { c.Network = &models.Network{} },
		"a missing parameter":      func(c *checkpoint.Checkpoint) { c.Network.Params = c.Network.Params[:1] },
		"a null parameter":         func(c *checkpoint.Checkpoint) { c.Network.Params[1] = nil },
		"a short parameter":        func(c *checkpoint.Checkpoint) { c.Network.Params[0].Data = []float32{1} },
		"a pruned weight not zero": func(c *checkpoint.Checkpoint) { c.Network.Params[0].Mask = []bool{true, false} },
		"negative input":           func(c *checkpoint.Checkpoint) { c.Network.Input = models.Shape{-2} },
		"two negatives":            func(c *checkpoint.Checkpoint) { c.Network.Input = models.Shape{-1, -2} },
		"an overflow":              func(c *checkpoint.Checkpoint) { c.Network.Input = models.Shape{1 << 40, 1 << 40} },
		"a name that collides":     func(c *checkpoint.Checkpoint) { rename(c, "mask/fc") },
		"a name of the optimizer":  func(c *checkpoint.Checkpoint) { rename(c, "optimizer/fc") },
		"a name not UTF-8":         func(c *checkpoint.Checkpoint) { rename(c, "fc\xff") },
		"a network not UTF-8":      func(c *checkpoint.Checkpoint) { c.Network.Name = "\xff" },
		"a state not UTF-8":        func(c *checkpoint.Checkpoint) { c.Training.Tensors["\xff"] = nil },
		"a state without name":     func(c *checkpoint.Checkpoint) { c.Training.Tensors[""] = nil },
		"a rate that is no number": func(c *checkpoint.Checkpoint) { c.Network.Nodes[1].Attrs.Rate = math.NaN() },
	} {
		c := storetest.Midway(1)
		change(c)
		if _, digest, err := checkpoint.Encode(c); err == nil {
			t.Errorf("%s: Encode = %s, want an error", name, digest)
		}
	}
	if _, _, err := checkpoint.Encode(nil); err == nil {
		t.Error("Encode(nil) succeeded")
	}
}

func rename(c *checkpoint.Checkpoint, name string) {
	c.Network.Nodes[1].Name = name
	for _, p := range c.Network.Params {
		p.Name, p.Node = strings.Replace(p.Name, "fc", name, 1), name
	}
}

// file is a safetensors file with a header of the test's choice.
func file(header string, data ...byte) []byte {
	out := []byte{byte(len(header)), byte(len(header) >> 8), byte(len(header) >> 16), 0, 0, 0, 0, 0}
	return append(append(out, header...), data...)
}

// tinyMeta is the metadata of a network with one parameter pair of one value
// each: "fc.weight" [1 1] and "fc.bias" [1].
const tinyMeta = `"__metadata__":{"format":"espalier checkpoint 1","network":"{\"name\":\"n\",\"input\":[1],\"nodes\":[{\"name\":\"in\",\"op\":\"input\"},{\"name\":\"fc\",\"op\":\"linear\",\"inputs\":[\"in\"],\"attrs\":{\"out\":1}}],\"params\":[{\"name\":\"fc.weight\",\"node\":\"fc\",\"role\":\"weight\",\"shape\":[1,1]},{\"name\":\"fc.bias\",\"node\":\"fc\",\"role\":\"bias\",\"shape\":[1]}]}"}`

const (
	tinyWeight = `"fc.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}`
	tinyBias   = `"fc.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`
)

func tiny() []byte { return file("{"+tinyMeta+","+tinyWeight+","+tinyBias+"}", make([]byte, 8)...) }

// hostile are files that must be refused.
func hostile() map[string][]byte {
	swap := func(old, new string) []byte {
		if !strings.Contains(string(tiny()), old) {
			panic("the file has no " + old)
		}
		header := strings.Replace(string(tiny()[8:len(tiny())-8]), old, new, 1)
		return file(header, make([]byte, 8)...)
	}
	return map[string][]byte{
		"nothing":                 {},
		"half a length":           {1, 2, 3},
		"a header that is cut":    tiny()[:60],
		"data that is cut":        tiny()[:len(tiny())-1],
		"data too much":           append(tiny(), 0),
		"a huge header":           {255, 255, 255, 255, 255, 255, 255, 127, '{', '}'},
		"a negative header":       {255, 255, 255, 255, 255, 255, 255, 255, '{', '}'},
		"no JSON":                 file("hello!!!"),
		"null":                    file("null"),
		"a list":                  file("[]"),
		"an empty object":         file("{}"),
		"something after it":      file("{} {}"),
		"deep nesting":            file(`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"),
		"an open nesting":         file(strings.Repeat(`{"a":`, 5000)),
		"not UTF-8":               swap("fc.bias", "fc.\xffias"),
		"no metadata":             file("{"+tinyWeight+","+tinyBias+"}", make([]byte, 8)...),
		"no format":               swap(`"format":`, `"fromat":`),
		"a later format":          swap("espalier checkpoint 1", "espalier checkpoint 2"),
		"metadata not text":       swap(`"espalier checkpoint 1"`, `1`),
		"metadata not known":      swap(`"format"`, `"x":"y","format"`),
		"a tensor twice":          swap(tinyBias, tinyBias+","+tinyBias),
		"a tensor missing":        file("{"+tinyMeta+","+tinyWeight+"}", make([]byte, 4)...),
		"a tensor too much":       swap(tinyBias, tinyBias+`,"x":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}`),
		"a state without cursor":  swap(tinyBias, tinyBias+`,"optimizer/x":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}`),
		"another type":            swap(`"dtype":"F32"`, `"dtype":"I32"`),
		"an unknown type":         swap(`"dtype":"F32"`, `"dtype":"F31"`),
		"another shape":           swap(`"shape":[1,1]`, `"shape":[1]`),
		"a scalar":                swap(`"shape":[1,1]`, `"shape":[]`),
		"a negative shape":        swap(`"shape":[1,1]`, `"shape":[-1,-1]`),
		"a fraction of a shape":   swap(`"shape":[1,1]`, `"shape":[1.0,1]`),
		"a shape that overflows":  swap(`"shape":[1,1]`, `"shape":[4294967296,4294967297]`),
		"bytes that overflow":     swap(`"shape":[1,1]`, `"shape":[1,4611686018427387905]`),
		"offsets that overlap":    swap(`[4,8]`, `[0,4]`),
		"offsets with a gap":      swap(`[4,8]`, `[5,9]`),
		"offsets backwards":       swap(`[4,8]`, `[8,4]`),
		"offsets that overflow":   swap(`[4,8]`, `[4,18446744073709551615]`),
		"three offsets":           swap(`[4,8]`, `[4,8,8]`),
		"a negative offset":       swap(`[0,4]`, `[-4,4]`),
		"a network not JSON":      swap(`"{\"name\":\"n\"`, `"[\"name\":\"n\"`),
		"a network with more":     swap(`{\"name\":\"n\"`, `{\"nome\":\"n\"`),
		"a network twice named":   swap(`{\"name\":\"n\"`, `{\"name\":\"n\",\"name\":\"n\"`),
		"a null parameter":        swap(`{\"name\":\"fc.bias\",\"node\":\"fc\",\"role\":\"bias\",\"shape\":[1]}`, `null`),
		"no nodes":                swap(`{\"name\":\"in\",\"op\":\"input\"},{\"name\":\"fc\",\"op\":\"linear\",\"inputs\":[\"in\"],\"attrs\":{\"out\":1}}`, ``),
		"an unknown op":           swap(`\"op\":\"linear\"`, `\"op\":\"magic\"`),
		"an input that overflows": swap(`\"input\":[1]`, `\"input\":[4294967296,4294967297]`),
		"a huge layer":            swap(`{\"out\":1}`, `{\"out\":9000000000000000000}`),
		"a mask of another type":  masked("F32", `[0,4]`, 0, 0, 0, 0),
		"a mask neither 0 nor 1":  masked("BOOL", `[8,9]`, 2),
		"a pruned weight not 0":   masked("BOOL", `[8,9]`, 0),
		"a training not JSON":     swap(`"format"`, `"training":"{","format"`),
		"a training with more":    swap(`"format"`, `"training":"{\"cursor\":{},\"x\":1}","format"`),
		"a cursor of words":       swap(`"format"`, `"training":"{\"cursor\":{\"epoch\":\"one\"}}","format"`),
	}
}

// masked is the tiny file with a mask of the weight, which is 1.
func masked(dtype, offsets string, mask ...byte) []byte {
	data := slices.Concat([]byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0}, mask)
	return file("{"+tinyMeta+","+tinyWeight+","+tinyBias+`,"mask/fc.weight":{"dtype":"`+dtype+`","shape":[1,1],"data_offsets":`+offsets+"}}", data...)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	if _, err := checkpoint.Decode(tiny()); err != nil {
		t.Fatalf("the file that the others are made from is refused: %v", err)
	}
	if _, err := checkpoint.Decode(masked("BOOL", `[8,9]`, 1)); err != nil {
		t.Fatalf("the masked file is refused: %v", err)
	}
	for name, data := range hostile() {
		c, err := checkpoint.Decode(data)
		if err == nil {
			t.Errorf("%s: Decode = %+v, want an error", name, c)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d characters: %v", name, len(err.Error()), err)
		}
	}
}

// TestDecodeIsFrugal: a header of hundreds of thousands of entries is refused
// before they are kept.
func TestDecodeIsFrugal(t *testing.T) {
	t.Parallel()
	var header strings.Builder
	for i := range 500_000 {
		fmt.Fprintf(&header, `%c"%d":{}`, "{,"[min(i, 1)], i)
	}
	header.WriteString("}")
	if _, err := checkpoint.Decode(file(header.String())); err == nil || !strings.Contains(err.Error(), "tokens") {
		t.Errorf("Decode = %v, want an error about too many tokens", err)
	}
	header.WriteString(strings.Repeat(" ", 4_000_000))
	if _, err := checkpoint.Decode(file(header.String())); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("Decode = %v, want an error about the size", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range hostile() {
		f.Add(data)
	}
	f.Add(tiny())
	for _, data := range hostileGraphs(f) {
		f.Add(data)
	}
	f.Add(encoded(f, convolutional()))
	for seed := range uint64(8) {
		data, _, err := checkpoint.Encode(random(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := checkpoint.Decode(data)
		if err != nil {
			return
		}
		again, _, err := checkpoint.Encode(c)
		if err != nil {
			t.Fatalf("what Decode accepts, Encode refuses: %v", err)
		}
		back, err := checkpoint.Decode(again)
		if err != nil {
			t.Fatalf("what Encode writes, Decode refuses: %v", err)
		}
		if diff := cmp.Diff(c, back, bits()); diff != "" {
			t.Fatalf("-once +twice\n%s", diff)
		}
	})
}

// BenchmarkCodec is on LeNet-300-100 in the middle of training with momentum.
func BenchmarkCodec(b *testing.B) {
	c := &checkpoint.Checkpoint{
		Network:  &models.Network{Name: "lenet-300-100", Input: models.Shape{784}, Nodes: []models.Node{{Name: "input", Op: models.OpInput}}},
		Training: &checkpoint.Training{Tensors: make(map[string][]float32)},
	}
	for i, width := range []int{300, 100, 10} {
		node := models.Node{Name: fmt.Sprintf("fc%d", i+1), Op: models.OpLinear, Inputs: []string{c.Network.Output()}, Attrs: models.Attrs{Out: width}}
		c.Network.Nodes = append(c.Network.Nodes, node)
	}
	var err error
	if c.Network.Params, err = c.Network.Layout(); err != nil {
		b.Fatal(err)
	}
	for _, p := range c.Network.Params {
		p.Data = make([]float32, p.Shape.Size())
		c.Training.Tensors["momentum/"+p.Name] = make([]float32, p.Shape.Size())
	}
	data, _, err := checkpoint.Encode(c)
	if err != nil {
		b.Fatal(err)
	}
	for name, run := range map[string]func() error{
		"encode": func() error { _, _, err := checkpoint.Encode(c); return err },
		"decode": func() error { _, err := checkpoint.Decode(data); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for range b.N {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
