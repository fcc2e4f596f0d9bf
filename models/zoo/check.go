package zoo

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxScale bounds Options.Width: the largest layer has then 2^20 channels.
const maxScale = 1024

// check refuses options that make no sense for the architecture.
func (a architecture) check(o Options) error {
	if a.name == "lenet-300-100" && len(o.Hidden) > 0 {
		return fmt.Errorf("hidden %v cannot be set, its name says 300 and 100; use mlp for other widths", o.Hidden)
	}
	if err := a.checkGiven(o); err != nil {
		return err
	}
	if a.takes("hidden") {
		if err := checkHidden(o.Hidden); err != nil {
			return err
		}
	}
	if err := checkRanges(o); err != nil {
		return err
	}
	return a.checkInput(o)
}

// checkGiven refuses the options that the architecture does not take.
func (a architecture) checkGiven(o Options) error {
	for _, given := range []struct {
		option string
		value  any
		set    bool
	}{
		{"hidden", o.Hidden, len(o.Hidden) > 0},
		{"dropout", o.Dropout, o.Dropout != 0},
		{"batch_norm", o.BatchNorm, o.BatchNorm},
		{"relu", o.ReLU, o.ReLU},
		{"width", o.Width, o.Width != 0},
		{"shortcut", o.Shortcut, o.Shortcut != ""},
		{"growth", o.Growth, o.Growth != 0},
		{"stem", o.Stem, o.Stem != 0},
		{"head", o.Head, o.Head != ""},
	} {
		if given.set && !a.takes(given.option) {
			return fmt.Errorf("%s %v cannot be set; it takes %s", given.option, given.value, strings.Join(a.options, ", "))
		}
	}
	return nil
}

func checkHidden(hidden []int) error {
	if len(hidden) == 0 {
		return errors.New("hidden is empty; give the width of at least one hidden layer")
	}
	for i, width := range hidden {
		if width < 1 || width > maxWidth {
			return fmt.Errorf("hidden width %d is %d; allowed is 1 to %d", i+1, width, maxWidth)
		}
	}
	return nil
}

func checkRanges(o Options) error {
	switch {
	case !(o.Dropout >= 0 && o.Dropout < 1): // written so that NaN fails too
		return fmt.Errorf("dropout %g is not in [0, 1)", o.Dropout)
	case o.Classes < 2 || o.Classes > maxWidth:
		return fmt.Errorf("%d classes; allowed is 2 to %d", o.Classes, maxWidth)
	case !(o.Width >= 0 && o.Width <= maxScale):
		return fmt.Errorf("width %g is not in (0, %d]; it is the factor of the channel counts", o.Width, maxScale)
	case o.Shortcut != "" && !slices.Contains(Shortcuts(), o.Shortcut):
		return fmt.Errorf("shortcut %q is not known; allowed are %s", o.Shortcut, strings.Join(Shortcuts(), ", "))
	case o.Growth < 0 || o.Growth > maxWidth:
		return fmt.Errorf("growth %d; allowed is 1 to %d", o.Growth, maxWidth)
	case o.Stem < 0 || o.Stem > maxWidth:
		return fmt.Errorf("stem %d; allowed is 1 to %d", o.Stem, maxWidth)
	case o.Head != "" && !slices.Contains(Heads(), o.Head):
		return fmt.Errorf("head %q is not known; allowed are %s", o.Head, strings.Join(Heads(), ", "))
	}
	return nil
}

func (a architecture) checkInput(o Options) error {
	if len(o.Input) == 0 {
		return errors.New("input shape is empty; give the extents of one sample")
	}
	features := 1
	for _, extent := range o.Input {
		if extent < 1 || extent > maxParams/features {
			return fmt.Errorf("input shape %v: every extent is at least 1 and their product at most %d", o.Input, maxParams)
		}
		features *= extent
	}
	if a.minimum == 0 {
		return nil
	}
	if len(o.Input) != 3 {
		return fmt.Errorf("input shape %v: it reads images of channels, height and width, such as %v", o.Input, a.input)
	}
	for _, extent := range o.Input[1:] {
		if most := cmp.Or(a.maximum, math.MaxInt); extent < a.minimum || extent > most {
			return fmt.Errorf("input shape %v: height and width are %s", o.Input, a.sizes())
		}
	}
	return nil
}

func (a architecture) sizes() string {
	if a.maximum == 0 {
		return fmt.Sprintf("at least %d", a.minimum)
	}
	return fmt.Sprintf("%d to %d", a.minimum, a.maximum)
}
