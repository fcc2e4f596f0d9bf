package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
)

// spoiled is one request that a store's proxy spoils.
type spoiled struct {
	how  string
	hold time.Duration // of a time-out
}

// storeProxy stands between clients and the S3 gateway.
type storeProxy struct {
	target  string // host:port
	address string
	server  *http.Server
	forward *httputil.ReverseProxy

	mu   sync.Mutex
	next []spoiled
	full bool // no space is left, it says
}

func newStoreProxy(target string) (*storeProxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &storeProxy{target: target, address: listener.Addr().String()}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", p.target
			r.Out.Host = r.In.Host // it is signed
		},
		// A gateway that is dead does not answer, so neither does its proxy.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { hangUp(w) },
	}
	p.server = &http.Server{Handler: p, ErrorLog: quiet()}
	p.forward.ErrorLog = p.server.ErrorLog
	go func() { _ = p.server.Serve(listener) }() // it ends with Close
	return p, nil
}

// spoil has the next n requests spoiled.
func (p *storeProxy) spoil(n int, s spoiled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range n {
		p.next = append(p.next, s)
	}
}

// fill has every write refused for want of space, or lets them through again.
func (p *storeProxy) fill(full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full = full
}

// take answers what to do with a request.
func (p *storeProxy) take(r *http.Request) spoiled {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
		return spoiled{how: faultFull}
	}
	if len(p.next) == 0 {
		return spoiled{}
	}
	s := p.next[0]
	p.next = p.next[1:]
	return s
}

// ServeHTTP forwards a request or spoils it.
func (p *storeProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch s := p.take(r); s.how {
	case faultFull:
		refuse(w, r, http.StatusInsufficientStorage, "InsufficientStorage")
	case fault500:
		refuse(w, r, http.StatusInternalServerError, "InternalError")
	case fault503:
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
	case faultTimeout:
		select {
		case <-r.Context().Done():
		case <-time.After(s.hold):
		}
		hangUp(w)
	case faultReset:
		hangUp(w)
	case faultLost:
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(w)
	case faultTruncated:
		p.truncate(w, r)
	default:
		p.forward.ServeHTTP(w, r)
	}
}

// truncate cuts the body short: of the answer, or of what is uploaded.
func (p *storeProxy) truncate(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 0 {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		hangUp(w)
		return
	}
	answer := httptest.NewRecorder()
	p.forward.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = io.CopyN(w, answer.Body, int64(answer.Body.Len()/2))
	_ = http.NewResponseController(w).Flush()
	hangUp(w)
}

// refuse answers in the gateway's place.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, strings.NewReader("<Error><Code>"+code+"</Code><Message>chaos</Message></Error>"))
	}
}

// hangUp resets the connection.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	reset(conn)
}

// reset closes a connection without the usual farewell.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// wire carries bytes between clients and Temporal, and can be cut.
type wire struct {
	target   string
	listener net.Listener

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newWire(target string) (*wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{target: target, listener: listener, conns: make(map[net.Conn]bool)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(conn)
		}
	}()
	return w, nil
}

func (w *wire) address() string { return w.listener.Addr().String() }

// join takes a connection in, or resets it while the wire is cut.
func (w *wire) join(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		reset(conn)
		return false
	}
	w.conns[conn] = true
	return true
}

func (w *wire) leave(conn net.Conn) {
	w.mu.Lock()
	delete(w.conns, conn)
	w.mu.Unlock()
	_ = conn.Close()
}

func (w *wire) carry(client net.Conn) {
	if !w.join(client) {
		return
	}
	defer w.leave(client)
	server, err := net.Dial("tcp", w.target)
	if err != nil || !w.join(server) {
		return
	}
	defer w.leave(server)
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pipe(server, client)
	go pipe(client, server)
	<-done
}

// set cuts the wire, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for conn := range w.conns {
			reset(conn)
		}
	}
}
