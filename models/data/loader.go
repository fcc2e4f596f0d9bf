package data

import (
	"errors"
	"fmt"
)

// ErrClosed is the error of a Loader after Close.
var ErrClosed = errors.New("data: the loader is closed")

// Loader cuts a split into batches, in the order of [Permutation], and gathers
// the next batch in the background while the current one is trained on. It
// belongs to one goroutine.
type Loader struct {
	split   *Split
	batch   int
	seed    uint64
	augment Augmentation
	size    int // of one image

	// The batches take turns: the last two that were handed out stay valid
	// while the third is being filled.
	ring [3]buffer
	next int // the one that is being filled, or is filled next

	ahead   place // what was asked of the background
	pending bool  // whether an answer to that is due
	asks    chan ask
	done    chan struct{} // one for each ask
	ended   chan struct{} // closed when the background has left
	closed  bool
}

// place is a batch's place: batch i of an epoch.
type place struct{ epoch, i int }

type ask struct {
	place
	into *buffer
}

type buffer struct {
	x      []float32
	labels []int32
	n      int
}

// NewLoader starts a loader. Its order is a function of seed; batch is the
// number of samples in every batch but an epoch's last, which may be shorter.
// Close ends it.
func NewLoader(s *Split, batch int, seed uint64) *Loader {
	return NewAugmentedLoader(s, batch, seed, Augmentation{})
}

// NewAugmentedLoader starts a loader that varies every image in the background.
// The augmentation must be valid for the split's shape.
func NewAugmentedLoader(s *Split, batch int, seed uint64, a Augmentation) *Loader {
	l := &Loader{split: s, batch: batch, seed: seed, augment: a, size: s.shape.Size(),
		asks: make(chan ask, 1), done: make(chan struct{}, 1), ended: make(chan struct{})}
	room := max(0, min(batch, s.Len()))
	for k := range l.ring {
		l.ring[k] = buffer{x: make([]float32, room*l.size), labels: make([]int32, room)}
	}
	go l.background(newShuffler(seed))
	return l
}

// Batches is the number of batches in an epoch.
func (l *Loader) Batches() int {
	if l.batch <= 0 {
		return 0
	}
	return (l.split.Len() + l.batch - 1) / l.batch
}

// Batch returns batch i of an epoch, both counted from 0: normalized pixels,
// n x Shape.Size(), and n labels. They are valid until the next call but one.
// Any batch may be asked for; the one after the last is there soonest.
func (l *Loader) Batch(epoch, i int) (x []float32, labels []int32, err error) {
	if err := l.check(epoch, i); err != nil {
		return nil, nil, err
	}
	want := place{epoch, i}
	if !l.pending || l.ahead != want {
		if l.pending {
			<-l.done // of a batch that nobody wants now; its buffer is used again
		}
		l.ask(want)
	}
	<-l.done
	l.pending = false
	b := &l.ring[l.next]
	l.next = (l.next + 1) % len(l.ring)
	l.ask(l.after(want))
	return b.x[:b.n*l.size], b.labels[:b.n], nil
}

func (l *Loader) check(epoch, i int) error {
	switch n := l.Batches(); {
	case l.closed:
		return ErrClosed
	case l.batch <= 0:
		return fmt.Errorf("data: batch size %d: want 1 or more", l.batch)
	case epoch < 0:
		return fmt.Errorf("data: epoch %d: want 0 or more", epoch)
	case i < 0 || i >= n:
		return fmt.Errorf("data: batch %d: an epoch has batches 0 to %d (%d samples, %d a batch)", i, n-1, l.split.Len(), l.batch)
	}
	return nil
}

func (l *Loader) after(p place) place {
	if p.i+1 < l.Batches() {
		return place{p.epoch, p.i + 1}
	}
	return place{p.epoch + 1, 0}
}

func (l *Loader) ask(p place) {
	l.ahead, l.pending = p, true
	l.asks <- ask{p, &l.ring[l.next]}
}

// background fills buffers until asks is closed. It keeps the order of one
// epoch and computes it anew only when the epoch changes.
func (l *Loader) background(s *shuffler) {
	defer close(l.ended)
	order, of := make([]int32, l.split.Len()), -1
	var vary augmenter
	for a := range l.asks {
		if a.epoch != of {
			s.fill(order, a.epoch)
			vary = l.augment.forEpoch(l.seed, a.epoch)
			of = a.epoch
		}
		indices := order[a.i*l.batch : min((a.i+1)*l.batch, len(order))]
		if l.augment == (Augmentation{}) {
			l.split.Gather(indices, a.into.x, a.into.labels)
		} else {
			vary.gather(l.split, indices, a.into.x, a.into.labels)
		}
		a.into.n = len(indices)
		l.done <- struct{}{}
	}
}

// Close ends the background work and waits for it. Batches that were handed
// out stay as they are. Close may be called again.
func (l *Loader) Close() {
	if l.closed {
		return
	}
	l.closed = true
	close(l.asks)
	<-l.ended
}
