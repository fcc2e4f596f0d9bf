package prune_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/prune"
)

// checkPruned holds for every plan by sparsity and its result: nothing comes
// back, the count is exact, and no weight goes while a smaller one stays.
func checkPruned(t *testing.T, before, after *models.Network, o prune.Options) {
	t.Helper()
	var layers [][2]*models.Param
	for i, p := range before.Params {
		if p.Role == models.RoleWeight {
			layers = append(layers, [2]*models.Param{p, after.Params[i]})
		}
	}
	scopes := [][][2]*models.Param{layers}
	if o.Scope == prune.ScopeLayer {
		scopes = nil
		for _, l := range layers {
			scopes = append(scopes, [][2]*models.Param{l})
		}
	}
	for _, scope := range scopes {
		size, had, left := 0, 0, 0
		smallestKept, largestGone := math.Inf(1), math.Inf(-1)
		for _, l := range scope {
			size += len(l[0].Data)
			for i, w := range l[0].Data {
				was, stays := l[0].Mask == nil || l[0].Mask[i], l[1].Mask == nil || l[1].Mask[i]
				switch {
				case stays && !was:
					t.Fatalf("%s: weight %d came back", l[0].Name, i)
				case stays:
					had, left = had+1, left+1
					smallestKept = min(smallestKept, math.Abs(float64(w)))
					if l[1].Data[i] != w {
						t.Fatalf("%s: weight %d changed from %g to %g", l[0].Name, i, w, l[1].Data[i])
					}
				case was:
					had++
					largestGone = max(largestGone, math.Abs(float64(w)))
				}
			}
		}
		if want := min(had, size-int(math.Round(o.Sparsity*float64(size)))); left != want {
			t.Fatalf("%d of %d weights stay at sparsity %g, want %d", left, size, o.Sparsity, want)
		}
		if largestGone > smallestKept {
			t.Fatalf("a weight of %g goes while one of %g stays", largestGone, smallestKept)
		}
	}
}

func TestPasses(t *testing.T) {
	t.Parallel()
	for _, scope := range prune.Scopes() {
		net := mlp(t, 3, 12, 10, 8)
		for pass := 1; pass <= 6; pass++ {
			sparsity, err := prune.At("cubic", pass, 6, 0, 0.85)
			if err != nil {
				t.Fatal(err)
			}
			o := prune.Options{Method: "han", Scope: scope, Sparsity: sparsity}
			before := net.Clone()
			p := plan(t, net, o)
			if again := plan(t, net, o); !cmp.Equal(p, again) {
				t.Errorf("two plans of the same network differ:\n%s", cmp.Diff(p, again))
			}
			pruned := apply(t, net, p)
			if diff := cmp.Diff(before, net); diff != "" {
				t.Fatalf("NewPlan or Apply changed the network:\n%s", diff)
			}
			checkPruned(t, before, pruned, o)
			net = retrained(pruned, uint64(pass))
		}
	}
}

// retrained moves the weights that stay, as training would.
func retrained(net *models.Network, seed uint64) *models.Network {
	net = net.Clone()
	for n, p := range net.Params {
		for i := range p.Data {
			p.Data[i] += float32(math.Sin(float64(seed) + float64(i*(n+1))))
		}
		p.ApplyMask()
	}
	return net
}

func TestPlanThroughJSON(t *testing.T) {
	t.Parallel()
	net := mlp(t, 4, 9, 8, 7)
	o := han(0.8)
	o.DeadNeurons, o.AdjustDropout, o.Exclude = true, true, []string{"fc1"}
	before := plan(t, net, o)
	data, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after prune.Plan
	if err := json.Unmarshal(data, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, &after); diff != "" {
		t.Errorf("through JSON (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(apply(t, net, before), apply(t, net, &after)); diff != "" {
		t.Errorf("the replayed plan does something else:\n%s", diff)
	}
}

func FuzzPlan(f *testing.F) {
	nasty := func(values ...float32) (data []byte) {
		for _, v := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		return data
	}
	nan, huge := float32(math.NaN()), float32(math.MaxFloat32)
	f.Add(nasty(), 0.5, true, false)
	f.Add(nasty(1), 0.5, true, true)
	f.Add(nasty(0, 0, 0, 1), 0.9, false, false)
	f.Add(nasty(1, 2, nan), 0.5, false, true)
	f.Add(nasty(huge, -huge, math.SmallestNonzeroFloat32, 0), 0.7, true, true)
	f.Add(nasty(1, float32(math.Inf(1))), math.NaN(), false, false)
	f.Add(nasty(float32(math.Copysign(0, -1)), 3), -1.0, true, true)
	f.Add(nasty(1, 2, 3), math.Inf(1), true, false)
	f.Fuzz(func(t *testing.T, data []byte, sparsity float64, global, dead bool) {
		net := mlp(t, 1, 3, 4, 2)
		fill(net, data)
		o := han(sparsity)
		if global {
			o.Scope = prune.ScopeGlobal
		}
		p, err := prune.NewPlan(context.Background(), net, o, prune.Basis{})
		if err != nil {
			return
		}
		checkPruned(t, net, apply(t, net, p), o)
		if o.DeadNeurons = dead; dead {
			if p, err = prune.NewPlan(context.Background(), net, o, prune.Basis{}); err == nil {
				apply(t, net, p)
			}
		}
	})
}

// fill sets the weights to the float32 values in data, over and over.
func fill(net *models.Network, data []byte) {
	var values []float32
	for chunk := range slices.Chunk(data, 4) {
		if len(chunk) == 4 {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(chunk)))
		}
	}
	n := 0
	for _, p := range net.Params {
		for i := range p.Data {
			if len(values) > 0 && p.Role == models.RoleWeight {
				p.Data[i] = values[n%len(values)]
				n++
			}
		}
	}
}

func FuzzApply(f *testing.F) {
	net := mlp(f, 4, 4, 3)
	o := han(0.5)
	o.DeadNeurons, o.AdjustDropout = true, true
	good, err := json.Marshal(plan(f, net, o))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"layers":[{"name":"fc1","param":"fc1.weight","weights":12,"before":12,"after":1,"mask":"AQ=="}]}`))
	f.Add([]byte(`{"layers":[{"name":"fc1","param":"fc1.weight","weights":12,"before":12,"after":12,"bias":[{"neuron":-1,"value":1}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p prune.Plan
		if json.Unmarshal(data, &p) != nil {
			return
		}
		_ = p.String()
		pruned, err := prune.Apply(net, &p)
		if err != nil {
			return
		}
		if err := pruned.Validate(); err != nil {
			t.Fatalf("Apply accepts a plan that spoils the network: %v", err)
		}
	})
}
