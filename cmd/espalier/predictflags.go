package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/models/data"
	"espalier/models/engine"
)

// predictFlags are those of the command.
type predictFlags struct {
	top, limit, batch int
	form, data        string
	mean, deviation   []float64
	resize            bool
}

// publishedSets are the data sets whose normalization is known.
func publishedSets() []string {
	return slices.DeleteFunc(data.Names(), func(name string) bool {
		_, _, ok := data.Published(name)
		return !ok
	})
}

// formNames are what --form takes.
func formNames() []string {
	return []string{"auto", string(engine.Dense), string(engine.Sparse), string(engine.Shared)}
}

// formOf is the form that a flag names; "" where it is chosen by layer.
func formOf(name string) (engine.Form, error) {
	if !slices.Contains(formNames(), name) {
		return "", usageError{fmt.Errorf("--form %q: %s are allowed", name, strings.Join(formNames(), ", "))}
	}
	if name == "auto" {
		return "", nil
	}
	return engine.Form(name), nil
}

func (f predictFlags) check() error {
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"top", f.top, 1}, {"limit", f.limit, 0}, {"batch", f.batch, 1}} {
		if n.value < n.least {
			return usageError{fmt.Errorf("--%s %d: at least %d is allowed", n.flag, n.value, n.least)}
		}
	}
	if _, err := formOf(f.form); err != nil {
		return err
	}
	told := len(f.mean) + len(f.deviation)
	switch {
	case f.data == "" && told == 0:
		return usageError{fmt.Errorf("say how images were normalized in training: by --data (%s), or by --mean and --std", strings.Join(publishedSets(), ", "))}
	case f.data != "" && told > 0:
		return usageError{errors.New("--data and --mean or --std: one of both says how images are normalized")}
	case f.data == "" && (len(f.mean) == 0 || len(f.deviation) == 0):
		return usageError{errors.New("--mean and --std: both are needed")}
	case f.data != "" && !slices.Contains(publishedSets(), f.data):
		return usageError{fmt.Errorf("--data %q: %s are allowed; for others there are --mean and --std", f.data, strings.Join(publishedSets(), ", "))}
	}
	return nil
}

// normalization is that of a network of so many channels.
func (f predictFlags) normalization(channels int) (mean, deviation []float64, tables []data.Normalization, err error) {
	mean, deviation = f.mean, f.deviation
	if f.data != "" {
		mean, deviation, _ = data.Published(f.data)
		if len(mean) != channels {
			return nil, nil, nil, usageError{fmt.Errorf("--data %s: its images have channels: %d, and the network's input: %d", f.data, len(mean), channels)}
		}
	}
	for name, values := range map[string]*[]float64{"mean": &mean, "std": &deviation} {
		if len(*values) == 1 {
			*values = slices.Repeat(*values, channels)
		}
		if len(*values) != channels {
			return nil, nil, nil, usageError{fmt.Errorf("--%s: values: %d; the network's input has channels: %d", name, len(*values), channels)}
		}
	}
	for c := range channels {
		n, err := data.Normalized(mean[c], deviation[c])
		if err != nil {
			return nil, nil, nil, usageError{fmt.Errorf("--mean and --std: channel %d: %w", c, err)}
		}
		tables = append(tables, n)
	}
	return mean, deviation, tables, nil
}
