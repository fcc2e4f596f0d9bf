package train

import "fmt"

// DivergedError says that training has left the realm of numbers. Trying again
// gives the same: the learning rate, or another setting, must change.
type DivergedError struct {
	Step  int64   // the optimizer step, from 0
	Loss  float64 // of its batch; finite if it was the gradients or a parameter that were not
	LR    float64 // the optimizer's base learning rate
	Param string  // the parameter that the step left without a finite value, if it was that
}

// Error says what is not finite and what to try.
func (e *DivergedError) Error() string {
	what := fmt.Sprintf("the loss is %g", e.Loss)
	switch {
	case e.Param != "":
		what = e.Param + " is not finite"
	case finite(e.Loss):
		what = "the gradient is not finite"
	}
	return fmt.Sprintf("training diverged at step %d: %s; try a learning rate lower than %g", e.Step, what, e.LR)
}
