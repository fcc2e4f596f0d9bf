package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// S3 is a bucket and how to reach it. Without keys of its own it is reached
// with the usual chain: credentials file, then the machine's role.
type S3 struct {
	Bucket   string
	Prefix   string // before every key, without slashes at its ends; may be empty
	Endpoint string // host or host:port
	Region   string // may be empty
	TLS      bool
	// CAFile is a PEM file of the authorities that the server's certificate
	// may be of; empty: the system's.
	CAFile string
	// Encrypt asks the server to encrypt what it stores: "" (as the bucket
	// does), EncryptS3 with keys of the server's, or EncryptKMS with the
	// key KMSKey of its key service.
	Encrypt, KMSKey string

	AccessKey    string // empty: the usual chain
	SecretKey    Secret
	SessionToken Secret
}

// The ways in which an S3 server encrypts what it stores.
const (
	EncryptS3  = "s3"
	EncryptKMS = "kms"
)

const (
	s3Form          = "s3://bucket/prefix?endpoint=host:port&region=...&tls=false&ca=file&encrypt=..."
	defaultEndpoint = "s3.amazonaws.com"
)

// readS3 reads ESPALIER_S3. What its query leaves out is taken from the
// variables that all S3 tools share; those alone choose no bucket.
func readS3(get func(string) string) (*S3, error) {
	text := get("ESPALIER_S3")
	if text == "" {
		return nil, nil
	}
	s, query, err := parseS3(text)
	if err != nil {
		return nil, fmt.Errorf("ESPALIER_S3: %w; its form is %s", err, s3Form)
	}
	if err := s.endpoint(query, get); err != nil {
		return nil, err
	}
	if err := s.protection(query, get); err != nil {
		return nil, err
	}
	s.Region = cmp.Or(query.Get("region"), get("AWS_REGION"), get("AWS_DEFAULT_REGION"))
	s.AccessKey = get("AWS_ACCESS_KEY_ID")
	s.SecretKey = NewSecret(get("AWS_SECRET_ACCESS_KEY"))
	s.SessionToken = NewSecret(get("AWS_SESSION_TOKEN"))
	if (s.AccessKey == "") != (s.SecretKey.Reveal() == "") {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: only one of the two is set; want both or neither")
	}
	return s, nil
}

// parseS3 reads the address itself. Its errors do not repeat the text, which
// may hold keys that were put there by mistake.
func parseS3(text string) (*S3, url.Values, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, nil, errors.New("not an address")
	case u.User != nil:
		return nil, nil, errors.New("holds a user or keys; those belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.Scheme != "s3":
		return nil, nil, fmt.Errorf("scheme %q is not s3", u.Scheme)
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`).MatchString(u.Host):
		return nil, nil, fmt.Errorf("bucket %q is not 3 to 63 small letters, digits, dots and hyphens", u.Host)
	case u.Fragment != "":
		return nil, nil, errors.New("has a fragment after #")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, nil, errors.New("what stands after ? is not a list of key=value")
	}
	allowed := []string{"endpoint", "region", "tls", "ca", "encrypt"}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(allowed, key) {
			return nil, nil, fmt.Errorf("unknown key %q; %s", key, suggestion(key, allowed))
		}
		if len(query[key]) > 1 {
			return nil, nil, fmt.Errorf("%s is given twice", key)
		}
	}
	return &S3{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), TLS: true}, query, nil
}

// endpoint fills in where the bucket is and whether by TLS: from the query,
// else from AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else Amazon's.
func (s *S3) endpoint(query url.Values, get func(string) string) error {
	s.Endpoint = defaultEndpoint
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		text := get(name)
		if text == "" || query.Get("endpoint") != "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%s: not an address such as http://localhost:9000", name)
		}
		s.Endpoint, s.TLS = u.Host, u.Scheme == "https"
	}
	if host := query.Get("endpoint"); host != "" {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || u.Hostname() == "" {
			return fmt.Errorf("ESPALIER_S3: endpoint %q is not host or host:port; TLS is chosen by tls=true or tls=false", host)
		}
		s.Endpoint = host
	}
	switch tls := query.Get("tls"); tls {
	case "":
	case "true", "false":
		s.TLS = tls == "true"
	default:
		return fmt.Errorf("ESPALIER_S3: tls %q is not true or false", tls)
	}
	return nil
}

// protection fills in whose certificates count, from the query, else from
// AWS_CA_BUNDLE, and how the server encrypts what it stores.
func (s *S3) protection(query url.Values, get func(string) string) error {
	s.CAFile = cmp.Or(query.Get("ca"), get("AWS_CA_BUNDLE"))
	if s.CAFile != "" && !s.TLS && query.Has("ca") {
		return errors.New("ESPALIER_S3: ca is for TLS, which tls=false turns off")
	}
	how, key, named := strings.Cut(query.Get("encrypt"), ":")
	switch {
	case how == "" && !named:
	case how == EncryptS3 && !named:
		s.Encrypt = how
	case how == EncryptKMS && named == (key != ""):
		s.Encrypt, s.KMSKey = how, key
	default:
		return fmt.Errorf("ESPALIER_S3: encrypt %q is not s3, kms or kms:KEY", query.Get("encrypt"))
	}
	return nil
}
