package s3store_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/s3store"
)

func TestCreateWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).Start)
	s := open(t, p.config(t))
	p.set(first(1, http.MethodPut, loseAnswer))
	if err := s.Create(t.Context(), "key", []byte("body")); err != nil {
		t.Errorf("Create whose first answer is lost = %v, want nil", err)
	}
	if p.spoiled() != 1 {
		t.Errorf("%d answers were lost, want 1", p.spoiled())
	}
	if err := s.Create(t.Context(), "key", []byte("body")); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("the next Create = %v, want ErrExists", err)
	}
}

// TestCreateOvertaken: the first try never arrives and another caller writes
// the very same bytes. The second try must not take them for its own.
func TestCreateOvertaken(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).Start)
	c := p.config(t)
	s, other := open(t, c), c
	other.Endpoint = gateway.address
	rival := open(t, other)
	p.set(first(1, http.MethodPut, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		if err := rival.Create(r.Context(), "key", []byte("body")); err != nil {
			t.Errorf("the rival's Create = %v", err)
		}
		breakOff(w)
	}))
	if err := s.Create(t.Context(), "key", []byte("body")); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("Create = %v, want ErrExists", err)
	}
}

func TestPassingFaultsAreRetried(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]spoiler{
		"500": answer(500, "InternalError"), "503": answer(503, "SlowDown"), "502": answer(502, ""), "broken connection": hangUp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, (*httptest.Server).Start)
			s := open(t, p.config(t))
			body := []byte("the body")
			calls := []struct {
				name string
				call func(ctx context.Context) error
			}{
				{"Put", func(ctx context.Context) error { return s.Put(ctx, "key", bytes.NewReader(body), int64(len(body))) }},
				{"Create", func(ctx context.Context) error { return s.Create(ctx, "other", body) }},
				{"Get", func(ctx context.Context) error { return wantBody(ctx, s, "key", body) }},
				{"Stat", func(ctx context.Context) error { _, err := s.Stat(ctx, "key"); return err }},
				{"List", func(ctx context.Context) error {
					for _, err := range s.List(ctx, "") {
						return err
					}
					return errors.New("nothing is listed")
				}},
				{"Delete", func(ctx context.Context) error { return s.Delete(ctx, "key") }},
			}
			for _, c := range calls {
				p.set(first(2, "", spoil))
				if err := c.call(t.Context()); err != nil || p.spoiled() != 2 {
					t.Errorf("%s with %d faults = %v, want nil after 2", c.name, p.spoiled(), err)
				}
			}
		})
	}
}

func wantBody(ctx context.Context, s checkpoint.Store, key string, want []byte) error {
	body, _, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("the body is another")
	}
	return err
}

func TestUploadWhoseLastAnswerIsLost(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).Start)
	s := open(t, p.config(t))
	completing := false
	p.set(func(r *http.Request) spoiler {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && !completing {
			completing = true
			return loseAnswer
		}
		return nil
	})
	body := bytes.Repeat([]byte("0123456789"), 2_000_000)
	if err := s.Put(t.Context(), "key", bytes.NewReader(body), int64(len(body))); err != nil || p.spoiled() != 1 {
		t.Errorf("Put with %d answers lost = %v, want nil after 1", p.spoiled(), err)
	}
	if err := wantBody(t.Context(), s, "key", body); err != nil {
		t.Error(err)
	}
}

func TestDownloadGoesOnAfterABreak(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).Start)
	s := open(t, p.config(t))
	body := bytes.Repeat([]byte("0123456789abc"), 100_000)
	if err := s.Put(t.Context(), "key", bytes.NewReader(body), int64(len(body))); err != nil {
		t.Fatal(err)
	}
	p.set(first(3, http.MethodGet, cut(300_000, nil)))
	if err := wantBody(t.Context(), s, "key", body); err != nil || p.spoiled() != 3 {
		t.Errorf("Get with %d breaks = %v, want nil after 3", p.spoiled(), err)
	}
	p.set(first(1, http.MethodGet, cut(300_000, func() {
		if err := s.Put(t.Context(), "key", strings.NewReader("new"), 3); err != nil {
			t.Error(err)
		}
	})))
	if err := wantBody(t.Context(), s, "key", body); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("Get of an object that is replaced = %v, want an error that says so", err)
	}
}

func TestCancelEndsRetries(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).Start)
	s := open(t, p.config(t))
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	p.set(func(*http.Request) spoiler {
		if tries++; tries == 2 {
			cancel()
		}
		return answer(503, "SlowDown")
	})
	if err := s.Put(ctx, "key", strings.NewReader("x"), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want context.Canceled", err)
	}
	if p.spoiled() > 3 {
		t.Errorf("%d requests, want no more after the second", p.spoiled())
	}
}

func TestFullStore(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{507: "XMinioStorageFull", 403: "QuotaExceeded"} {
		p := newProxy(t, (*httptest.Server).Start)
		s := open(t, p.config(t))
		p.set(first(1, http.MethodPut, answer(status, code)))
		if err := s.Put(t.Context(), "key", strings.NewReader("x"), 1); !errors.Is(err, checkpoint.ErrFull) {
			t.Errorf("Put answered with %s = %v, want ErrFull", code, err)
		}
	}
}

