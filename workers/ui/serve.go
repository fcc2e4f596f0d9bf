package ui

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Serve answers on the listener, which it closes, until ctx ends. An end that
// was asked for is no error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.Run(ctx) })
	defer watching.Wait()
	defer cancel()
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headWithin, ReadTimeout: writeWithin, IdleTimeout: idleWithin, MaxHeaderBytes: mostBody,
		BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with it
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if server.Shutdown(last) != nil {
			_ = server.Close() // whoever still waits for an answer gets none
		}
	}()
	err := server.Serve(l)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		<-closed
		return nil
	}
	return err
}
