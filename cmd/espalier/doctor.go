package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"espalier/models/checkpoint"
	"espalier/models/engine"
	"espalier/workers/local"
)

// finding is one line of the doctor's: what there is, and what would help.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

func doctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check what this machine has and what would help",
		Example: "  espalier doctor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			steps, err := a.stepsWithoutStore()
			if err != nil {
				return err
			}
			f := steps.Engine.Fingerprint()
			findings := []finding{cpuFinding(f), blasFinding(f), gpuFinding(ctx), a.diskFinding(), a.temporalFinding(ctx), a.storeFinding(ctx)}
			if a.json {
				err = a.printJSON(findings)
			} else {
				a.printFindings(findings)
			}
			for _, f := range findings {
				if !f.OK {
					return errors.Join(err, errors.New("doctor: something above needs mending"))
				}
			}
			return err
		},
	}
}

func (a *app) printFindings(findings []finding) {
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "BAD "
		}
		fmt.Fprintf(a.out, "%s %-9s %s\n", mark, f.What, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(a.out, "               %s\n", f.Advice)
		}
	}
}

func cpuFinding(f engine.Fingerprint) finding {
	return finding{What: "CPU", OK: true, Found: fmt.Sprintf("%s, %d threads", f.CPU, f.Threads)}
}

func blasFinding(f engine.Fingerprint) finding {
	found := finding{What: "BLAS", OK: true, Found: f.BLAS}
	if !strings.HasPrefix(f.BLAS, "openblas") {
		found.Advice = "install OpenBLAS for several times the speed: apt install libopenblas0 (Debian, Ubuntu), dnf install openblas (Fedora)"
	}
	return found
}

func gpuFinding(ctx context.Context) finding {
	found := finding{What: "GPU", OK: true, Found: "none found"}
	tool, err := exec.LookPath("nvidia-smi")
	if err != nil {
		found.Advice = "steps run on the CPU; a machine with an NVIDIA driver serves the queue gpu with: espalier worker --queue gpu"
		return found
	}
	out, err := exec.CommandContext(ctx, tool, "--query-gpu=name,memory.total,uuid", "--format=csv,noheader").Output()
	if err != nil {
		return finding{What: "GPU", Found: fmt.Sprintf("%s: %v", tool, err), Advice: "the driver is installed but does not answer; check it with nvidia-smi"}
	}
	found.Found = strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; ")
	return found
}

// diskNeeded is room for the embedded servers and a few runs.
const diskNeeded = 1 << 30

func (a *app) diskFinding() finding {
	free, err := freeFor(a.home)
	if err != nil {
		return finding{What: "disk", Found: fmt.Sprintf("%s cannot be examined: %v", a.home, err), Advice: "choose a folder that can be written with --home or ESPALIER_HOME"}
	}
	found := finding{What: "disk", OK: free >= diskNeeded, Found: fmt.Sprintf("%s free for %s", humanize.Bytes(free), a.home)}
	if !found.OK {
		found.Advice = "make room, or choose another folder with --home or ESPALIER_HOME"
	}
	return found
}

func (a *app) temporalFinding(ctx context.Context) finding {
	if !a.env.TemporalConfigured() {
		if e, err := local.Find(a.home); err == nil {
			return finding{What: "Temporal", OK: true, Found: fmt.Sprintf("embedded, running at %s (process %d)", e.TemporalAddress, e.PID)}
		}
		return finding{What: "Temporal", OK: true, Found: "embedded, not running", Advice: "`espalier run` and `espalier server` start it; a cluster is used with TEMPORAL_ADDRESS or a profile"}
	}
	c, err := a.dialConfigured(ctx)
	if err != nil {
		return finding{What: "Temporal", Found: err.Error(), Advice: "check " + strings.Join(a.env.Temporal, ", ")}
	}
	defer c.close()
	return finding{What: "Temporal", OK: true, Found: "answers at " + c.address}
}

func (a *app) storeFinding(ctx context.Context) finding {
	if a.env.S3 == nil && a.env.TemporalConfigured() {
		return finding{What: "S3", Found: "no store is configured", Advice: "set ESPALIER_S3, as s3://bucket/prefix?endpoint=host:port, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	}
	if a.env.S3 == nil {
		return finding{What: "S3", OK: true, Found: "embedded, in " + a.home + "/s3", Advice: "a bucket of your own is used with ESPALIER_S3"}
	}
	c := &connection{s3: configuredS3(a.env.S3)}
	store, err := c.openStore(ctx)
	if err == nil {
		err = roundTrip(ctx, store)
	}
	if err != nil {
		return finding{What: "S3", Found: err.Error(), Advice: "check ESPALIER_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	}
	return finding{What: "S3", OK: true, Found: fmt.Sprintf("%s: writes, reads and deletes", store)}
}

// roundTrip writes, reads and deletes an object of its own.
func roundTrip(ctx context.Context, store checkpoint.Store) error {
	key := fmt.Sprintf("doctor/%d.txt", time.Now().UnixNano())
	text := []byte("espalier doctor\n")
	if err := store.Put(ctx, key, bytes.NewReader(text), int64(len(text))); err != nil {
		return err
	}
	body, _, err := store.Get(ctx, key)
	if err != nil {
		return err
	}
	back, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	if !bytes.Equal(back, text) {
		return fmt.Errorf("%s: %s came back changed", store, key)
	}
	return store.Delete(ctx, key)
}
