// Command clock writes a copy of Go's package time whose clock jumps, and the
// file by which `go build -overlay` puts it in the place of the original. A
// program that is built so reads CHAOS_CLOCK, as "SECONDS:JUMP,...": so long
// after its start its wall clock is off by so many seconds. As with a real
// clock that is set, the monotonic one goes on.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "clock: one argument is expected, the folder to write to")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "clock:", err)
		os.Exit(1)
	}
}

// write makes the patched file and the overlay.
func write(folder string) error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	patched, err := patch(string(source))
	if err != nil {
		return fmt.Errorf("%s: %w", original, err)
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	copied := filepath.Join(folder, "time.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(copied, []byte(patched), 0o644), os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o644))
}

// patch has every reading of the wall clock pass through a function that is
// added at the end.
func patch(source string) (string, error) {
	const reading = "sec, nsec, mono := runtimeNow()"
	if strings.Count(source, reading) != 1 || !strings.Contains(source, "\t_ \"unsafe\"") || !strings.Contains(source, "startNano") {
		return "", errors.New("package time is not as this program knows it")
	}
	source = strings.Replace(source, reading, reading+"\n\tsec += clockJump(mono)", 1)
	source = strings.Replace(source, "\t_ \"unsafe\"", "\t\"sync\"\n\t\"syscall\"\n\t_ \"unsafe\"", 1)
	return source + jumping, nil
}

const jumping = `
var clockJumps struct {
	once        sync.Once
	after, jump []int64
}

// clockJump is how far the wall clock is off, in seconds.
func clockJump(mono int64) int64 {
	clockJumps.once.Do(func() {
		text, _ := syscall.Getenv("CHAOS_CLOCK")
		number, sign, after := int64(0), int64(1), int64(0)
		for i := 0; i <= len(text); i++ {
			switch {
			case i == len(text) || text[i] == ',':
				if text != "" {
					clockJumps.after = append(clockJumps.after, after*int64(Second))
					clockJumps.jump = append(clockJumps.jump, sign*number)
				}
				number, sign = 0, 1
			case text[i] == ':':
				after, number, sign = sign*number, 0, 1
			case text[i] == '-':
				sign = -1
			default:
				number = 10*number + int64(text[i]-'0')
			}
		}
	})
	jump := int64(0)
	for i, after := range clockJumps.after {
		if mono-startNano >= after {
			jump = clockJumps.jump[i]
		}
	}
	return jump
}
`
