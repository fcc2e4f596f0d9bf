package s3store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"espalier/models/checkpoint"
)

// Config says where the bucket is and how to get in.
type Config struct {
	// Endpoint is host or host:port, or a URL without a path, whose scheme
	// then decides Secure. Empty means AWS.
	Endpoint string
	Bucket   string
	Prefix   string // of all keys; empty is the whole bucket
	Region   string // empty: ask the server

	// The keys. Without them they are looked for as usual: the variables of
	// AWS and MinIO, ~/.aws/credentials, the machine's IAM role.
	AccessKey, SecretKey, SessionToken string

	Secure bool   // TLS
	CAFile string // PEM file of the authority that signed the server's certificate; empty: the system's

	// Encrypt asks the server to encrypt every object: "" as the bucket is set
	// up, "s3" (SSE-S3, keys of the server's) or "kms" (SSE-KMS, with the key
	// that KMSKey names, empty for the bucket's).
	Encrypt, KMSKey string

	// Wrap, if not nil, is given what makes the requests and may put something
	// around it that hears of them.
	Wrap func(http.RoundTripper) http.RoundTripper

	// CreateBucket makes the bucket if it is missing.
	CreateBucket bool
}

const awsEndpoint = "s3.amazonaws.com"

// The bounds of patience. A dead server is given up in seconds when the store
// is opened, so that a wrong address is noticed, and later than that in use.
const (
	triesToOpen = 3
	triesInUse  = 10
	dialTimeout = 5 * time.Second
)

// New opens a bucket. It makes sure that the bucket is there and may be listed.
func New(ctx context.Context, c Config) (*Store, error) {
	c, err := c.normal()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	transport, err := c.transport()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	sse, err := c.encryption()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	var requests http.RoundTripper = transport
	if c.Wrap != nil {
		requests = c.Wrap(requests)
	}
	s := &Store{idle: transport.CloseIdleConnections, endpoint: c.Endpoint, bucket: c.Bucket, prefix: c.Prefix, sse: sse}
	for _, tries := range []int{triesToOpen, triesInUse} {
		s.core, err = minio.NewCore(c.Endpoint, &minio.Options{
			Creds: c.credentials(), Secure: c.Secure, Region: c.Region, Transport: counting{clocked{c.Endpoint, requests}}, MaxRetries: tries,
		})
		if err != nil {
			return nil, fmt.Errorf("open store: %s: %w", c.Endpoint, err)
		}
		if tries == triesToOpen {
			if err := s.enter(ctx, c); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// normal is c with its parts checked and in one form.
func (c Config) normal() (Config, error) {
	switch scheme, host, ok := strings.Cut(c.Endpoint, "://"); {
	case c.Endpoint == "":
		c.Endpoint, c.Secure = awsEndpoint, true
	case ok && (scheme == "http" || scheme == "https"):
		c.Endpoint, c.Secure = strings.TrimSuffix(host, "/"), scheme == "https"
	case ok:
		return c, fmt.Errorf("S3 endpoint %q: the scheme must be http or https", c.Endpoint)
	}
	if strings.ContainsAny(c.Endpoint, "/?#@ ") {
		return c, fmt.Errorf("S3 endpoint %q is not host:port", c.Endpoint)
	}
	if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
		return c, fmt.Errorf("S3 bucket %q: %w", c.Bucket, err)
	}
	if c.Prefix = strings.TrimSuffix(c.Prefix, "/"); c.Prefix != "" {
		if err := checkpoint.CheckKey(c.Prefix); err != nil {
			return c, fmt.Errorf("S3 prefix: %w", err)
		}
		c.Prefix += "/"
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return c, fmt.Errorf("S3 access key id %q: the access key id and the secret key must be given together", c.AccessKey)
	}
	return c, nil
}

// encryption is what every write asks of the server; nil for nothing.
func (c Config) encryption() (encrypt.ServerSide, error) {
	switch c.Encrypt {
	case "":
		return nil, nil
	case "s3":
		return encrypt.NewSSE(), nil
	case "kms":
		return encrypt.NewSSEKMS(c.KMSKey, nil)
	}
	return nil, fmt.Errorf("S3 encryption %q: s3 and kms are allowed", c.Encrypt)
}

func (c Config) credentials() *credentials.Credentials {
	if c.AccessKey != "" {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}

// transport is minio-go's with a bounded wait for connections and our
// authority.
func (c Config) transport() (*http.Transport, error) {
	transport, err := minio.DefaultTransport(c.Secure)
	if err != nil {
		return nil, err
	}
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("S3 CA file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("S3 CA file %s has no PEM certificate", c.CAFile)
		}
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return transport, nil
}

// enter makes sure that the bucket is there and may be listed.
func (s *Store) enter(ctx context.Context, c Config) error {
	err := s.peek(ctx)
	if code(err) == minio.NoSuchBucket && c.CreateBucket {
		err = s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: c.Region})
		if taken := code(err); taken == "BucketAlreadyOwnedByYou" || taken == "BucketAlreadyExists" {
			err = s.peek(ctx) // somebody was faster
		}
	}
	return s.fault("open", "", err)
}

// peek lists one object: the answer to a listing says what is wrong, that to a
// HEAD does not.
func (s *Store) peek(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for object := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true, MaxKeys: 1}) {
		return object.Err
	}
	return ctx.Err()
}
