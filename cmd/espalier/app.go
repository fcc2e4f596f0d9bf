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
	"time"

	"github.com/spf13/cobra"

	"espalier/activities"
	"espalier/config"
	"espalier/models/engine/gorgonia"
	"espalier/workers"
)

// app is what the commands share: the environment, the flags of the root and
// this process's name and log.
type app struct {
	env       config.Env
	home      string
	json      bool
	progress  string
	logLevel  string
	files     []string // what a worker opens to specs
	trainers  []string // NAME=COMMAND
	out, errs io.Writer

	identity string
	log      *slog.Logger
	logFile  *os.File
}

// begin opens the process's log in the home folder: JSON lines, none of them
// for the terminal.
func (a *app) begin(*cobra.Command, []string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageError{fmt.Errorf("--log-level %q: debug, info, warn and error are allowed", a.logLevel)}
	}
	a.identity = workers.Identity(time.Now())
	a.log = slog.New(slog.DiscardHandler)
	home, err := filepath.Abs(a.home)
	if err != nil {
		return usageError{fmt.Errorf("--home %q: %w", a.home, err)}
	}
	a.home = home
	return nil
}

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
	a.log = slog.New(slog.NewJSONHandler(file, &slog.HandlerOptions{Level: level})).With("worker", a.identity)
	a.log.Info("process starts", "version", version)
	return a.hush()
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

// stepsWithoutStore are the activities of this process, enough to probe; a
// worker gives them a store.
func (a *app) stepsWithoutStore() (*activities.Steps, error) {
	engine, err := gorgonia.New(gorgonia.Options{Threads: a.env.Threads})
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	allowed, err := a.allowed()
	if err != nil {
		return nil, err
	}
	return &activities.Steps{
		Engine: engine, Worker: a.identity, Version: version, CacheDir: filepath.Join(a.home, "data"), Files: a.files, Log: a.log,
		Trainers: allowed, WorkDir: a.workFolder(),
	}, nil
}
