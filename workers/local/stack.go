package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the one namespace and the one bucket of a stack.
const (
	Namespace = "default"
	Bucket    = "espalier"
)

// Options say where a stack lives and how it is reached.
type Options struct {
	// Home is the folder with all state; it is made if it is not there.
	Home string
	// TemporalPort and S3Port are the ports to listen on; 0 takes the one of
	// the last start on this Home, or any free one.
	TemporalPort, S3Port int
	// BindIP is the address to listen on; empty means 127.0.0.1. Temporal has
	// no authentication here: another address lets its whole network in.
	BindIP string
	// Versions runs Temporal's worker service as well, which workers with
	// versions need.
	Versions bool
	// Log gets a few lines on starting and stopping, none of them secret. The
	// servers' own logs go to Home/server.log. Nil means none.
	Log *slog.Logger
}

// Stack is a running Temporal server and S3 gateway.
type Stack struct {
	home      string
	endpoint  Endpoint
	lock      *homeLock
	log       *slog.Logger
	serverLog *serverLog
	temporal  *temporalServer
	gateway   *gateway
}

// Start runs a stack on o.Home and returns when both servers answer. A Home
// that another process holds gives a [LockedError], a port that is taken a
// [PortError]; every error is one line that says what to do. ctx bounds the
// start only.
func Start(ctx context.Context, o Options) (*Stack, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := acquire(ctx, o.Home)
	if err != nil {
		return nil, err
	}
	s := &Stack{home: o.Home, lock: lock, log: o.Log}
	began := time.Now()
	if err := s.start(ctx, o); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return nil, errors.Join(explain(o.Home, err), s.Stop(stopCtx))
	}
	if !net.ParseIP(o.BindIP).IsLoopback() {
		o.Log.Warn("temporal asks for no password and listens on more than this machine", "ip", o.BindIP)
	}
	o.Log.Debug("embedded servers are ready", "home", o.Home, "temporal", s.endpoint.TemporalAddress,
		"s3", s.endpoint.S3Endpoint, "after", time.Since(began).Round(time.Millisecond))
	return s, nil
}

// stopTimeout bounds the clean-up of a start that went wrong.
const stopTimeout = 5 * time.Second

// start brings the parts up in the order of their dependence; what is up
// already when one fails is for Stop to end.
func (s *Stack) start(ctx context.Context, o Options) error {
	if err := probeWrite(o.Home); err != nil {
		return err
	}
	if err := removeEndpoint(o.Home); err != nil {
		return err
	}
	ports, err := choosePorts(o)
	if err != nil {
		return err
	}
	if s.serverLog, err = openServerLog(filepath.Join(o.Home, "server.log")); err != nil {
		return err
	}
	keys, err := loadKeys(filepath.Join(o.Home, "s3.json"))
	if err != nil {
		return err
	}
	if s.gateway, ports.S3, err = startGateway(ctx, o, ports.S3, keys, s.lock.killed, s.serverLog); err != nil {
		return err
	}
	if s.temporal, ports.Temporal, err = startTemporal(ctx, o, ports.Temporal, s.serverLog); err != nil {
		return err
	}
	if err := ports.save(o.Home); err != nil {
		return err
	}
	s.endpoint = Endpoint{
		PID:             os.Getpid(),
		Started:         time.Now().UTC().Truncate(time.Second),
		TemporalAddress: hostPort(dialIP(o.BindIP), ports.Temporal),
		Namespace:       Namespace,
		S3Endpoint:      "http://" + hostPort(dialIP(o.BindIP), ports.S3),
		S3Bucket:        Bucket,
		AccessKey:       keys.AccessKey,
		SecretKey:       keys.SecretKey,
	}
	return s.endpoint.save(o.Home)
}

// Endpoint says how to reach the stack.
func (s *Stack) Endpoint() Endpoint { return s.endpoint }

// Stop ends the stack: Temporal first, then the gateway, so that nothing that
// Temporal runs loses its store. It releases Home whatever happens, also when
// ctx ends first; workers should be stopped before. Stop may be called again.
func (s *Stack) Stop(ctx context.Context) error {
	if s.lock == nil {
		return nil
	}
	began := time.Now()
	removed := removeEndpoint(s.home)
	temporal := s.temporal.stop(ctx)
	gateway := s.gateway.stop(ctx)
	logged := s.serverLog.close()
	released := s.lock.release()
	s.lock = nil
	s.log.Debug("embedded servers are stopped", "home", s.home, "after", time.Since(began).Round(time.Millisecond))
	return errors.Join(removed, temporal, gateway, logged, released)
}

func (o Options) withDefaults() (Options, error) {
	if o.Home == "" {
		return o, errors.New("embedded server: no home folder was named")
	}
	home, err := filepath.Abs(o.Home)
	if err != nil {
		return o, fmt.Errorf("embedded server: home %s: %w", o.Home, err)
	}
	o.Home = home
	if o.BindIP == "" {
		o.BindIP = loopback
	}
	if net.ParseIP(o.BindIP) == nil {
		return o, fmt.Errorf("embedded server: %q is no IP address to listen on (as 127.0.0.1 or 0.0.0.0)", o.BindIP)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
