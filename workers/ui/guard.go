package ui

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// policy lets the page use what this server has and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard keeps pages of other sites out, whether they ask under their own name
// or have this machine's address under it (DNS rebinding).
func (s *Server) guard(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(s.open(func(http.ResponseWriter, *http.Request) (any, error) {
		return nil, fault{http.StatusForbidden, errors.New("the request comes from a page of another site")}
	}))
	inner := foreign.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !s.ours(r.Host) {
			s.refuse(w, r, fault{http.StatusMisdirectedRequest, fmt.Errorf(
				"host %.80q is none of the dashboard's; use its address, or allow the name with --host", r.Host)})
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// ours says whether a Host header is one that no other site can have: an
// address, localhost, or a name that was allowed.
func (s *Server) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// acts is an endpoint that changes something: for a page of ours, and not where
// the dashboard is for reading only.
func (s *Server) acts(e endpoint) http.Handler {
	return s.known(func(w http.ResponseWriter, r *http.Request) (any, error) {
		if s.ReadOnly {
			return nil, fault{http.StatusForbidden, errors.New("this dashboard is for reading only")}
		}
		want := s.access.csrf(s.access.session(r, time.Now()))
		if !hmac.Equal([]byte(r.Header.Get("X-CSRF-Token")), []byte(want)) {
			return nil, fault{http.StatusForbidden, errors.New("the header X-CSRF-Token is not the session's; load the page again")}
		}
		return e(w, r)
	})
}
