package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Endpoint says how to reach a running stack from this machine. It prints and
// logs without its secret; the JSON in Home/server.json has it, for the
// owner's eyes only.
type Endpoint struct {
	PID             int       `json:"pid"`
	Started         time.Time `json:"started"`
	TemporalAddress string    `json:"temporal_address"` // host:port
	Namespace       string    `json:"namespace"`
	S3Endpoint      string    `json:"s3_endpoint"` // http://host:port
	S3Bucket        string    `json:"s3_bucket"`
	AccessKey       string    `json:"access_key"`
	SecretKey       string    `json:"secret_key"`
}

// String leaves the secret key out.
func (e Endpoint) String() string {
	return fmt.Sprintf("process %d: temporal %s (namespace %s), %s/%s", e.PID, e.TemporalAddress, e.Namespace,
		e.S3Endpoint, e.S3Bucket)
}

// GoString leaves the secret key out.
func (e Endpoint) GoString() string { return "local.Endpoint{" + e.String() + "}" }

// LogValue leaves the secret key out.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// ErrNotRunning is the answer of [Find] where no stack runs.
var ErrNotRunning = errors.New("no embedded server runs there")

// Find returns how to reach the stack that some process on this machine runs
// on home. Where none runs it gives [ErrNotRunning] with what to do.
func Find(home string) (*Endpoint, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	if !alive(home) {
		return nil, fmt.Errorf("home %s: %w; start one with espalier server, or name another home", home, ErrNotRunning)
	}
	path := endpointPath(home)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("home %s: process %d is starting or stopping its server; try again in a moment: %w",
			home, holder(home), ErrNotRunning)
	}
	if err != nil {
		return nil, err
	}
	var e Endpoint
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("%s: %w; restart the server to write it anew", path, err)
	}
	// A server that was killed leaves its file; the next one takes the lock an
	// instant before it removes it.
	if pid := holder(home); pid != 0 && pid != e.PID {
		return nil, fmt.Errorf("home %s: process %d is starting its server; try again in a moment: %w",
			home, pid, ErrNotRunning)
	}
	return &e, nil
}

func endpointPath(home string) string { return filepath.Join(home, "server.json") }

func (e Endpoint) save(home string) error { return writeJSON(endpointPath(home), e) }

func removeEndpoint(home string) error {
	if err := os.Remove(endpointPath(home)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeJSON replaces a private file whole: a reader sees the old text or the
// new one, also after a power cut.
func writeJSON(path string, v any) (err error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	// CreateTemp makes the file readable by its owner only.
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one that tells
		}
	}()
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
