package activities

import (
	"context"
	"sync"
	"time"

	"espalier/models/checkpoint"
)

// Progress is the heartbeat of a step: a look at where it is, for people. A
// new attempt never needs it; it asks the store.
type Progress struct {
	Kind       string            `json:"kind"`
	Pass       int               `json:"pass"`
	Tied       bool              `json:"tied,omitempty"`    // the values that a quantized network's weights share are trained
	Portion    float64           `json:"portion,omitempty"` // of the weights that share some, if others are still free
	Phase      string            `json:"phase"`             // "loading", "training", "saving", "waiting"
	Key        string            `json:"key,omitempty"`
	Cursor     checkpoint.Cursor `json:"cursor,omitzero"`
	Epochs     int               `json:"epochs,omitempty"`
	Batches    int               `json:"batches,omitempty"` // in an epoch
	Loss       float64           `json:"loss,omitempty"`
	Accuracy   float64           `json:"accuracy,omitempty"`
	LR         float64           `json:"lr,omitempty"`
	Rate       float64           `json:"rate,omitempty"` // training images a second
	Look       *Look             `json:"look,omitempty"` // the newest point of the curve, if one is drawn
	Checkpoint checkpoint.Digest `json:"checkpoint,omitempty"`
	SavedAt    time.Time         `json:"saved_at,omitzero"`
	SavedStep  int64             `json:"saved_step,omitempty"` // optimizer steps that the newest checkpoint holds
	From       int64             `json:"from,omitempty"`       // optimizer step that this attempt began at
	Worker     string            `json:"worker,omitempty"`
	Notes      []string          `json:"notes,omitempty"`    // what the attempt found wrong when it began
	Failures   int               `json:"failures,omitempty"` // of the trainer, in a row, since its newest checkpoint
}

// silence is how long a step may go without a sign of life of its own before
// its heartbeat stops, so that a step that hangs is noticed.
const silence = 10 * time.Minute

// hearEvery is how long a step goes without asking whether it is to stop,
// however long its heartbeat timeout: a pause or a cancellation comes with the
// answer to a heartbeat.
const hearEvery = 5 * time.Second

// pulse sends a step's heartbeats: the newest progress, at a steady beat, for
// as long as the step itself shows life.
type pulse struct {
	seen  Observed
	mu    sync.Mutex
	last  Progress
	alive time.Time
	stop  chan struct{}
	done  sync.WaitGroup
}

func startPulse(ctx context.Context, every time.Duration, first Progress, seen Observed) *pulse {
	p := &pulse{last: first, alive: time.Now(), stop: make(chan struct{}), seen: seen}
	beat(ctx, first)
	p.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ctx.Done():
				return
			case now := <-tick.C:
				p.mu.Lock()
				details, quiet := p.last, now.Sub(p.alive)
				p.mu.Unlock()
				if quiet < silence {
					beat(ctx, details)
				}
			}
		}
	})
	return p
}

// set shows life and changes what the next heartbeat says.
func (p *pulse) set(change func(*Progress)) {
	p.mu.Lock()
	change(&p.last)
	p.alive = time.Now()
	p.seen.Progress(p.last) // within the lock: in the order of the changes
	p.mu.Unlock()
}

// tell sends the newest progress now.
func (p *pulse) tell(ctx context.Context) {
	p.mu.Lock()
	details := p.last
	p.mu.Unlock()
	beat(ctx, details)
}

func (p *pulse) close() {
	close(p.stop)
	p.done.Wait()
}
