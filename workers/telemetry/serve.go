package telemetry

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// CheckAddress says what is wrong with an address to serve metrics at: a port, or
// an IP address or "localhost" and a port.
func CheckAddress(address string) error {
	_, err := whole(address)
	return err
}

// whole is an address with its host: this machine alone, unless another is named.
func whole(address string) (string, error) {
	given := address
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if err != nil || net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q: a port is allowed, as 9464, or an IP address and a port, as 0.0.0.0:9464", given)
	}
	return net.JoinHostPort(host, port), nil
}

// Serve serves the metrics at an address, under /metrics, until Close. It
// answers with where that is, which says the port if 0 was asked for.
func (t *Telemetry) Serve(address string) (string, error) {
	if t.metrics == nil {
		return "", errors.New("metrics: there are none to serve")
	}
	at, err := whole(address)
	if err != nil {
		return "", fmt.Errorf("metrics at %w", err)
	}
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return "", fmt.Errorf("metrics at %s: %w", at, reason(err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.metrics.registry, promhttp.HandlerOpts{ErrorLog: complaints{t}, ErrorHandling: promhttp.ContinueOnError}))
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := t.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.complain(fmt.Errorf("serve metrics: %w", err))
		}
	}()
	return "http://" + listener.Addr().String() + "/metrics", nil
}

// reason is an error of the network without the address, which is told already.
func reason(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Err
	}
	return err
}

// complaints has the handler's own faults told.
type complaints struct{ t *Telemetry }

// Println implements promhttp.Logger.
func (c complaints) Println(v ...any) {
	c.t.complain(errors.New(strings.TrimSpace(fmt.Sprintln(v...))))
}
