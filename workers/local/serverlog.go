package local

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	"gopkg.in/natefinch/lumberjack.v2"
)

// The log of both servers: two files of this size at most.
const (
	logMegabytes = 8
	logBackups   = 1
)

// serverLog is the file that the servers' warnings and errors go to, so that
// none of them reaches the user's terminal.
type serverLog struct {
	file *lumberjack.Logger
	log  *slog.Logger
}

func openServerLog(path string) (*serverLog, error) {
	file := &lumberjack.Logger{Filename: path, MaxSize: logMegabytes, MaxBackups: logBackups}
	// An empty write opens the file, so that a path that cannot be written is
	// an error of the start.
	if _, err := file.Write(nil); err != nil {
		return nil, err
	}
	return &serverLog{file: file, log: slog.New(slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelWarn}))}, nil
}

func (l *serverLog) close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// temporalLog gives Temporal's logger interface to a slog logger.
type temporalLog struct {
	to *slog.Logger
	// fatal keeps the first fatal message for the one who starts the server.
	fatal *atomic.Pointer[fatalError]
}

// fatalError is what Temporal wanted to end the process for.
type fatalError struct {
	message string
	cause   error
}

var (
	_ log.Logger      = temporalLog{}
	_ log.SLogWrapper = temporalLog{}
)

func (l temporalLog) Debug(msg string, tags ...tag.Tag)  { l.write(slog.LevelDebug, msg, tags) }
func (l temporalLog) Info(msg string, tags ...tag.Tag)   { l.write(slog.LevelInfo, msg, tags) }
func (l temporalLog) Warn(msg string, tags ...tag.Tag)   { l.write(slog.LevelWarn, msg, tags) }
func (l temporalLog) Error(msg string, tags ...tag.Tag)  { l.write(slog.LevelError, msg, tags) }
func (l temporalLog) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }
func (l temporalLog) Panic(msg string, tags ...tag.Tag)  { l.write(slog.LevelError, msg, tags) }

// Fatal ends the calling goroutine where a server of its own would end the
// process: the caller counts on it that Fatal does not return, and the process
// is not the server's to end.
func (l temporalLog) Fatal(msg string, tags ...tag.Tag) {
	fatal := &fatalError{message: msg}
	for _, t := range tags {
		if cause, ok := t.Value().(error); ok {
			fatal.cause = cause
		}
	}
	l.fatal.CompareAndSwap(nil, fatal)
	l.write(slog.LevelError, msg, tags)
	runtime.Goexit()
}

// SLog lets Temporal log by slog directly where it would wrap this logger.
func (l temporalLog) SLog() *slog.Logger { return l.to }

func (l temporalLog) write(level slog.Level, msg string, tags []tag.Tag) {
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	l.to.LogAttrs(context.Background(), level, msg, attrs...)
}