func TestNewFaults(t *testing.T) {
	t.Parallel()
	there := open(t, gateway.config(t))
	bucket, _, _ := strings.Cut(strings.TrimPrefix(there.String(), "s3://"), " ")
	good := s3store.Config{Endpoint: gateway.address, Bucket: bucket, AccessKey: accessKey, SecretKey: secretKey, Region: "us-east-1"}
	nobody := freeAddress()
	noCA := filepath.Join(t.TempDir(), "no-ca.pem")
	if err := os.WriteFile(noCA, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(c *s3store.Config)
		is     error
		says   []string
	}{
		"wrong secret":        {func(c *s3store.Config) { c.SecretKey = "another" + secretKey }, checkpoint.ErrDenied, []string{gateway.address, accessKey, "secret key does not belong"}},
		"unknown key":         {func(c *s3store.Config) { c.AccessKey = "somebody" }, checkpoint.ErrDenied, []string{gateway.address, "does not know", "somebody"}},
		"no such bucket":      {func(c *s3store.Config) { c.Bucket = "not-there" }, nil, []string{"no bucket not-there"}},
		"nobody listens":      {func(c *s3store.Config) { c.Endpoint = nobody }, nil, []string{"nothing listens at " + nobody}},
		"TLS to no TLS":       {func(c *s3store.Config) { c.Secure = true }, nil, []string{gateway.address, "turn TLS off"}},
		"a path":              {func(c *s3store.Config) { c.Endpoint = "http://host/path" }, nil, []string{"is not host:port"}},
		"another scheme":      {func(c *s3store.Config) { c.Endpoint = "ftp://host" }, nil, []string{"http or https"}},
		"a bad bucket":        {func(c *s3store.Config) { c.Bucket = "Not_A_Bucket" }, nil, []string{`"Not_A_Bucket"`}},
		"a bad prefix":        {func(c *s3store.Config) { c.Prefix = "../x" }, nil, []string{`"../x"`}},
		"half a credential":   {func(c *s3store.Config) { c.SecretKey = "" }, nil, []string{"together"}},
		"a missing CA file":   {func(c *s3store.Config) { c.Secure, c.CAFile = true, "/not/there.pem" }, nil, []string{"/not/there.pem"}},
		"a CA file of no use": {func(c *s3store.Config) { c.Secure, c.CAFile = true, noCA }, nil, []string{noCA + " has no PEM certificate"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			test.change(&c)
			_, err := s3store.New(t.Context(), c)
			if err == nil {
				t.Fatal("New succeeded")
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("New = %v, want %v", err, test.is)
			}
			for _, s := range test.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("New = %q, want it to say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), secretKey) || strings.Contains(err.Error(), "\n") {
				t.Errorf("New = %q, want one line without the secret", err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	p := newProxy(t, (*httptest.Server).StartTLS)
	c := p.config(t)
	if _, err := s3store.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("New without the CA = %v, want an error about it", err)
	}
	c.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	if err := os.WriteFile(c.CAFile, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, c)
	for _, body := range [][]byte{nil, []byte("body"), bytes.Repeat([]byte("0123456789"), 2_000_000)} {
		if err := s.Put(t.Context(), "key", bytes.NewReader(body), int64(len(body))); err != nil {
			t.Errorf("Put of %d bytes over TLS = %v", len(body), err)
		}
		if err := wantBody(t.Context(), s, "key", body); err != nil {
			t.Errorf("Get of %d bytes over TLS: %v", len(body), err)
		}
	}
}

// A clock that is wrong is not wrong credentials: who waits may be right again.
// To a request for no body S3 says nothing but that it refuses it, and when.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	aheadBy := func(d time.Duration) spoiler {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusForbidden)
		}
	}
	hourAhead := aheadBy(time.Hour)
	p := newProxy(t, (*httptest.Server).Start)
	s := open(t, p.config(t))
	put := func() error { return s.Put(t.Context(), "key", strings.NewReader("x"), 1) }
	stat := func() error { _, err := s.Stat(t.Context(), "key"); return err }

	p.set(first(1, "", hourAhead))
	if err := put(); err != nil {
		t.Errorf("Put, refused once for the time = %v", err)
	}
	for _, test := range []struct {
		do     func() error
		spoil  spoiler
		says   string
		denied bool
	}{
		{put, hourAhead, "this one is 1h0m0s behind", false},
		{stat, hourAhead, "this one is 1h0m0s behind", false},
		{stat, aheadBy(15*time.Minute + 10*time.Second), "this one is 15m0s behind", false},
		{stat, aheadBy(10 * time.Minute), "may not do this", true},
		{put, answer(http.StatusForbidden, "RequestTimeTooSkewed"), "are more than 15 minutes apart", false},
		{stat, answer(http.StatusForbidden, "AccessDenied"), "may not do this", true},
	} {
		p.set(first(100, "", test.spoil))
		if err := test.do(); err == nil || errors.Is(err, checkpoint.ErrDenied) != test.denied || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v, want it to say %q; access denied: %t", err, test.says, test.denied)
		}
	}
}
