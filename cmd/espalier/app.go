package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"espalier/activities"
	"espalier/config"
	"espalier/models/engine/gorgonia"
	"espalier/workers"
	"espalier/workers/telemetry"
)

// app is what the commands share: the environment, the flags of the root and
// this process's name and log.
type app struct {
	env       config.Env
	home      string
	json      bool
	progress  string
	logLevel  string
	logFormat string   // json or text
	files     []string // what a worker opens to specs
	trainers  []string // NAME=COMMAND
	args      []string // as they were typed
	metrics   string   // address to serve them at; empty: none
	out, errs io.Writer

	identity string
	log      *slog.Logger
	logFile  *os.File

	telemetry telemetry.Telemetry
	ended     func(error) // tells that the command has; nil before it begins
}

// begin checks the flags of the root. What it logs goes nowhere until openLog.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageError{fmt.Errorf("--log-level %q: debug, info, warn and error are allowed", a.logLevel)}
	}
	if a.logFormat != "json" && a.logFormat != "text" {
		return usageError{fmt.Errorf("--log-format %q: json and text are allowed", a.logFormat)}
	}
	a.identity = workers.Identity(time.Now())
	a.log = slog.New(slog.DiscardHandler)
	home, err := filepath.Abs(a.home)
	if err != nil {
		return usageError{fmt.Errorf("--home %q: %w", a.home, err)}
	}
	a.home = home
	return a.beginTelling(cmd)
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
