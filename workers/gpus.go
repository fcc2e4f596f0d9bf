package workers

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"espalier/activities"
)

// gpusWithin bounds how long nvidia-smi may take: on a machine whose driver
// hangs it never answers.
const gpusWithin = 10 * time.Second

// FindGPUs asks nvidia-smi for the machine's GPUs. A machine without it has
// none; one whose driver does not answer is an error.
func FindGPUs(ctx context.Context) ([]activities.GPU, error) {
	tool, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gpusWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, "--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tool, err)
	}
	return ReadGPUs(string(out))
}

// ReadGPUs reads lines of UUID, name and memory in MiB, as nvidia-smi has them;
// name and memory may be left out.
func ReadGPUs(text string) ([]activities.GPU, error) {
	lines := csv.NewReader(strings.NewReader(text))
	lines.TrimLeadingSpace, lines.FieldsPerRecord = true, -1
	all, err := lines.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("GPUs: %w", err)
	}
	var found []activities.GPU
	seen := map[string]bool{}
	for _, fields := range all {
		g := activities.GPU{UUID: strings.TrimSpace(fields[0])}
		if g.UUID == "" || seen[g.UUID] {
			return nil, fmt.Errorf("GPU %q: want a UUID that no other has", g.UUID)
		}
		seen[g.UUID] = true
		if len(fields) > 1 {
			g.Name = strings.TrimSpace(fields[1])
		}
		if len(fields) > 2 {
			mebibytes, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
			if err != nil || !(mebibytes >= 0) {
				return nil, fmt.Errorf("GPU %s: memory %q is not a number of MiB", g.UUID, fields[2])
			}
			g.Memory = mebibytes / 1024
		}
		found = append(found, g)
	}
	return found, nil
}

// Memory is that of the machine in GiB, 0 where the system does not tell.
func Memory() float64 {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	info, err := fs.Meminfo()
	if err != nil || info.MemTotalBytes == nil {
		return 0
	}
	return float64(*info.MemTotalBytes) / (1 << 30)
}
