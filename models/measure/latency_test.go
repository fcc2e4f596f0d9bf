package measure_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier/models"
	"espalier/models/engine"
	"espalier/models/engine/gorgonia"
	"espalier/models/measure"
	"espalier/models/zoo"
)

// steady is a clock on which every turn takes so long, and how often it was read.
func steady(turn time.Duration) (measure.Clock, *int) {
	read := 0
	return func() time.Duration {
		read++
		return time.Duration(read) * turn
	}, &read
}

// turning is a clock on which the turns take so long, one after the other.
func turning(turns ...time.Duration) measure.Clock {
	read, now := 0, time.Duration(0)
	return func() time.Duration {
		if read++; read%2 == 0 {
			now += turns[read/2-1]
		}
		return now
	}
}

func defaultEngine(t *testing.T) engine.Engine {
	t.Helper()
	e, err := gorgonia.New(gorgonia.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func build(t *testing.T, o zoo.Options) *models.Network {
	t.Helper()
	defaults, _ := zoo.Default(o.Arch)
	if o.Input == nil {
		o.Input = defaults.Input
	}
	if o.Classes == 0 {
		o.Classes = 10
	}
	net, err := zoo.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	zoo.Init(net, 1)
	return net
}

func perceptron(t *testing.T, hidden int) *models.Network {
	t.Helper()
	return build(t, zoo.Options{Arch: "mlp", Hidden: []int{hidden}, Input: models.Shape{6}, Classes: 3})
}

func milliseconds(ms ...int) []time.Duration {
	turns := make([]time.Duration, len(ms))
	for i, n := range ms {
		turns[i] = time.Duration(n) * time.Millisecond
	}
	return turns
}

func TestLatenciesAreQuartilesOfInterleavedRounds(t *testing.T) {
	t.Parallel()
	nets := []*models.Network{perceptron(t, 2), perceptron(t, 4)}
	clock := turning(milliseconds(
		90, 25, // the first network: its first turn does not count, the second is long enough for one call
		90, 19, 25, // the second takes two calls a turn
		// Rounds of the two, which begin with one and the other in turn.
		30, 60, 70, 31, 32, 80, 90, 33, 34, 100,
	)...)
	got, err := measure.Latencies(t.Context(), clock, defaultEngine(t), nets, 7, 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []measure.Latency{
		{Batch: 7, Rounds: 5, Median: 32 * time.Millisecond, Low: 31 * time.Millisecond, High: 33 * time.Millisecond},
		{Batch: 7, Rounds: 5, Median: 40 * time.Millisecond, Low: 35 * time.Millisecond, High: 45 * time.Millisecond},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Latencies (-want +got):\n%s", diff)
	}
	if rate := got[0].PerSecond(); rate != 7/0.032 {
		t.Errorf("%g samples a second, want %g", rate, 7/0.032)
	}
}

func TestLatenciesRefuse(t *testing.T) {
	t.Parallel()
	image := build(t, zoo.Options{Arch: "lenet-5"})
	image.Nodes = image.Nodes[:2] // ends in an image
	image.Params = image.Params[:2]
	running, _ := steady(time.Second)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx           context.Context
		clock         measure.Clock
		net           *models.Network
		batch, rounds int
		want          string
	}{
		"no sample":                   {t.Context(), running, perceptron(t, 2), 0, 1, "batch 0 and 1 rounds: both are at least 1"},
		"no round":                    {t.Context(), running, perceptron(t, 2), 1, 0, "batch 1 and 0 rounds: both are at least 1"},
		"a network without logits":    {t.Context(), running, image, 1, 1, "want a flat one"},
		"a clock that stands still":   {t.Context(), func() time.Duration { return 0 }, perceptron(t, 2), 1, 1, "the clock stood still for 65536 calls"},
		"a context that ended":        {ended, running, perceptron(t, 2), 1, 1, context.Canceled.Error()},
		"a network that is not whole": {t.Context(), running, &models.Network{Name: "none"}, 1, 1, "no nodes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := measure.Latencies(test.ctx, test.clock, defaultEngine(t), []*models.Network{test.net}, test.batch, test.rounds)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Latencies: %v, want %q", err, test.want)
			}
		})
	}
}

func TestLatenciesStopBetweenTurns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	clock := func() time.Duration {
		if read++; read == 8 {
			cancel()
		}
		return time.Duration(read) * time.Second
	}
	_, err := measure.Latencies(ctx, clock, defaultEngine(t), []*models.Network{perceptron(t, 2)}, 1, 1000)
	if !errors.Is(err, context.Canceled) || read != 8 {
		t.Errorf("Latencies: %v after %d readings of the clock, want %v after 8", err, read, context.Canceled)
	}
}
