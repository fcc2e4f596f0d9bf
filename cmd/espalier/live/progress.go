package live

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"espalier/activities"
	"espalier/config"
	"espalier/workers/runs"
)

// training is the progress of a step that a worker trains in, or nil.
func training(v *runs.View) *activities.Progress {
	if v == nil || v.Step == nil || v.Step.Waiting || v.Step.Progress == nil || v.Step.Progress.Epochs == 0 || v.Step.Progress.Batches == 0 {
		return nil
	}
	return v.Step.Progress
}

// place is how many epochs of a step are behind it.
func place(p *activities.Progress) float64 {
	if p.Batches == 0 {
		return float64(p.Cursor.Epoch)
	}
	return float64(p.Cursor.Epoch) + float64(p.Cursor.Batch)/float64(p.Batches)
}

// epochOf is "5/8, 25 %": the epoch under way, and how much of it is done.
func epochOf(p *activities.Progress) string {
	share := 0.0
	if p.Batches > 0 {
		share = 100 * float64(p.Cursor.Batch) / float64(p.Batches)
	}
	return fmt.Sprintf("%d/%d, %d %%", min(p.Cursor.Epoch+1, p.Epochs), p.Epochs, int(share))
}

// waits says why no worker has a step, or nothing if one has.
func waits(s *runs.Step, now time.Time) string {
	switch {
	case !s.Again.IsZero() && s.Again.After(now):
		return "tried again in " + s.Again.Sub(now).Round(time.Second).String()
	case s.Waiting && s.Queue != "":
		return "waiting for a worker of queue " + s.Queue
	case s.Waiting:
		return "waiting for a worker"
	}
	return ""
}

// tried says that an attempt is not the first, and why, or nothing.
func tried(s *runs.Step) string {
	if s.Attempt <= 1 {
		return ""
	}
	text := fmt.Sprintf("attempt %d", s.Attempt)
	if s.LastFailure != "" {
		text += ": " + s.LastFailure
	}
	return text
}

// ago is the age of something for people, to the second; nothing if it has none.
func ago(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return spell(max(0, now.Sub(at))) + " ago"
}

// About writes how long something takes of which nobody knows exactly: ~45s,
// ~12m, ~1h20m, ~3d4h; nothing for 0.
func About(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return "~" + spell(max(d, time.Second))
}

// spell writes a time with its two largest units: 45s, 1m30s, 1h20m, 3d4h; from
// ten minutes on no seconds.
func spell(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 10*time.Minute:
		return d.Round(time.Second).String()
	case d < day:
		text := strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
		if hours, whole := strings.CutSuffix(text, "h0m"); whole {
			return hours + "h"
		}
		return text
	}
	hours := d.Round(time.Hour)
	return fmt.Sprintf("%dd%dh", hours/day, hours%day/time.Hour)
}

// Rate writes 523.2 images/s and 41.5 k images/s.
func Rate(perSecond float64) string {
	return strings.TrimSpace(humanize.SIWithDigits(perSecond, 1, "")) + " images/s"
}

// Objective writes the value of one with its unit.
func Objective(name string, value float64) string {
	switch name {
	case config.ObjectiveAccuracy, config.ObjectiveSparsity:
		return percent(value)
	case config.ObjectiveBytes:
		return humanize.Bytes(uint64(value))
	case config.ObjectiveLoss:
		return fmt.Sprintf("%.4f", value)
	}
	return humanize.Commaf(value)
}

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }
