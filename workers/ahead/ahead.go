// Package ahead lets a worker hold the steps that it does next: while one is
// reported and the server decides what follows, the next one is at work
// already. That is a tenth of a second a step, which only short steps notice,
// so only after short ones is any held, and none for long: a step that finds no
// room goes back to the queue, where another worker may be free.
package ahead

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"espalier/activities"
)

const (
	// Short is how long a step takes at most after which others are held.
	Short = 2 * time.Second
	// Patience is how long a step is held at most: two are before the last of
	// those that are.
	Patience = 2 * Short
	// deep is how many steps are held for each slot: for a training and the
	// evaluation of the one before.
	deep = 2
)

// Slots are those of one queue's worker: so many steps are at work at a time,
// and others are held beside them while steps are short.
type Slots struct {
	interceptor.WorkerInterceptorBase
	most int

	mutex   sync.Mutex
	taken   int // steps at work, held or asked for
	atWork  map[*step]struct{}
	held    []*step                  // evaluations first
	took    map[string]time.Duration // the last step of each kind that has ended
	changed chan struct{}            // closed when any of these has changed
}

// step is one that a worker has taken.
type step struct {
	kind  string
	begin chan struct{} // closed when it has a slot
	began time.Time
}

// New makes slots for so many steps at a time.
func New(slots int) *Slots {
	return &Slots{most: slots, atWork: map[*step]struct{}{}, took: map[string]time.Duration{}, changed: make(chan struct{})}
}

// Serve sets the slots into a worker's options, in the place of
// MaxConcurrentActivityExecutionSize.
func (s *Slots) Serve(o *worker.Options) {
	o.Tuner = tuner{s}
	o.Interceptors = append(o.Interceptors, s)
}

// tuner has only steps: a worker of steps asks for nothing else.
type tuner struct{ steps worker.SlotSupplier }

func (t tuner) GetActivityTaskSlotSupplier() worker.SlotSupplier    { return t.steps }
func (t tuner) GetWorkflowTaskSlotSupplier() worker.SlotSupplier    { return t.steps }
func (t tuner) GetLocalActivitySlotSupplier() worker.SlotSupplier   { return t.steps }
func (t tuner) GetNexusSlotSupplier() worker.SlotSupplier           { return t.steps }
func (t tuner) GetSessionActivitySlotSupplier() worker.SlotSupplier { return t.steps }

// ReserveSlot waits until the worker may ask for another step.
func (s *Slots) ReserveSlot(ctx context.Context, _ worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	for {
		ok, changed := s.reserve()
		if ok {
			return &worker.SlotPermit{}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// TryReserveSlot is ReserveSlot that does not wait: nil if it had to.
func (s *Slots) TryReserveSlot(worker.SlotReservationInfo) *worker.SlotPermit {
	if ok, _ := s.reserve(); ok {
		return &worker.SlotPermit{}
	}
	return nil
}

func (s *Slots) reserve() (ok bool, changed <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.taken >= s.most && (s.taken >= s.MaxSlots() || !s.soon()) {
		return false, s.changed
	}
	s.taken++
	return true, nil
}

// soon tells whether all slots have a step that is likely to end soon, and no
// kind of step was long of late, which those that are fetched may be of. A worker
// with a free slot holds none: all that come to it begin.
func (s *Slots) soon() bool {
	for w := range s.atWork {
		if _, known := s.took[w.kind]; !known || time.Since(w.began) > Short {
			return false
		}
	}
	for _, d := range s.took {
		if d > Short {
			return false
		}
	}
	return len(s.atWork) == s.most
}

// MarkSlotUsed is of no interest here.
func (s *Slots) MarkSlotUsed(worker.SlotMarkUsedInfo) {}

// ReleaseSlot gives back what ReserveSlot gave.
func (s *Slots) ReleaseSlot(worker.SlotReleaseInfo) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.taken--
	s.tell()
}

// MaxSlots is the most that there ever are.
func (s *Slots) MaxSlots() int { return (1 + deep) * s.most }

func (s *Slots) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// InterceptActivity has steps wait for their turn.
func (s *Slots) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &turns{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, slots: s}
}

type turns struct {
	interceptor.ActivityInboundInterceptorBase
	slots *Slots
}

func (t *turns) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	// Held steps have no heartbeat, which would take the place of what the last
	// attempt told.
	info, patience := activity.GetInfo(ctx), Patience
	if beat := info.HeartbeatTimeout; beat > 0 {
		patience = min(patience, beat/3)
	}
	held, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	mine := t.slots.take(info.ActivityType.Name)
	if !t.slots.await(held, mine, activity.GetWorkerStopChannel(ctx)) {
		return nil, activities.NotBegun(ctx)
	}
	defer t.slots.end(mine)
	return t.Next.ExecuteActivity(ctx, in)
}

// take has a step begin, or held if no slot is free. Evaluations are held before
// all else: they are short, and when one is done a trial may end and make room
// for one whose training can be held.
func (s *Slots) take(kind string) *step {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	mine := &step{kind: kind, begin: make(chan struct{})}
	if len(s.atWork) < s.most {
		s.start(mine)
		return mine
	}
	at := len(s.held)
	if kind == activities.NameEvaluate {
		if other := slices.IndexFunc(s.held, func(h *step) bool { return h.kind != kind }); other >= 0 {
			at = other
		}
	}
	s.held = slices.Insert(s.held, at, mine)
	return mine
}

// start gives a slot to a step.
func (s *Slots) start(next *step) {
	next.began = time.Now()
	s.atWork[next] = struct{}{}
	close(next.begin)
	s.tell()
}

// await waits for a step's slot, false if it has none before held or the worker
// is at its end.
func (s *Slots) await(held context.Context, mine *step, stop <-chan struct{}) bool {
	select {
	case <-mine.begin:
		return true
	case <-held.Done():
	case <-stop:
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := slices.Index(s.held, mine)
	if at < 0 { // a slot came at the same moment
		return true
	}
	s.held = slices.Delete(s.held, at, at+1)
	return false
}

// end gives a step's slot to the next that is held. A step of an external trainer
// may be anything, and counts as long.
func (s *Slots) end(mine *step) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.atWork, mine)
	s.took[mine.kind] = time.Since(mine.began)
	if mine.kind == activities.NameExternal {
		s.took[mine.kind] = Short + 1
	}
	if len(s.held) > 0 {
		s.start(s.held[0])
		s.held = slices.Delete(s.held, 0, 1)
	}
	s.tell()
}
