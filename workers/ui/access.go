package ui

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// FewestBytes is the length of the shortest token that is good enough.
const FewestBytes = 16

// sessionFor is how long who has logged in stays so.
const sessionFor = 7 * 24 * time.Hour

// access tells who has shown the token. A session is no entry of a table but a
// cookie with an end and a code of both by the token, so that it holds for every
// dashboard of the same home, and ends for all when the token is changed.
type access struct {
	token [sha256.Size]byte // its hash, so that comparing takes the same time for all
	key   []byte
	name  string // of the cookie: cookies of one host are shared by its ports
}

func newAccess(token string) (access, error) {
	if len(token) < FewestBytes {
		return access{}, fmt.Errorf("the dashboard's token has %d bytes, at least %d are needed", len(token), FewestBytes)
	}
	a := access{token: sha256.Sum256([]byte(token))}
	a.key = code([]byte(token), "espalier dashboard session")
	a.name = "espalier-" + hex.EncodeToString(code(a.key, "name")[:4])
	return a, nil
}

// code is HMAC-SHA-256.
func code(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// right says whether it is the token.
func (a access) right(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1
}

// begin makes a session that ends then.
func (a access) begin(end time.Time) string {
	var head [24]byte // the end, and what tells it from others
	binary.BigEndian.PutUint64(head[:8], uint64(end.Unix()))
	_, _ = rand.Read(head[8:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(head[:], code(a.key, string(head[:]))...))
}

// session is the session of a request, "" if it has none that holds.
func (a access) session(r *http.Request, now time.Time) string {
	cookie, err := r.Cookie(a.name)
	if err != nil {
		return ""
	}
	data, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(data) != 24+sha256.Size || !hmac.Equal(data[24:], code(a.key, string(data[:24]))) {
		return ""
	}
	if end := time.Unix(int64(binary.BigEndian.Uint64(data[:8])), 0); now.After(end) {
		return ""
	}
	return cookie.Value
}

// csrf is what the page of a session knows and pages of other sites do not.
func (a access) csrf(session string) string {
	return base64.RawURLEncoding.EncodeToString(code(a.key, "csrf "+session))
}

// session tells the page what it is a page of.
func (s *Server) session(_ http.ResponseWriter, r *http.Request) (any, error) {
	of := s.access.session(r, time.Now())
	if of == "" {
		return sessionAnswer{Login: true}, nil
	}
	return sessionAnswer{
		Version: s.Version, Home: s.Home, ReadOnly: s.ReadOnly, CSRF: s.access.csrf(of),
		TemporalURL: s.TemporalURL, Namespace: s.Runs.Namespace, User: s.User,
	}, nil
}

// sessionAnswer says nothing of the home to who has not logged in.
type sessionAnswer struct {
	Version     string `json:"version"`
	Home        string `json:"home,omitempty"`
	ReadOnly    bool   `json:"read_only"`
	Login       bool   `json:"login"` // a token is needed
	CSRF        string `json:"csrf"`
	TemporalURL string `json:"temporal_ui"`
	Namespace   string `json:"namespace"`
	User        string `json:"user"`
}

// Wrong tokens are answered slowly, and few at a time.
const (
	guessPause  = time.Second
	mostGuesses = 8
)

// login begins a session for who has the token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := body(w, r, &in); err != nil {
		return nil, err
	}
	if !s.access.right(in.Token) {
		select {
		case s.guess <- struct{}{}:
			defer func() { <-s.guess }()
		default:
			return nil, fault{http.StatusTooManyRequests, errors.New("too many wrong tokens; try again later")}
		}
		select {
		case <-r.Context().Done():
		case <-time.After(guessPause):
		}
		s.Log.Warn("dashboard: a wrong token", "from", r.RemoteAddr)
		return nil, fault{http.StatusUnauthorized, errors.New("the token is wrong")}
	}
	of := s.access.begin(time.Now().Add(sessionFor))
	http.SetCookie(w, &http.Cookie{
		Name: s.access.name, Value: of, Path: "/", MaxAge: int(sessionFor.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
	return map[string]string{"csrf": s.access.csrf(of)}, nil
}

// known is an endpoint for who has logged in.
func (s *Server) known(e endpoint) http.Handler {
	return s.open(func(w http.ResponseWriter, r *http.Request) (any, error) {
		if s.access.session(r, time.Now()) == "" {
			return nil, fault{http.StatusUnauthorized, errors.New("log in with the token first")}
		}
		return e(w, r)
	})
}
