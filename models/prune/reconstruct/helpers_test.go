package reconstruct_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"espalier/models"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/prune/channel"
	"espalier/models/prune/reconstruct"
	"espalier/models/train"
	"espalier/models/zoo"
)

// samples are digits to reconstruct on, of which the networks have been trained.
const samples = 400

// trained is a network, and the samples.
type trained struct {
	net    *models.Network
	engine engine.Engine
	x      []float32
	err    error
}

// lenet and residual are trained once for all tests.
var (
	lenet    = sync.OnceValue(func() trained { return learn(zoo.Options{Arch: "lenet-5"}, 600, 4) })
	residual = sync.OnceValue(func() trained { return learn(zoo.Options{Arch: "resnet-20", Width: 0.5}, samples, 2) })
)

func learn(o zoo.Options, n, epochs int) trained {
	o.Input, o.Classes = models.Shape{1, 28, 28}, 10
	var t trained
	if t.net, t.err = zoo.Build(o); t.err != nil {
		return t
	}
	zoo.Init(t.net, 3)
	if t.engine, t.err = gorgonia.New(gorgonia.Options{Threads: 2}); t.err != nil {
		return t
	}
	set, err := data.Open(context.Background(), data.Options{Name: data.Digits, Train: n, Test: 10})
	if err != nil {
		return trained{err: err}
	}
	t.x = make([]float32, samples*t.net.Input.Size())
	indices := make([]int32, samples)
	for i := range indices {
		indices[i] = int32(i)
	}
	set.Train.Gather(indices, t.x, make([]int32, samples))
	t.err = t.train(set.Train, epochs)
	return t
}

func (t *trained) train(split *data.Split, epochs int) error {
	o := train.Options{Epochs: epochs, Batch: 50, Seed: 5, Schedule: train.Schedule{Kind: train.Cosine},
		Optimizer: train.Optimizer{Kind: train.SGD, LR: 0.01, Momentum: 0.9}}
	session, err := t.engine.Open(t.net, o.Engine())
	if err != nil {
		return err
	}
	defer session.Close()
	loader := data.NewLoader(split, o.Batch, o.Seed)
	defer loader.Close()
	trainer, err := train.New(t.net, session, loader, o, nil)
	if err != nil {
		return err
	}
	for !trainer.Done() {
		if _, err := trainer.Step(); err != nil {
			return err
		}
	}
	t.net = trainer.Snapshot().Network
	return nil
}

// use gives a test the network.
func use(t *testing.T, once func() trained) trained {
	t.Helper()
	got := once()
	if got.err != nil {
		t.Fatal(got.err)
	}
	return got
}

// problem is to keep so many channels of a group of the network itself.
func (t trained) problem(tb testing.TB, group string, keep int) reconstruct.Problem {
	tb.Helper()
	g := groupOf(tb, t.net, group)
	return reconstruct.Problem{
		Engine: t.engine, Original: t.net, Current: t.net, Group: g, Alive: g.Free(), Keep: keep,
		X: t.x, N: len(t.x) / t.net.Input.Size(), Points: 3, Seed: 1, Reconstruct: true,
	}
}

func groupOf(t testing.TB, net *models.Network, name string) channel.Group {
	t.Helper()
	groups, err := channel.Groups(net)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(groups, func(g channel.Group) bool { return g.Name == name })
	if i < 0 {
		t.Fatalf("no group %s", name)
	}
	return groups[i]
}

// done gives what one of the functions chose.
func done(t testing.TB) func(*reconstruct.Choice, error) *reconstruct.Choice {
	return func(c *reconstruct.Choice, err error) *reconstruct.Choice {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// applied is the network after a choice.
func applied(t testing.TB, net *models.Network, group string, c *reconstruct.Choice) *models.Network {
	t.Helper()
	pruned, err := channel.Zero(net, channel.Set{group: c.Gone})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pruned.Params {
		if values, ok := c.Values[p.Name]; ok {
			copy(p.Data, values)
		}
	}
	if err := pruned.Validate(); err != nil {
		t.Fatalf("the network with the fitted values: %v", err)
	}
	return pruned
}

// gone are so many of 0 to n-1, drawn.
func gone(r *rand.Rand, n, count int) []int {
	some := r.Perm(n)[:count]
	slices.Sort(some)
	return some
}

func backend(t testing.TB) engine.Engine {
	t.Helper()
	e, err := gorgonia.New(gorgonia.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
