package train_test

import (
	"testing"

	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/engine"
	"espalier/models/train"
)

// taught is a real training whose trainers have that network as a teacher.
func (r *real) taught(t *testing.T, teacher *models.Network, d engine.Distillation) {
	t.Helper()
	sess, err := r.engine.Open(teacher, engine.Options{Batch: r.o.Batch, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sess.Close() })
	r.teacher, r.o.Distill = sess, d
}

// The small network comes nearer to what a trained one says by listening to it
// alone: no label is used.
func TestANetworkLearnsFromItsTeacherAlone(t *testing.T) {
	t.Parallel()
	r := newReal(t, 400)
	r.o.Epochs, r.o.Schedule.Kind = 8, train.Constant
	master := r.start(t, &checkpoint.Checkpoint{Network: digits(t)})
	run(t, master, -1)

	r.taught(t, master.Result(), engine.Distillation{Weight: 1, Temperature: 2})
	pupil := r.start(t, &checkpoint.Checkpoint{Network: digits(t)})
	progress := run(t, pupil, -1)
	first, last := progress[6], progress[len(progress)-1]
	if !(last.MeanLoss < first.MeanLoss/3 && last.Accuracy > 0.6) {
		t.Errorf("loss %.3f after %.3f, accuracy %.3f; want a third of the loss and 0.6", last.MeanLoss, first.MeanLoss, last.Accuracy)
	}
}

// The promise of the package holds with a teacher, on augmented images too.
func TestResumeOfADistillationIsExact(t *testing.T) {
	t.Parallel()
	r := newReal(t, 300)
	r.augment = data.Augmentation{Shift: 2}
	r.o.LabelSmoothing = 0.1
	r.taught(t, digits(t), engine.Distillation{Weight: 0.2, Temperature: 2})
	r.interrupted(t, digits(t), 1, 7, 3, -1)
}

func TestDistillationWantsATeacherThatFits(t *testing.T) {
	t.Parallel()
	r := newReal(t, 100)
	r.o.Distill = engine.Distillation{Weight: 0.5, Temperature: 4}
	trainer := r.start(t, &checkpoint.Checkpoint{Network: digits(t)})
	_, err := trainer.Step()
	wantError(t, err, "step 0: distillation wants a teacher")
	for _, c := range map[string]struct {
		teacher train.Teacher
		want    string
	}{
		"of smaller batches": {narrowTeacher(t, r, 10), "teacher: engine gorgonia: 64 samples, want 1 to 10"},
		"of other classes":   {classesOf(7), "448 logits of a teacher"},
	} {
		trainer.SetTeacher(c.teacher)
		_, err := trainer.Step()
		wantError(t, err, c.want)
	}
	trainer.SetTeacher(classesOf(10))
	run(t, trainer, 1)
}

func narrowTeacher(t *testing.T, r *real, batch int) train.Teacher {
	t.Helper()
	sess, err := r.engine.Open(digits(t), engine.Options{Batch: batch, Inference: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sess.Close() })
	return sess
}

// classesOf is a teacher that finds so many classes all alike.
type classesOf int

func (c classesOf) Forward(_ []float32, n int) ([]float32, error) {
	return make([]float32, n*int(c)), nil
}
