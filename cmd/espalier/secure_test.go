package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"espalier/config"
	"espalier/workers"
	"espalier/workers/local"
)

// keys writes a file of payload keys.
func keys(t *testing.T, names ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	var text strings.Builder
	for _, name := range names {
		text.WriteString(name + " " + base64.StdEncoding.EncodeToString([]byte(name+strings.Repeat("-", 32-len(name)))) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// plain are words of the tiny spec, of its results and of a failure.
var plain = []string{`"hidden"`, "digits", "sparsity", "checkpoint_every", "accuracy", absent}

// absent is the digest of a checkpoint that no store has.
const absent = "abadcafeabadcafeabadcafeabadcafeabadcafeabadcafeabadcafeabadcafe"

// What an embedded server keeps of a run, in its files and in what it answers,
// is encrypted where there are keys.
func TestServerHoldsNoPlainText(t *testing.T) {
	home := t.TempDir()
	a := &app{
		env: config.Env{PayloadKeys: keys(t, "new", "old")}, home: home, identity: workers.Identity(time.Now()),
		log: slog.New(slog.DiscardHandler), out: io.Discard, errs: io.Discard,
	}
	c, err := a.startLocal(t.Context(), local.Options{Home: home})
	if err != nil {
		t.Fatal(err)
	}
	p := &inProcess{c, a}
	stop := p.work(t, workers.Options{Queue: "cpu"})
	_, id := p.submit(t, tinySpec)
	result, err := p.runs.Result(t.Context(), id)
	if err != nil || len(result.Rows) != 3 {
		t.Fatalf("result %v, %v", result, err)
	}
	v, err := p.runs.Look(t.Context(), id, false)
	if err != nil || v.Summary.Name != "tiny" || v.Summary.Accuracy == 0 {
		t.Errorf("the summary is %+v, %v", v.Summary, err)
	}
	_, failing := p.submit(t, strings.Replace(tinySpec, "arch: mlp, hidden: [16]", "checkpoint: "+absent, 1))
	if _, err := p.runs.Result(t.Context(), failing); err == nil || !strings.Contains(err.Error(), absent[:12]) {
		t.Errorf("the failure is %v", err)
	}
	events := 0
	history := p.temporal.GetWorkflowHistory(t.Context(), id, "", false, 0)
	for ; history.HasNext(); events++ {
		e, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range plain {
			if strings.Contains(e.String(), word) {
				t.Errorf("event %d holds %q: %v", e.EventId, word, e)
			}
		}
	}
	if events < 20 {
		t.Errorf("only %d events", events)
	}
	// Another key of the same name opens nothing.
	a.env.PayloadKeys = keys(t, "new", "other")
	if err := os.WriteFile(a.env.PayloadKeys, []byte("new "+base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := a.dialLocal(t.Context(), c.stack.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.runs.Result(t.Context(), id); err == nil || !strings.Contains(err.Error(), "it does not open with key new") {
		t.Errorf("with another key: %v", err)
	}
	other.close()
	stop()
	c.close()
	for _, file := range []string{"temporal.db", "server.log"} {
		data, err := os.ReadFile(filepath.Join(home, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range append(plain, string(result.Final)) {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", file, word)
			}
		}
	}
}

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.file, _ = a.issue(t, "authority", nil)
	return a
}

// issue makes a certificate, signed by the authority or, where it has no key
// yet, by itself. It answers with the PEM files too.
func (a *authority) issue(t *testing.T, name string, addresses []net.IP) (*x509.Certificate, *ecdsa.PrivateKey, string, string) {
	t.Helper()
	fatal := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: addresses,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: a.key == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if signer == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	fatal(err)
	cert, err := x509.ParseCertificate(der)
	fatal(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(err)
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	fatal(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	fatal(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key, certFile, keyFile
}

// Temporal behind TLS wants the client's certificate and an API key, or
// answers nobody.
func TestTemporalByTLS(t *testing.T) {
	p := newInProcess(t, t.TempDir())
	const apiKey = "the-api-key"
	trusted := newAuthority(t)
	_, serverKey, serverCert, _ := trusted.issue(t, "server", []net.IP{net.IPv4(127, 0, 0, 1)})
	_, _, clientCert, clientKey := trusted.issue(t, "client", nil)
	_, _, strangerCert, strangerKey := newAuthority(t).issue(t, "client", nil)

	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", p.address },
		Transport: &http.Transport{Protocols: protocols}, FlushInterval: -1,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+apiKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(trusted.cert)
	data, err := os.ReadFile(serverCert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	front.EnableHTTP2 = true
	front.Config.ErrorLog = forward.ErrorLog
	front.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{block.Bytes}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12,
	}
	front.StartTLS()
	t.Cleanup(front.Close)
	_, id := p.submit(t, tinySpec)

	good := map[string]string{
		"TEMPORAL_ADDRESS": front.Listener.Addr().String(), "TEMPORAL_API_KEY": apiKey,
		"TEMPORAL_TLS_SERVER_CA_CERT_PATH": trusted.file,
		"TEMPORAL_TLS_CLIENT_CERT_PATH":    clientCert, "TEMPORAL_TLS_CLIENT_KEY_PATH": clientKey,
	}
	tests := map[string]struct {
		change map[string]string
		says   string // "" for success
	}{
		"everything right":      {nil, ""},
		"no certificate":        {map[string]string{"TEMPORAL_TLS_CLIENT_CERT_PATH": "", "TEMPORAL_TLS_CLIENT_KEY_PATH": ""}, "does not answer"},
		"stranger":              {map[string]string{"TEMPORAL_TLS_CLIENT_CERT_PATH": strangerCert, "TEMPORAL_TLS_CLIENT_KEY_PATH": strangerKey}, "does not answer"},
		"no authority":          {map[string]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH": ""}, "unknown authority"},
		"another API key":       {map[string]string{"TEMPORAL_API_KEY": "the-wrong-key"}, "401"},
		"no TLS":                {map[string]string{"TEMPORAL_TLS": "false"}, "does not answer"},
		"a file that is absent": {map[string]string{"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/not/there.pem"}, "/not/there.pem"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "list", "--json", "--home", t.TempDir())
			c.Env = append(os.Environ(), asCommand+"=1")
			for variable, value := range good {
				if other, ok := test.change[variable]; ok {
					value = other
				}
				c.Env = append(c.Env, variable+"="+value)
			}
			if value, ok := test.change["TEMPORAL_TLS"]; ok {
				c.Env = append(c.Env, "TEMPORAL_TLS="+value)
			}
			out, err := c.CombinedOutput()
			switch text := string(out); {
			case strings.Contains(text, "the-wrong-key") || strings.Contains(text, apiKey):
				t.Errorf("a secret is printed: %s", text)
			case test.says == "" && (err != nil || !strings.Contains(text, id)):
				t.Errorf("%v: %s", err, text)
			case test.says != "" && (err == nil || !strings.Contains(text, test.says)):
				t.Errorf("%v: %s\nwant it to say %q", err, text, test.says)
			}
		})
	}
}
