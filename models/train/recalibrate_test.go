package train_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/train"
	"espalier/models/zoo"
)

// convolutional is a network of the zoo, trained.
func (r *real) convolutional(t *testing.T, o zoo.Options) *models.Network {
	t.Helper()
	o.Input, o.Classes = models.Shape{1, 28, 28}, 10
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 3)
	trainer := r.start(t, &checkpoint.Checkpoint{Network: net})
	run(t, trainer, -1)
	return trainer.Result()
}

func (r *real) recalibrate(t *testing.T, net *models.Network, batches int) *models.Network {
	t.Helper()
	loader := data.NewLoader(r.split, r.o.Batch, r.o.Seed)
	defer loader.Close()
	anew, err := train.Recalibrate(t.Context(), r.engine, net, loader, batches)
	if err != nil {
		t.Fatal(err)
	}
	if err := anew.Validate(); err != nil {
		t.Fatal(err)
	}
	return anew
}

// accuracy is that on the samples of training, without dropout.
func (r *real) accuracy(t *testing.T, net *models.Network) float64 {
	t.Helper()
	sess, err := r.engine.Open(net, engine.Options{Batch: r.o.Batch, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	loader := data.NewLoader(r.split, r.o.Batch, r.o.Seed)
	defer loader.Close()
	right, seen := 0, 0
	for i := range loader.Batches() {
		x, labels, err := loader.Batch(0, i)
		if err != nil {
			t.Fatal(err)
		}
		logits, err := sess.Forward(x, len(labels))
		if err != nil {
			t.Fatal(err)
		}
		for k, label := range labels {
			best := 0
			for c, v := range logits[k*10 : (k+1)*10] {
				if v > logits[k*10+best] {
					best = c
				}
			}
			if seen++; best == int(label) {
				right++
			}
		}
	}
	return float64(right) / float64(seen)
}

func TestRecalibrationRestoresAccuracy(t *testing.T) {
	t.Parallel()
	r := newReal(t, 400)
	r.o.L1, r.o.Epochs = train.Penalty{}, 5
	net := r.convolutional(t, zoo.Options{Arch: "vgg-11-bn", Width: 0.125, Dropout: 0.2})
	spoilt, draw := net.Clone(), rand.New(rand.NewPCG(1, 2))
	for _, p := range spoilt.Params {
		for i := range p.Data {
			switch p.Role {
			case models.RoleMean:
				p.Data[i] += float32(3 * draw.NormFloat64() * math.Sqrt(float64(net.Param(p.Node + ".variance").Data[i])))
			case models.RoleVariance:
				p.Data[i] *= float32(math.Exp(2 * draw.NormFloat64()))
			}
		}
	}
	before := spoilt.Clone()
	anew := r.recalibrate(t, spoilt, 6)
	if diff := cmp.Diff(before, spoilt, bits); diff != "" {
		t.Errorf("the network has changed: %s", diff)
	}
	was, low, is := r.accuracy(t, net), r.accuracy(t, spoilt), r.accuracy(t, anew)
	if t.Logf("accuracy %.3f, spoilt %.3f, recalibrated %.3f", was, low, is); !(low < was-0.2 && is > was-0.03) {
		t.Errorf("accuracy %.3f, spoilt %.3f, recalibrated %.3f; want what it was", was, low, is)
	}
	for i, p := range anew.Params {
		if p.Role.Trained() && !cmp.Equal(p, net.Params[i], bits) {
			t.Errorf("%s has changed", p.Name)
		}
	}
	if diff := cmp.Diff(net.Nodes, anew.Nodes, bits); diff != "" {
		t.Errorf("the nodes have changed: %s", diff)
	}
	// Neither what the statistics were nor dropout has a part in them.
	for i := range net.Nodes {
		net.Nodes[i].Attrs.Rate = 0
	}
	for i, p := range r.recalibrate(t, net, 6).Params {
		if !cmp.Equal(p, anew.Params[i], bits) {
			t.Errorf("%s depends on the statistics before, or on dropout", p.Name)
		}
	}
}

// A normalization of the input itself shows which samples were counted: five
// batches of four are those of the first epoch and one of the second.
func TestRecalibrationAveragesTheBatches(t *testing.T) {
	t.Parallel()
	r := newReal(t, 200)
	net := normalized(0, 1)
	anew, err := train.Recalibrate(t.Context(), r.engine, net, newClusters(4*batch, 1), 5)
	if err != nil {
		t.Fatal(err)
	}
	source := newClusters(4*batch, 1)
	for c := range inputs {
		mean, variance := 0.0, 0.0
		for i := range 5 {
			x, _, _ := source.Batch(i/4, i%4)
			m, s := 0.0, 0.0
			for k := range batch {
				m += float64(x[k*inputs+c]) / batch
			}
			for k := range batch {
				s += math.Pow(float64(x[k*inputs+c])-m, 2) / (batch - 1)
			}
			mean, variance = mean+m/5, variance+s/5
		}
		gotM, gotV := float64(anew.Param("norm.mean").Data[c]), float64(anew.Param("norm.variance").Data[c])
		if math.Abs(gotM-mean) > 1e-5 || math.Abs(gotV-variance) > 1e-5*(1+variance) {
			t.Errorf("channel %d: mean %g, variance %g, want %g, %g", c, gotM, gotV, mean, variance)
		}
	}
}

func TestRecalibrationOfNothing(t *testing.T) {
	t.Parallel()
	r := newReal(t, 100)
	net := network(0.3, 1)
	same, err := train.Recalibrate(t.Context(), r.engine, net, newClusters(samples, 1), 2)
	if diff := cmp.Diff(net, same, bits); err != nil || diff != "" || same == net {
		t.Errorf("without batch normalization: %v, want a copy: %s", err, diff)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := train.Recalibrate(stopped, r.engine, normalized(0, 1), newClusters(samples, 1), 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	_, err = train.Recalibrate(t.Context(), r.engine, net, newClusters(samples, 1), 0)
	wantError(t, err, "0 batches, want at least 1")
	_, err = train.Recalibrate(t.Context(), r.engine, normalized(0, 1), newClusters(0, 1), 1)
	wantError(t, err, "the data gives 0 batches")
	gone := &flaky{newClusters(samples, 1), func([]float32, []int32) ([]float32, []int32, error) { return nil, nil, errors.New("disk gone") }}
	_, err = train.Recalibrate(t.Context(), r.engine, normalized(0, 1), gone, 5)
	wantError(t, err, "epoch 0, batch 3: disk gone")
	broken := normalized(0, 1)
	broken.Params = broken.Params[1:]
	_, err = train.Recalibrate(t.Context(), r.engine, broken, newClusters(samples, 1), 1)
	wantError(t, err, "recalibrate: network")
}
