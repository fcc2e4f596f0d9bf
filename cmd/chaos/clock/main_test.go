//go:build long

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program that is built with the overlay has a clock that is set forth and
// back, and measures durations all the same.
func TestClockJumps(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	const program = `package main

import "time"

func main() {
	began := time.Now()
	time.Sleep(1200 * time.Millisecond)
	ended := time.Now()
	println(began.Unix()-ended.Unix() > 5000, ended.Sub(began) < time.Minute)
}
`
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "program")
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for clock, want := range map[string]string{"0:3600,1:-1800": "true true", "": "false true"} {
		c := exec.Command(binary)
		c.Env = append(os.Environ(), "CHAOS_CLOCK="+clock)
		out, err := c.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("with CHAOS_CLOCK=%s: %q, %v, want %q", clock, out, err, want)
		}
	}
}
