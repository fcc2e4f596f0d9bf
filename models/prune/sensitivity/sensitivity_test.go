package sensitivity_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"espalier/models"
	"espalier/models/prune"
	"espalier/models/prune/sensitivity"
	"espalier/models/zoo"
)

var shares = []float64{0.1, 0.25, 0.5, 0.9, 0.999999}

func network(t *testing.T, o zoo.Options) *models.Network {
	t.Helper()
	o.Classes = 10
	if def, _ := zoo.Default(o.Arch); o.Input == nil {
		o.Input = def.Input
	}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 3)
	return net
}

// left counts the weights of each layer that are not masked.
func left(net *models.Network) map[string]int {
	n := map[string]int{}
	for _, p := range net.Params {
		if p.Role != models.RoleWeight {
			continue
		}
		n[p.Node] = len(p.Data)
		for _, stays := range p.Mask {
			if !stays {
				n[p.Node]--
			}
		}
	}
	return n
}

func TestScanMasksWeightsOfOneLayerAlone(t *testing.T) {
	t.Parallel()
	net := network(t, zoo.Options{Arch: "mlp", Hidden: []int{20, 12}, Input: models.Shape{30}})
	whole := left(net)
	for _, method := range []string{"han", "random"} {
		o := prune.Options{Method: method, Scope: prune.ScopeGlobal, Sparsity: 0.5, DeadNeurons: true, AdjustDropout: true}
		targets, err := prune.Targets(net, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(targets) != len(whole) {
			t.Errorf("%s: %d targets, want %d layers", method, len(targets), len(whole))
		}
		for _, target := range targets {
			var seen []int
			curve, err := sensitivity.Scan(t.Context(), net, o, prune.Basis{}, target.Name, shares, func(_ context.Context, pruned *models.Network) (float64, error) {
				now := left(pruned)
				for layer, n := range now {
					if layer != target.Name && n != whole[layer] {
						t.Errorf("%s of %s: layer %s has %d of %d weights left", method, target.Name, layer, n, whole[layer])
					}
				}
				seen = append(seen, whole[target.Name]-now[target.Name])
				return float64(now[target.Name]) / float64(target.Size), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(curve.Points) != 4 || len(curve.LeftOut) != 1 || !strings.Contains(curve.LeftOut[0].Why, "at most") || curve.Size != whole[target.Name] {
				t.Fatalf("%s of %s: %+v, want four points of %d weights, and that all cannot go", method, target.Name, curve, whole[target.Name])
			}
			for i, p := range curve.Points {
				if p.Removed != seen[i] || p.Share != shares[i] || math.Abs(p.Accuracy+curve.Removed(p)-1) > 1e-9 || curve.Removed(p)-p.Share > 0.6/float64(curve.Size) {
					t.Errorf("%s of %s: point %+v, removed were %d", method, target.Name, p, seen[i])
				}
			}
		}
	}
}

func TestScanRemovesChannelsOfOneLayerAlone(t *testing.T) {
	t.Parallel()
	net := network(t, zoo.Options{Arch: "resnet-20", Width: 0.25, Input: models.Shape{3, 8, 8}})
	o := prune.Options{Method: "filter-norm", Scope: prune.ScopeLayer, Channels: 0.3, Exclude: []string{"layer2.0.conv1"}}
	o.MaxPerPass, o.Multiple, o.Norm = 0.1, 8, "l1"
	targets, err := prune.Targets(net, o)
	if err != nil {
		t.Fatal(err)
	}
	closed, open := map[string]int{}, 0
	for _, target := range targets {
		if target.Closed != "" {
			closed[target.Closed]++
			continue
		}
		open++
		whole, err := net.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		evaluations := 0
		curve, err := sensitivity.Scan(t.Context(), net, o, prune.Basis{}, target.Name, shares[:4], func(_ context.Context, pruned *models.Network) (float64, error) {
			evaluations++
			now, err := pruned.Shapes()
			if err != nil {
				t.Error(err)
			}
			for _, node := range net.Nodes {
				makes := node.Op == models.OpConv2D || node.Op == models.OpLinear
				if makes && (now[node.Name][0] != whole[node.Name][0]) != (node.Name == target.Name) {
					t.Errorf("%s: %s has %v, had %v", target.Name, node.Name, now[node.Name], whole[node.Name])
				}
			}
			return float64(now[target.Name][0]) / float64(target.Size), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		distinct := map[int]bool{}
		for _, p := range curve.Points {
			distinct[p.Removed] = true
			if math.Abs(p.Accuracy+curve.Removed(p)-1) > 1e-9 || curve.Removed(p) < p.Share-1e-9 {
				t.Errorf("%s: point %+v of %d channels", target.Name, p, curve.Size)
			}
		}
		// 0.1 and 0.25 of four channels are one channel, and 0.9 would be all.
		if len(curve.Points)+len(curve.LeftOut) != 4 || evaluations != len(distinct) || target.Size == 4 && (evaluations != 2 || len(curve.LeftOut) != 1) {
			t.Errorf("%s: %d evaluations for %+v", target.Name, evaluations, curve)
		}
	}
	if open != 8 || closed["excluded"] != 1 || closed["coupled"] != 3 || closed["output"] != 1 {
		t.Errorf("%d open and %v closed targets, want the first convolution of all blocks but one open", open, closed)
	}
}

func TestScanLeavesOutWhatTheMethodCannotScore(t *testing.T) {
	t.Parallel()
	net := network(t, zoo.Options{Arch: "lenet-5"})
	o := prune.Options{Method: "slimming", Scope: prune.ScopeGlobal}
	never := func(context.Context, *models.Network) (float64, error) {
		return 0, errors.New("nothing is to be evaluated")
	}
	curve, err := sensitivity.Scan(t.Context(), net, o, prune.Basis{}, "conv1", shares[:2], never)
	if err != nil || len(curve.Points) > 0 || len(curve.LeftOut) != 2 || curve.LeftOut[0].Why == "" {
		t.Errorf("Scan(slimming without batch normalization) = %+v, %v", curve, err)
	}
	if _, err := sensitivity.Scan(t.Context(), net, o, prune.Basis{}, "conv9", shares, never); !errors.Is(err, sensitivity.ErrUnknown) {
		t.Errorf("Scan(conv9) of a network without one = %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	o.Method = "filter-norm"
	failing := func(ctx context.Context, _ *models.Network) (float64, error) { return 0, ctx.Err() }
	if _, err := sensitivity.Scan(stopped, net, o, prune.Basis{}, "conv1", shares, failing); !errors.Is(err, context.Canceled) {
		t.Errorf("Scan(cancelled) = %v", err)
	}
}

func TestTargetsAreNamesThatLayersTake(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"lenet-5", "vgg-11-bn", "resnet-20"} {
		o := zoo.Options{Arch: arch, Classes: 10, Width: 0.25}
		def, _ := zoo.Default(arch)
		o.Input = def.Input
		net, err := zoo.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"filter-norm", "slimming"} {
			about, err := prune.Describe(method)
			if err != nil {
				t.Fatal(err)
			}
			p := prune.Options{Method: method, Scope: prune.ScopeLayer}
			p.Branch = about.Branch
			targets, err := prune.Targets(net, p)
			if err != nil {
				t.Fatal(err)
			}
			names, err := prune.Layers(net, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range targets {
				if !slices.Contains(names, target.Name) && target.Closed == "" {
					t.Errorf("%s: %s of %s is no layer", method, target.Name, arch)
				}
			}
		}
	}
}
