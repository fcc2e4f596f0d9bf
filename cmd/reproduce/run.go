package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// runner drives the espalier program.
type runner struct {
	out                io.Writer
	data, home, binary string
	seeds              []uint64
}

// runAll makes the results that are missing, one after the other, with a line
// for each. One that fails does not keep the others from being made.
func (r *runner) runAll(ctx context.Context, b *book, experiments []experiment) error {
	total := 0
	for _, e := range experiments {
		total += len(b.planned(e))
	}
	done, failed := 0, 0
	for _, e := range experiments {
		for _, seed := range b.planned(e) {
			done++
			if ctx.Err() != nil {
				return errors.New("interrupted; the same command goes on")
			}
			begun := time.Now()
			outcome, err := r.make(ctx, b, e, seed)
			if err != nil {
				failed++
				outcome = "failed: " + err.Error()
			}
			fmt.Fprintf(r.out, "%d/%d %s seed %d, %s: %s\n", done, total, e.id, seed, time.Since(begun).Round(time.Second), outcome)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d runs failed", failed, total)
	}
	return nil
}

// make makes one result unless it is kept, and says what came out.
func (r *runner) make(ctx context.Context, b *book, e experiment, seed uint64) (string, error) {
	spec, err := e.write(specData{Seed: seed, Data: r.data}, func(id string) (*result, error) {
		if other := b.results[id][seed]; other != nil {
			return other, nil
		}
		return nil, fmt.Errorf("%s with seed %d is missing", id, seed)
	})
	if err != nil {
		return "", err
	}
	kept, made := b.results[e.id][seed], r.file(e.id, seed, ".json")
	if old, err := os.ReadFile(r.file(e.id, seed, ".yaml")); err == nil && string(old) == spec && kept != nil {
		return "kept, " + kept.summary(), nil
	}
	// Without its result a spec counts for nothing, and the other way round.
	if err := os.Remove(made); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	delete(b.results[e.id], seed)
	if err := keep(r.file(e.id, seed, ".yaml"), []byte(spec)); err != nil {
		return "", err
	}
	text, err := r.espalier(ctx, "run", "--json", "--progress", "none", r.file(e.id, seed, ".yaml"))
	if err != nil {
		return "", err
	}
	fresh := &result{}
	if err := json.Unmarshal(text, fresh); err != nil || len(fresh.Rows) == 0 {
		return "", fmt.Errorf("espalier printed no result: %.200q", text)
	}
	if err := keep(made, text); err != nil {
		return "", err
	}
	b.results.put(e.id, seed, fresh)
	return fresh.summary(), nil
}

// summary is the accuracy before and after.
func (r *result) summary() string {
	text := fmt.Sprintf("%.2f %%", 100*r.Rows[0].Accuracy)
	if last, ok := r.at(lastPass); ok && last.Pass > 0 {
		text += fmt.Sprintf(" -> %.2f %%, %d of %d weights", 100*last.Accuracy, last.NonZero, r.Rows[0].Weights)
	}
	return text
}

// espalier runs a command of the program and answers with what it prints. What
// it says of a fault is the error.
func (r *runner) espalier(ctx context.Context, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, r.binary, append([]string{"--home", r.home}, args...)...)
	c.Stdout, c.Stderr = &out, &errs
	c.Cancel = func() error { return leave(c.Process) }
	c.WaitDelay = time.Minute
	err := c.Run()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		return nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return out.Bytes(), nil
}

// leave asks a process to end that has had time to do so by itself: ^C reaches
// it from the terminal as well, and a second signal would cost it the work
// since its last checkpoint.
func leave(p *os.Process) error {
	const look = 250 * time.Millisecond
	for range 7 * time.Second / look {
		if err := p.Signal(syscall.Signal(0)); err != nil {
			return err
		}
		time.Sleep(look)
	}
	return p.Signal(syscall.SIGTERM)
}
