package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two kills in training and one at the start. The first attempt was at step 40
// at 1.5 s and was killed at 1.7 s; the second began at step 40 at 3 s, saved
// nothing and was killed at 3.1 s; the third was killed before it trained.
func TestMeasureWhatKillsCost(t *testing.T) {
	t.Parallel()
	zero := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }
	line := func(seconds float64, message string, step int) string {
		return fmt.Sprintf(`{"time":%q,"msg":%q,"key":"k","step":%d}`, at(seconds).Format(time.RFC3339Nano), message, step)
	}
	log := strings.Join([]string{
		line(0, "process starts", 0),
		line(1, "training begins", 0),
		line(1.2, "snapshot", 20),
		line(1.25, "training", 25),
		line(1.5, "snapshot", 40),
		line(2, "process starts", 0),
		line(3, "training begins", 40),
		line(4, "process starts", 0),
		line(5, "process starts", 0),
		line(5.6, "training begins", 40),
		line(5.9, "training", 50) + `{"time":"2026-01-02T0`,
	}, "\n")
	path := filepath.Join(t.TempDir(), "worker.log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	var found verification
	if err := found.measure(path, []time.Time{at(1.7), at(3.1), at(4.5)}); err != nil {
		t.Fatal(err)
	}
	if found.InTraining != 2 || found.Repeated != 200*time.Millisecond || found.SlowestResume != time.Second {
		t.Errorf("%d kills in training, %v repeated, %v to resume; want 2, 200ms, 1s", found.InTraining, found.Repeated, found.SlowestResume)
	}
}
