package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"espalier/models"
	"espalier/models/engine"
)

// Clock tells the time since any fixed moment; only differences count.
type Clock func() time.Duration

// Latency is how long one call of an inference session takes, over rounds. The
// figures are what rounds measured, so that the median is one of them.
type Latency struct {
	Batch  int           `json:"batch"`  // samples of a call
	Rounds int           `json:"rounds"` // each the mean of the calls of a turn
	Median time.Duration `json:"median_ns"`
	Low    time.Duration `json:"low_ns"`  // first quartile of the rounds
	High   time.Duration `json:"high_ns"` // third quartile
}

// PerSecond is the samples a second at the median.
func (l Latency) PerSecond() float64 {
	return float64(l.Batch) / l.Median.Seconds()
}

const (
	roundTime   = 20 * time.Millisecond
	maxCalls    = 1 << 16 // of a round, so that a clock that stands still ends
	latencySeed = 1       // of the input; the time does not depend on it
)

// Candidate is a network, and the forms that its layers run in; see
// [engine.Options].
type Candidate struct {
	Network *models.Network
	Forms   map[string]engine.Form
}

// dense are networks all of whose layers are dense.
func dense(nets []*models.Network) []Candidate {
	all := make([]Candidate, len(nets))
	for i, net := range nets {
		all[i].Network = net
	}
	return all
}

// Latencies is [LatenciesOf] networks all of whose layers are dense.
func Latencies(ctx context.Context, clock Clock, eng engine.Engine, nets []*models.Network, batch, rounds int) ([]Latency, error) {
	return LatenciesOf(ctx, clock, eng, dense(nets), batch, rounds)
}

// LatenciesOf measures calls of batch samples for each network, in its order. The
// networks take turns: a round is a turn for each, and begins with another one
// each time, so that what else the machine does hits all alike. Before the
// first round each network has run for 20 ms. Inputs are normal random numbers,
// the same for networks of one input. It stops with the context's error between
// two turns, and fails where a network does not open.
func LatenciesOf(ctx context.Context, clock Clock, eng engine.Engine, all []Candidate, batch, rounds int) ([]Latency, error) {
	measured, err := takeTurns(ctx, clock, eng, all, turns{batch, rounds, roundTime})
	if err != nil {
		return nil, err
	}
	latencies := make([]Latency, len(all))
	for i, rounds := range measured {
		latencies[i] = latencyOf(rounds, batch)
	}
	return latencies, nil
}

// latencyOf takes the nanoseconds of the rounds.
func latencyOf(rounds []float64, batch int) Latency {
	sorted := slices.Sorted(slices.Values(rounds))
	at := func(share float64) time.Duration {
		return time.Duration(math.Round(stat.Quantile(share, stat.Empirical, sorted, nil)))
	}
	return Latency{Batch: batch, Rounds: len(rounds), Median: at(0.5), Low: at(0.25), High: at(0.75)}
}

// turns say how networks take turns.
type turns struct {
	batch, rounds int
	least         time.Duration // of a turn
}

// takeTurns returns for each network the nanoseconds of a call, by round.
func takeTurns(ctx context.Context, clock Clock, eng engine.Engine, all []Candidate, t turns) (rounds [][]float64, err error) {
	if t.batch < 1 || t.rounds < 1 {
		return nil, fmt.Errorf("latency: batch %d and %d rounds: both are at least 1", t.batch, t.rounds)
	}
	runners := make([]*runner, 0, len(all))
	defer func() {
		for _, r := range runners {
			err = errors.Join(err, r.session.Close())
		}
	}()
	for _, c := range all {
		r, err := open(eng, c, t.batch)
		if err != nil {
			return nil, fmt.Errorf("latency: %w", err)
		}
		runners = append(runners, r)
	}
	for _, r := range runners {
		if err := r.warmUp(ctx, clock, t.least); err != nil {
			return nil, fmt.Errorf("latency: %w", err)
		}
	}
	rounds = make([][]float64, len(all))
	for round := range t.rounds {
		for k := range runners {
			i := (round + k) % len(runners)
			took, err := runners[i].turn(ctx, clock)
			if err != nil {
				return nil, fmt.Errorf("latency: %w", err)
			}
			rounds[i] = append(rounds[i], float64(took)/float64(runners[i].calls))
		}
	}
	return rounds, nil
}

// runner is a network that takes turns.
type runner struct {
	session engine.Session
	x       []float32
	batch   int
	calls   int // of a turn
}

func open(eng engine.Engine, c Candidate, batch int) (*runner, error) {
	session, err := eng.Open(c.Network, engine.Options{Batch: batch, Inference: true, Forms: c.Forms})
	if err != nil {
		return nil, err
	}
	r := &runner{session: session, x: make([]float32, batch*c.Network.Input.Size()), batch: batch, calls: 1}
	random := rand.New(rand.NewPCG(latencySeed, uint64(len(r.x))))
	for i := range r.x {
		r.x[i] = float32(random.NormFloat64())
	}
	return r, nil
}

// warmUp finds how many calls take at least so long.
func (r *runner) warmUp(ctx context.Context, clock Clock, least time.Duration) error {
	if _, err := r.turn(ctx, clock); err != nil {
		return err
	}
	for {
		took, err := r.turn(ctx, clock)
		if err != nil || took >= least {
			return err
		}
		if r.calls >= maxCalls {
			if took <= 0 {
				return fmt.Errorf("the clock stood still for %d calls", r.calls)
			}
			return nil
		}
		r.calls *= 2
	}
}

// turn is the time of the runner's calls.
func (r *runner) turn(ctx context.Context, clock Clock) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	begun := clock()
	for range r.calls {
		if _, err := r.session.Forward(r.x, r.batch); err != nil {
			return 0, err
		}
	}
	return clock() - begun, nil
}
