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
	busy    int // slots that are taken by steps
	held    []turn
	atWork  map[*work]struct{}
	took    map[string]time.Duration // the last step of each kind that has ended
	changed chan struct{}            // closed when any of these has changed
}

// work is a step at work.
type work struct {
	kind  string
	began time.Time
}

// New makes slots for so many steps at a time.
func New(slots int) *Slots {
	return &Slots{most: slots, atWork: map[*work]struct{}{}, took: map[string]time.Duration{}, changed: make(chan struct{})}
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
	return s.busy == s.most
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
	if !t.slots.begin(held, info.ActivityType.Name == activities.NameEvaluate, activity.GetWorkerStopChannel(ctx)) {
		return nil, activities.NotBegun()
	}
	defer t.slots.end()
	defer t.slots.work(info.ActivityType.Name)()
	return t.Next.ExecuteActivity(ctx, in)
}

// turn is a step that is held.
type turn struct {
	first bool
	begin chan struct{} // closed when it has a slot
}

// begin waits for a slot, false if none is free before held or the worker is at
// its end. What goes first does so: an evaluation is short, and when it is done
// a trial may end and make room for one whose training can be held.
func (s *Slots) begin(held context.Context, first bool, stop <-chan struct{}) bool {
	s.mutex.Lock()
	if s.busy < s.most {
		s.busy++
		s.mutex.Unlock()
		return true
	}
	mine := turn{first: first, begin: make(chan struct{})}
	at := len(s.held)
	if first {
		at = slices.IndexFunc(s.held, func(t turn) bool { return !t.first })
		if at < 0 {
			at = len(s.held)
		}
	}
	s.held = slices.Insert(s.held, at, mine)
	s.mutex.Unlock()
	select {
	case <-mine.begin:
		return true
	case <-held.Done():
	case <-stop:
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if at := slices.Index(s.held, mine); at >= 0 {
		s.held = slices.Delete(s.held, at, at+1)
		return false
	}
	return true // a slot came at the same moment
}

// end gives a slot to the next that is held.
func (s *Slots) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.held) == 0 {
		s.busy--
		return
	}
	close(s.held[0].begin)
	s.held = slices.Delete(s.held, 0, 1)
}

// work notes that a step begins; the returned function, that it ends. A step of
// an external trainer may be anything, and counts as long.
func (s *Slots) work(kind string) (ends func()) {
	mine := &work{kind: kind, began: time.Now()}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.atWork[mine] = struct{}{}
	s.tell()
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.atWork, mine)
		s.took[kind] = time.Since(mine.began)
		if kind == activities.NameExternal {
			s.took[kind] = Short + 1
		}
		s.tell()
	}
}
