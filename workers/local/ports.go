package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const loopback = "127.0.0.1"

// PortError says that a port that the user asked for is taken.
type PortError struct {
	Port int
	IP   string
	Flag string // the command-line flag that chooses another
}

// Error names the port and the flag.
func (e *PortError) Error() string {
	return fmt.Sprintf("port %d on %s is in use; choose another with %s", e.Port, e.IP, e.Flag)
}

// ports are those of the two public listeners. They are kept in home so that
// a restarted server is found at its old address: clients and workers in other
// processes then reconnect by themselves.
type ports struct {
	Temporal int `json:"temporal"`
	S3       int `json:"s3"`
}

func (p ports) save(home string) error { return writeJSON(filepath.Join(home, "ports.json"), p) }

// choosePorts checks the ports that were asked for and picks the others.
func choosePorts(o Options) (ports, error) {
	var last ports
	if text, err := os.ReadFile(filepath.Join(o.Home, "ports.json")); err == nil {
		if json.Unmarshal(text, &last) != nil {
			last = ports{} // only a preference
		}
	}
	var chosen ports
	var err error
	if chosen.Temporal, err = choosePort(o.BindIP, o.TemporalPort, last.Temporal, "--temporal-port"); err != nil {
		return ports{}, err
	}
	if chosen.S3, err = choosePort(o.BindIP, o.S3Port, last.S3, "--s3-port"); err != nil {
		return ports{}, err
	}
	if chosen.S3 == chosen.Temporal {
		if o.S3Port != 0 {
			return ports{}, &PortError{Port: chosen.S3, IP: o.BindIP, Flag: "--s3-port"}
		}
		chosen.S3, err = freePort(o.BindIP)
	}
	return chosen, err
}

func choosePort(ip string, asked, last int, flag string) (int, error) {
	if asked < 0 || asked > 65535 {
		return 0, fmt.Errorf("%s %d is no port; allowed are 1 to 65535, and 0 for a free one", flag, asked)
	}
	if asked != 0 {
		return asked, checkPort(ip, asked, flag)
	}
	if last > 0 && last <= 65535 && tryListen(ip, last) == nil {
		return last, nil
	}
	return freePort(ip)
}

func checkPort(ip string, port int, flag string) error {
	err := tryListen(ip, port)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &PortError{Port: port, IP: ip, Flag: flag}
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("port %d on %s is not allowed for this user; choose one above 1023 with %s", port, ip, flag)
	case err != nil:
		return fmt.Errorf("port %d on %s cannot be listened on: %w", port, ip, err)
	}
	return nil
}

// The range of free ports lies below the system's ephemeral one, so that an
// outgoing connection cannot take a port between its choice and its use.
const (
	firstFree = 20000
	lastFree  = 31999
)

// portTries bounds the search for a free port, and how often a server is
// started anew when another process was faster.
const portTries = 5

func freePort(ip string) (int, error) {
	var err error
	for range 20 * portTries {
		port := firstFree + rand.IntN(lastFree-firstFree+1)
		if err = tryListen(ip, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port on %s: %w", ip, err)
}

func tryListen(ip string, port int) error {
	l, err := net.Listen("tcp", hostPort(ip, port))
	if err != nil {
		return err
	}
	return l.Close()
}

func hostPort(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }

// dialIP is where a listener on ip is reached from this machine: one that
// listens everywhere is reached on the loopback address.
func dialIP(ip string) string {
	parsed := net.ParseIP(ip)
	switch {
	case !parsed.IsUnspecified():
		return ip
	case parsed.To4() != nil:
		return loopback
	}
	return "::1"
}
