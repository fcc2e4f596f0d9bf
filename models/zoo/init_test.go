package zoo_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"espalier/models"
	"espalier/models/zoo"
)

func build(t *testing.T, hidden ...int) *models.Network {
	t.Helper()
	net, err := zoo.Build(zoo.Options{Arch: "mlp", Hidden: hidden, Input: models.Shape{784}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func digest(net *models.Network) string {
	h := sha256.New()
	for _, p := range net.Params {
		for _, v := range p.Data {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// The digest is the promise that old runs stay reproducible, here and on other
// processors: it is the same under GOARCH=386 and, with fused multiply-adds,
// under GOAMD64=v3.
func TestInitIsPinned(t *testing.T) {
	t.Parallel()
	net := build(t, 300, 100)
	zoo.Init(net, 1)
	const want = "c124aed6312762c6370f39c4b4a5875d0774b3bf2a9540ef0cf90e7aa3851642"
	if got := digest(net); got != want {
		t.Errorf("digest of LeNet-300-100 with seed 1 is %s, want %s", got, want)
	}
}

func TestInitIsHeNormal(t *testing.T) {
	t.Parallel()
	net := build(t, 300, 100)
	zoo.Init(net, 7)
	for _, p := range net.Params {
		if p.Role == models.RoleBias {
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s is not all zero", p.Name)
			}
			continue
		}
		deviation, n := math.Sqrt(2/float64(p.Shape[1])), float64(len(p.Data))
		scaled := make([]float64, len(p.Data))
		var mean, square, fourth float64
		for i, v := range p.Data {
			z := float64(v) / deviation
			scaled[i] = z
			mean += z / n
			square += z * z / n
			fourth += z * z * z * z / n
		}
		// Five standard errors of each moment of a normal sample.
		if bound := 5 / math.Sqrt(n); math.Abs(mean) > bound {
			t.Errorf("%s: mean %g, want 0 within %g", p.Name, mean, bound)
		}
		if bound := 5 * math.Sqrt(2/n); math.Abs(square-1) > bound {
			t.Errorf("%s: variance %g, want 1 within %g", p.Name, square, bound)
		}
		if bound := 5 * math.Sqrt(96/n); math.Abs(fourth-3) > bound {
			t.Errorf("%s: fourth moment %g, want 3 within %g", p.Name, fourth, bound)
		}
		if d, bound := kolmogorov(scaled), 1.95/math.Sqrt(n); d > bound { // the 0.1 % point
			t.Errorf("%s: Kolmogorov-Smirnov distance from the normal %g, want at most %g", p.Name, d, bound)
		}
	}
}

// kolmogorov is the largest gap between the sample's distribution and the
// standard normal one.
func kolmogorov(sample []float64) float64 {
	slices.Sort(sample)
	n, gap := float64(len(sample)), 0.0
	for i, z := range sample {
		p := 0.5 * math.Erfc(-z/math.Sqrt2)
		gap = max(gap, p-float64(i)/n, float64(i+1)/n-p)
	}
	return gap
}

func TestInitStreamsAreApart(t *testing.T) {
	t.Parallel()
	short, long, other := build(t, 30, 20), build(t, 30, 20, 20), build(t, 30, 20)
	zoo.Init(short, 3)
	zoo.Init(long, 3)
	zoo.Init(other, 4)
	for _, name := range []string{"fc1.weight", "fc2.weight"} {
		if !slices.Equal(short.Param(name).Data, long.Param(name).Data) {
			t.Errorf("%s changed when a layer was added behind it", name)
		}
		if slices.Equal(short.Param(name).Data, other.Param(name).Data) {
			t.Errorf("%s is the same for seeds 3 and 4", name)
		}
	}
	if fc2, fc3 := long.Param("fc2.weight").Data, long.Param("fc3.weight").Data; slices.Equal(fc2[:20], fc3[:20]) {
		t.Error("fc2 and fc3 have the same stream")
	}
}

func TestInitKeepsMasks(t *testing.T) {
	t.Parallel()
	net := build(t, 2)
	p := net.Param("fc1.weight")
	p.Mask = make([]bool, len(p.Data))
	p.Mask[3] = true
	net.Param("fc1.bias").Data[0] = 5
	zoo.Init(net, 1)
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	if p.Data[3] == 0 || net.Param("fc1.bias").Data[0] != 0 {
		t.Errorf("kept weight %g and bias %g, want a drawn weight and 0", p.Data[3], net.Param("fc1.bias").Data[0])
	}
}
