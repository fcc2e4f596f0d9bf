package activities_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"espalier/activities"
	"espalier/config"
)

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func TestEveryLineOfAStepSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	b, log := newBench(t), &lines{}
	b.steps.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	prepared := b.prepare(t)
	in := activities.TrainInput{Head: head("s-3", prepared.Checkpoint), Data: digits, DataDigest: prepared.DataDigest, Train: sgd}
	in.Sweep, in.Trial, in.Pass, in.Train.EvaluateEvery = "s", 3, 2, 1
	for _, lr := range []float64{0.05, 1e20} { // the second diverges
		in.Train.Optimizer.SGD = &config.SGD{LR: lr}
		_, err := do[activities.StepResult](b, b.steps.Train, in)
		if failed := lr > 1; failed != (err != nil) {
			t.Fatalf("Train with rate %g: %v", lr, err)
		}
	}
	told := map[string]int{}
	for text := range bytes.Lines(log.text.Bytes()) {
		var line map[string]any
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		message, _ := line["msg"].(string)
		told[message]++
		want := map[string]any{"run": "s-3", "sweep": "s", "trial": 3.0, "pass": 2.0, "attempt": 1.0, "activity": "Train"}
		if line["activity"] == "Prepare" {
			want = map[string]any{"run": "a", "pass": 0.0, "attempt": 1.0}
		}
		for name, value := range want {
			if line[name] != value {
				t.Errorf("%s is %v, want %v in %s", name, line[name], value, text)
			}
		}
		if key, _ := line["key"].(string); len(key) != 64 {
			t.Errorf("key is %q, want a step key in %s", key, text)
		}
	}
	for _, message := range []string{"training begins", "epoch done", "step done", "step left"} {
		if told[message] == 0 {
			t.Errorf("no line says %q; told was %v", message, told)
		}
	}
}
