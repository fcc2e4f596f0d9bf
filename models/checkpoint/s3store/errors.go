package s3store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"espalier/models/checkpoint"
)

// code is S3's word for an error, "" if it is no answer of a server.
func code(err error) string {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// fault names what was tried, where and why it went wrong, in the store's
// words; nil stays nil.
func (s *Store) fault(op, key string, err error) error {
	if err == nil {
		return nil
	}
	what := s.String()
	if key != "" {
		what = key + " in " + what
	}
	return fmt.Errorf("%s %s: %w", op, what, s.mapped(err))
}

func (s *Store) mapped(err error) error {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return s.unreached(err)
	}
	switch {
	case full(answer):
		return fmt.Errorf("%w: %w", checkpoint.ErrFull, err)
	case answer.Code == minio.NoSuchKey:
		return checkpoint.ErrNotFound
	case answer.Code == minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %s: %w", s.bucket, err)
	case answer.StatusCode == http.StatusPreconditionFailed, answer.Code == minio.PreconditionFailed:
		return checkpoint.ErrExists
	case answer.Code == "ConditionalRequestConflict":
		return fmt.Errorf("%w: %w", checkpoint.ErrExists, err)
	case answer.Code == minio.RequestTimeTooSkewed:
		return &ClockError{endpoint: s.endpoint}
	case denied(answer):
		return fmt.Errorf("%w: %s: %w", checkpoint.ErrDenied, s.advice(answer.Code), err)
	}
	return err
}

func full(answer minio.ErrorResponse) bool {
	switch answer.Code {
	case "XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded":
		return true
	}
	return answer.StatusCode == http.StatusInsufficientStorage || strings.Contains(answer.Message, "no space left on device")
}

func denied(answer minio.ErrorResponse) bool {
	switch answer.Code {
	case minio.AccessDenied, "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "InvalidTokenId", "ExpiredToken", "XAdminUserNotFound", "AllAccessDisabled", "AccountProblem":
		return true
	}
	return answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden
}

// advice says whose credentials were refused and what to look at. It names
// the access key id, never the secret.
func (s *Store) advice(code string) string {
	id := ""
	if value, err := s.core.GetCreds(); err == nil {
		id = value.AccessKeyID
	}
	switch {
	case id == "":
		return "no credentials were found; give an access key id and a secret key"
	case code == "SignatureDoesNotMatch":
		return fmt.Sprintf("the secret key does not belong to access key id %s", id)
	case code == "InvalidAccessKeyId", code == "XAdminUserNotFound":
		return fmt.Sprintf("the server does not know access key id %s", id)
	}
	return fmt.Sprintf("access key id %s may not do this", id)
}

// unreached says why there was no answer.
func (s *Store) unreached(err error) error {
	var (
		transport *url.Error
		unknown   x509.UnknownAuthorityError
		lookup    *net.DNSError
		clock     *ClockError
	)
	switch {
	case errors.As(err, &clock):
		return clock
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: %w", s.endpoint, syscall.ECONNREFUSED)
	case errors.As(err, &lookup):
		return fmt.Errorf("the host of %s is not known: %w", s.endpoint, lookup)
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is of an unknown authority; name its CA file: %w", s.endpoint, err)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s speaks HTTP, not HTTPS: turn TLS off", s.endpoint)
	case errors.As(err, &transport): // its text repeats the whole URL
		return fmt.Errorf("%s: %w", s.endpoint, transport.Err)
	}
	return err
}
