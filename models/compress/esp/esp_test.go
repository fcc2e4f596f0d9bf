package esp_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/compress/esp"
	"espalier/models/zoo"
	"espalier/models/zoo/zootest"
)

// networks are of every kind that a step of a run can leave.
func networks(t testing.TB) map[string]*models.Network {
	lenet := zoo.Options{Arch: "lenet-5", Width: 0.4}
	small := zoo.Options{Arch: "mlp", Hidden: []int{40, 20}, Input: models.Shape{90}}
	r := rand.New(rand.NewPCG(1, 2))
	nasty := zootest.Blank(t, small)
	for _, p := range nasty.Params {
		for i := range p.Data { // NaN, infinities, -0 and what is nearly 0 among them
			p.Data[i] = math.Float32frombits([]uint32{r.Uint32(), 0x7fc00001, 0xff800000, 0x80000000, 1, 0xffffffff}[r.IntN(6)])
		}
	}
	return map[string]*models.Network{
		"any bits":             nasty,
		"no parameters":        {Name: "none", Input: models.Shape{3}, Nodes: []models.Node{{Name: "input", Op: models.OpInput}, {Name: "relu", Op: models.OpReLU, Inputs: []string{"input"}}}},
		"dense":                zootest.Drawn(t, lenet, 1),
		"zero":                 zootest.Blank(t, lenet),
		"zero and large":       zootest.Blank(t, zoo.Options{Arch: "vgg-11-bn", Width: 0.5}),
		"batch normalization":  pruned(t, zoo.Options{Arch: "resnet-20", Width: 0.5}, 2, 0.3),
		"pruned":               pruned(t, lenet, 3, 0.08),
		"dead neurons":         dying(t, 3),
		"hardly pruned":        pruned(t, lenet, 3, 0.9),
		"nearly empty":         pruned(t, lenet, 4, 0.002),
		"shared":               shared(t, pruned(t, lenet, 5, 0.08), 5),
		"shared, dense":        shared(t, zootest.Drawn(t, small, 5), 4),
		"shared by many":       shared(t, zootest.Drawn(t, lenet, 5), 10),
		"multiples":            scaled(pruned(t, lenet, 6, 0.5), 127),
		"multiples, dense":     scaled(zootest.Drawn(t, lenet, 6), 127),
		"multiples of 4 bits":  scaled(pruned(t, small, 6, 0.2), 7),
		"dropout and a select": zootest.Drawn(t, zoo.Options{Arch: "densenet-40", Growth: 4, Stem: 4, Dropout: 0.2}, 7),
	}
}

func TestNetworksComeBack(t *testing.T) {
	t.Parallel()
	for name, net := range networks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := esp.Encode(net, esp.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := esp.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if d := differ(net, got); d != "" {
				t.Errorf("unpacked it has other %s", d)
			}
			again, err := esp.Encode(got, esp.Options{})
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("packed again it has other bytes, error %v", err)
			}
			total := 0
			for _, p := range net.Params {
				total += 4 * len(p.Data)
			}
			f, err := esp.Open(data)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, p := range net.Params {
				tensor, err := f.Tensor(p.Name)
				if err != nil {
					t.Fatal(err)
				}
				if !sameBits(tensor.Dense(), p.Data) {
					t.Errorf("tensor %s has other values", p.Name)
				}
				if p.Role == models.RoleWeight {
					kind := string(tensor.Kind)
					if tensor.Sparse {
						kind += "*"
					}
					kinds = append(kinds, kind)
				}
			}
			if len(kinds) > 6 {
				kinds = kinds[:6]
			}
			t.Logf("%d bytes of %d, %.1fx, %s", len(data), total, float64(total)/float64(len(data)), strings.Join(kinds, " "))
		})
	}
}

// What pruning leaves of neurons that it has removed is known from the weights
// before them, whichever way the file is read.
func TestDeadNeuronsTakeNothing(t *testing.T) {
	t.Parallel()
	net := dying(t, 8)
	data, err := esp.Encode(net, esp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := esp.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := f.Sizes()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sizes.Tensors {
		if s.Name == "fc1.bias" && (s.Positions > 20 || !s.Sparse) {
			t.Errorf("which of 300 biases are 0 takes %d bytes, which can be known", s.Positions)
		}
	}
	for _, p := range net.Params {
		alone, err := f.Tensor(p.Name)
		if err != nil || !sameBits(alone.Dense(), p.Data) {
			t.Errorf("%s alone has other values, %v", p.Name, err)
		}
	}
	for name, read := range map[string]func() (*models.Network, error){
		"at once": func() (*models.Network, error) { return esp.Decode(data) },
		"stream":  func() (*models.Network, error) { return esp.Read(bytes.NewReader(data)) },
	} {
		if got, err := read(); err != nil || differ(net, got) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stream is read to the end of the file and no further.
func TestStreams(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	first, second := pruned(t, zoo.Options{Arch: "lenet-5", Width: 0.3}, 1, 0.05), pruned(t, zoo.Options{Arch: "lenet-300-100"}, 2, 0.05)
	for _, net := range []*models.Network{first, second} {
		if err := esp.Write(&stream, net, esp.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, net := range []*models.Network{first, second} {
		got, err := esp.Read(&stream)
		if err != nil {
			t.Fatal(err)
		}
		if d := differ(net, got); d != "" {
			t.Errorf("read from the stream it has other %s", d)
		}
	}
	if _, err := esp.Read(&stream); err == nil {
		t.Error("nothing is read as a network")
	}
}

// Masks come back whatever they are: that a weight stays although it is zero
// matters to what trains on.
func TestMasksComeBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		net := zootest.Drawn(t, zoo.Options{Arch: "mlp", Hidden: []int{7}, Input: models.Shape{11}}, seed)
		for _, p := range net.Params {
			if r.IntN(3) == 0 {
				continue
			}
			p.Mask = make([]bool, len(p.Data))
			for i := range p.Mask {
				p.Mask[i] = r.IntN(3) > 0
				if r.IntN(4) == 0 && seed%2 == 0 {
					p.Data[i] = 0
				}
			}
			p.ApplyMask()
		}
		data, err := esp.Encode(net, esp.Options{Smallest: seed%3 == 0})
		if err != nil {
			t.Fatal(err)
		}
		got, err := esp.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if d := differ(net, got); d != "" {
			t.Errorf("seed %d: another %s comes back", seed, d)
		}
	}
}
