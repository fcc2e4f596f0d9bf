package s3store_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"espalier/models/checkpoint/s3store"
)

// proxy stands between a store and the real gateway and spoils requests.
type proxy struct {
	*httptest.Server
	forward *httputil.ReverseProxy

	mu    sync.Mutex
	spoil func(r *http.Request) spoiler // nil: let it through
	seen  map[string]int                // spoiled requests by method
}

// spoiler answers in the server's place; forward asks the server.
type spoiler func(w http.ResponseWriter, r *http.Request, forward http.Handler)

func newProxy(t *testing.T, start func(*httptest.Server)) *proxy {
	t.Helper()
	p := &proxy{seen: make(map[string]int), forward: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", gateway.address
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	p.Server = httptest.NewUnstartedServer(p)
	start(p.Server)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	var spoil spoiler
	if p.spoil != nil {
		spoil = p.spoil(r)
	}
	if spoil != nil {
		p.seen[r.Method]++
	}
	p.mu.Unlock()
	if spoil == nil {
		p.forward.ServeHTTP(w, r)
		return
	}
	spoil(w, r, p.forward)
}

// set makes the proxy spoil what choose chooses.
func (p *proxy) set(choose func(r *http.Request) spoiler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil, p.seen = choose, make(map[string]int)
}

// spoiled is how many requests were spoiled since set.
func (p *proxy) spoiled() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.seen {
		n += k
	}
	return n
}

// first spoils the first n requests of a method ("" for all).
func first(n int, method string, s spoiler) func(*http.Request) spoiler {
	return func(r *http.Request) spoiler {
		if n == 0 || (method != "" && r.Method != method) {
			return nil
		}
		n--
		return s
	}
}

// config is a fresh bucket behind the proxy.
func (p *proxy) config(t *testing.T) s3store.Config {
	t.Helper()
	c := gateway.config(t)
	c.Endpoint = p.URL
	return c
}

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request, _ http.Handler) { breakOff(w) }

func breakOff(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// loseAnswer lets the server do its work and drops what it says.
func loseAnswer(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	breakOff(w)
}

// cut asks the server, calls then if there is one, and sends the first n bytes
// of the answer's body only.
func cut(n int64, then func()) spoiler {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		if then != nil {
			then()
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.CopyN(w, answer.Body, n)
		_ = http.NewResponseController(w).Flush()
		breakOff(w)
	}
}

// answer says something of its own.
func answer(status int, code string) spoiler {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead && code != "" {
			_, _ = io.Copy(w, strings.NewReader("<Error><Code>"+code+"</Code><Message>"+code+" it is</Message></Error>"))
		}
	}
}
