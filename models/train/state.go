package train

import (
	"fmt"
	"maps"
	"slices"

	"espalier/models/checkpoint"
)

// Snapshot is a deep copy of everything that training needs to go on: the
// network as it is now and, unless the trainer is done, the cursor and the
// optimizer's state.
func (t *Trainer) Snapshot() *checkpoint.Checkpoint {
	c := &checkpoint.Checkpoint{Network: t.Result()}
	if t.Done() {
		return c
	}
	c.Training = &checkpoint.Training{
		Cursor:  t.cursor,
		Numbers: map[string]float64{t.opt.stepNumber(): float64(t.cursor.Step)},
		Tensors: map[string][]float32{},
	}
	for name, tensor := range t.tensors() {
		c.Training.Tensors[name] = slices.Clone(tensor)
	}
	return c
}

// stepNumber names the optimizer's step count. The kind is part of the name,
// so that a state says whose it is.
func (o Optimizer) stepNumber() string { return o.Kind + "/step" }

// tensors are all live tensors of the training state by name.
func (t *Trainer) tensors() map[string][]float32 {
	tensors := t.opt.tensors()
	maps.Copy(tensors, t.ema.tensors())
	return tensors
}

// tensors are the optimizer's live tensors by name: "momentum/fc1.weight".
func (o *optimizer) tensors() map[string][]float32 {
	tensors := map[string][]float32{}
	for s, slot := range o.slotNames() {
		for i, p := range o.params {
			tensors[slot+"/"+p.Name] = o.slots[s][i]
		}
	}
	return tensors
}

// restore takes over the state of an interrupted training.
func (t *Trainer) restore(from *checkpoint.Training) error {
	if err := t.validCursor(from.Cursor); err != nil {
		return err
	}
	steps, ok := from.Numbers[t.opt.stepNumber()]
	if !ok {
		return fmt.Errorf("the state is not of optimizer %s: it has %q, want %q",
			t.o.Optimizer.Kind, slices.Sorted(maps.Keys(from.Numbers)), t.opt.stepNumber())
	}
	if steps != float64(from.Cursor.Step) {
		return fmt.Errorf("the optimizer has taken %g steps, the cursor says %d", steps, from.Cursor.Step)
	}
	if err := t.fill(from.Tensors); err != nil {
		return err
	}
	t.cursor = from.Cursor
	return nil
}

// fill copies the tensors in; names and lengths must be those of the optimizer
// and the average. Masked elements are zeroed.
func (t *Trainer) fill(from map[string][]float32) error {
	own := t.tensors()
	for _, name := range slices.Sorted(maps.Keys(own)) {
		tensor, ok := from[name]
		if !ok {
			return fmt.Errorf("tensor %s of optimizer %s is missing", name, t.o.Optimizer.Kind)
		}
		if len(tensor) != len(own[name]) {
			return fmt.Errorf("tensor %s has %d values, want %d", name, len(tensor), len(own[name]))
		}
		copy(own[name], tensor)
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, ok := own[name]; !ok {
			return fmt.Errorf("tensor %s is not one of optimizer %s and this network", name, t.o.Optimizer.Kind)
		}
	}
	t.opt.mask()
	t.ema.mask()
	return nil
}

// validCursor checks that a cursor lies inside this training.
func (t *Trainer) validCursor(c checkpoint.Cursor) error {
	if c.Epoch < 0 || c.Epoch >= t.o.last() || c.Batch < 0 || c.Batch >= t.batches {
		return fmt.Errorf("the cursor at epoch %d, batch %d is outside %d epochs of %d batches", c.Epoch, c.Batch, t.o.last(), t.batches)
	}
	if want := int64(c.Epoch)*int64(t.batches) + int64(c.Batch); c.Step != want {
		return fmt.Errorf("the cursor at epoch %d, batch %d says step %d, want %d with %d batches an epoch", c.Epoch, c.Batch, c.Step, want, t.batches)
	}
	if c.Seen < c.Batch || c.Seen > c.Batch*t.o.Batch || c.Correct < 0 || c.Correct > c.Seen || !finite(c.LossSum) {
		return fmt.Errorf("the cursor's sums do not fit %d batches of up to %d samples: %d seen, %d correct, loss %g",
			c.Batch, t.o.Batch, c.Seen, c.Correct, c.LossSum)
	}
	return nil
}
