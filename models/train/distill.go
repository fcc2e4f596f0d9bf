package train

import (
	"errors"
	"fmt"
)

// Teacher gives the logits of a trained network: n x classes for n samples,
// valid until the next call. An inference session of an engine is one; it must
// take batches as large as the training's. Equal samples must give equal logits,
// or a resumed training goes elsewhere.
type Teacher interface {
	Forward(x []float32, n int) ([]float32, error)
}

// errNoTeacher is what a step answers that has nobody to ask.
var errNoTeacher = errors.New("distillation wants a teacher")

// SetTeacher gives the training its teacher, which Options.Distill wants before
// the first step. It is asked about every batch as the network sees it,
// augmented.
func (t *Trainer) SetTeacher(teacher Teacher) { t.teacher = teacher }

// teach tells the session what the teacher says of a batch.
func (t *Trainer) teach(x []float32, n int) error {
	if !t.o.Distill.On() {
		return nil
	}
	if t.teacher == nil {
		return errNoTeacher
	}
	logits, err := t.teacher.Forward(x, n)
	if err != nil {
		return fmt.Errorf("teacher: %w", err)
	}
	return t.sess.Teach(logits)
}
