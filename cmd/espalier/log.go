package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// openLog begins to write HOME/worker.log; only processes that work write one.
func (a *app) openLog() error {
	if a.logFile != nil {
		return nil
	}
	if err := os.MkdirAll(a.home, 0o700); err != nil {
		return fmt.Errorf("home %s: %w", a.home, err)
	}
	file, err := os.OpenFile(filepath.Join(a.home, "worker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("home %s: %w", a.home, err)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return err
	}
	a.logFile = file
	a.log = slog.New(a.handler(file, level)).With("worker", a.identity)
	a.log.Info("process starts", "version", version)
	a.telemetry.LogTo(a.log)
	if err := a.serveMetrics(); err != nil {
		return err
	}
	return a.hush()
}

// handler writes lines of the format that was asked for.
func (a *app) handler(to io.Writer, level slog.Level) slog.Handler {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: renamed}
	if a.logFormat == "text" {
		return slog.NewTextHandler(to, o)
	}
	return slog.NewJSONHandler(to, o)
}

// renamed gives what Temporal's SDK logs the names that our own lines have, so
// that one search finds all of a run.
func renamed(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case "WorkflowID":
		a.Key = "run"
	case "ActivityType":
		a.Key = "activity"
	case "Attempt":
		a.Key = "attempt"
	}
	return a
}

// hush keeps libraries off the terminal: what they print to standard error
// (the S3 gateway does, and in colours) goes to the log. Ours has its own way there.
func (a *app) hush() error {
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	os.Stderr = to
	log.SetOutput(to)
	go func() {
		lines := bufio.NewReader(from)
		for {
			text, err := lines.ReadString('\n')
			if text != "" {
				a.log.Warn("printed by a library", "text", strings.TrimSpace(text))
			}
			if err != nil {
				return
			}
		}
	}()
	return nil
}
