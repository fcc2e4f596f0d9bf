package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"espalier/workers/runs"
	"espalier/workers/ui"
)

// bare is a dashboard of no server: who is let in needs none.
func bare(t *testing.T, o ui.Options) http.Handler {
	t.Helper()
	o.Runs, o.Token = &runs.Client{Namespace: "n"}, token
	s, err := ui.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

// ask sends a request; headers are pairs of names and values.
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8790"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func loggedIn(t *testing.T, h http.Handler) (cookie string) {
	t.Helper()
	w := ask(h, http.MethodPost, "/api/v1/login", `{"token": "`+token+`"}`)
	all := w.Result().Cookies()
	if w.Code != http.StatusOK || len(all) != 1 {
		t.Fatalf("login: %d %s with %d cookies", w.Code, w.Body, len(all))
	}
	if c := all[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("the cookie is %v, want one for no script and no other site", c)
	}
	return all[0].Name + "=" + all[0].Value
}

func TestAShortTokenIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := ui.New(ui.Options{Token: "fifteen bytes.."}); err == nil {
		t.Error("a token of 15 bytes is taken")
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	h := bare(t, ui.Options{})
	for _, path := range []string{"/", "/none", "/api/v1/session", "/api/v1/runs", "/api/none", "/assets/"} {
		w := ask(h, http.MethodGet, path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
				"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestThePageIsServedToAll(t *testing.T) {
	t.Parallel()
	h := bare(t, ui.Options{})
	w := ask(h, http.MethodGet, "/", "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || !strings.Contains(strings.ToLower(w.Body.String()), "<!doctype html>") {
		t.Errorf("/ is %d %s %.100s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	for _, path := range []string{"/../page.go", "/assets", "/%2e%2e/web", "/index.htm"} {
		if w := ask(h, http.MethodGet, path, ""); w.Code != http.StatusNotFound && w.Code/100 != 3 {
			t.Errorf("%s is %d, want it not to be found", path, w.Code)
		}
	}
	if w := ask(h, http.MethodPut, "/", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT / is %d", w.Code)
	}
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	h := bare(t, ui.Options{Hosts: []string{"Lab.example"}, Version: "v7", Home: "/secret"})
	cookie := loggedIn(t, h)
	const session = "/api/v1/session"
	tests := map[string]struct {
		path    string
		headers []string
		want    int
	}{
		"the page of the session":         {session, []string{"Cookie", cookie}, http.StatusOK},
		"runs without a session":          {"/api/v1/runs", nil, http.StatusUnauthorized},
		"events without a session":        {"/api/v1/events", nil, http.StatusUnauthorized},
		"a cookie with another end":       {"/api/v1/runs", []string{"Cookie", strings.Replace(cookie, "=A", "=B", 1)}, http.StatusUnauthorized},
		"a cookie that is none":           {"/api/v1/runs", []string{"Cookie", strings.Split(cookie, "=")[0] + "=x"}, http.StatusUnauthorized},
		"another name for this address":   {session, []string{"Host", "evil.example", "Cookie", cookie}, http.StatusMisdirectedRequest},
		"the page under another name":     {"/", []string{"Host", "evil.example:8790"}, http.StatusMisdirectedRequest},
		"no name":                         {"/", []string{"Host", ""}, http.StatusMisdirectedRequest},
		"localhost":                       {session, []string{"Host", "localhost:1"}, http.StatusOK},
		"an address of the sixth version": {session, []string{"Host", "[::1]:8790"}, http.StatusOK},
		"a name that is allowed":          {session, []string{"Host", "lab.example"}, http.StatusOK},
		"nothing of that name":            {"/api/v1/none", []string{"Cookie", cookie}, http.StatusNotFound},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w := ask(h, http.MethodGet, test.path, "", test.headers...); w.Code != test.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, test.want)
			}
		})
	}
	if w := ask(h, http.MethodGet, session, ""); strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `"login":true`) {
		t.Errorf("who has not logged in is told %s", w.Body)
	}
	other, err := ui.New(ui.Options{Runs: &runs.Client{}, Token: token + "!"})
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(other.Handler(), http.MethodGet, "/api/v1/runs", "", "Cookie", cookie); w.Code != http.StatusUnauthorized {
		t.Errorf("the session of another token is answered %d", w.Code)
	}
}

func TestWrongTokensAreRefused(t *testing.T) {
	t.Parallel()
	h := bare(t, ui.Options{})
	tests := map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"a wrong one":              {`{"token": "a token of enough bytez"}`, nil, http.StatusUnauthorized},
		"none":                     {`{}`, nil, http.StatusUnauthorized},
		"no JSON":                  {`token`, nil, http.StatusBadRequest},
		"more than a token":        {`{"token": "x", "more": 1}`, nil, http.StatusBadRequest},
		"two values":               {`{"token": "x"} {}`, nil, http.StatusBadRequest},
		"as a form":                {`{"token": "` + token + `"}`, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		"from another site":        {`{"token": "` + token + `"}`, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"from another origin":      {`{"token": "` + token + `"}`, []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"as long as a small novel": {`{"token": "` + strings.Repeat("x", 1<<17) + `"}`, nil, http.StatusRequestEntityTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(h, http.MethodPost, "/api/v1/login", test.body, test.headers...)
			if w.Code != test.want || len(w.Result().Cookies()) > 0 {
				t.Errorf("%d %s, want %d", w.Code, w.Body, test.want)
			}
		})
	}
}
