package s3store_test

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"espalier/models/checkpoint/s3store"
)

// minioVersion is the server that the tests run on. It is a program of its
// own (AGPL): nothing of it is linked.
const minioVersion = "v0.0.0-20260212201848-7aac2a2c5b7c"

// Flags cannot be read before TestMain; these belong to the test binary.
var (
	minioFlag = flag.String("minio", "", "path of the minio `program`; without it: PATH, then espalier/minio-VERSION/minio in the user's cache folder")
	gateway   server
	bucketNo  atomic.Int64
)

const (
	accessKey = "espaliertest"
	secretKey = "a-secret-that-must-not-be-printed"
)

// server is an S3 server that tests may use.
type server struct {
	address string // "" if there is none
	absent  string // why
	dir     string // where its data is
}

// config is a bucket of the test's own.
func (s server) config(t *testing.T) s3store.Config {
	t.Helper()
	if s.address == "" {
		t.Skip(s.absent)
	}
	return s3store.Config{
		Endpoint: s.address, Bucket: fmt.Sprintf("bucket-%d", bucketNo.Add(1)), Region: "us-east-1",
		AccessKey: accessKey, SecretKey: secretKey, CreateBucket: true,
	}
}

func (s server) open(t *testing.T) *s3store.Store {
	t.Helper()
	return open(t, s.config(t))
}

func open(t *testing.T, c s3store.Config) *s3store.Store {
	t.Helper()
	store, err := s3store.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// TestMain starts the embedded gateway: a process can have one only.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withGateway(m))
}

func withGateway(m *testing.M) int {
	dir, err := os.MkdirTemp("", "espalier-gateway-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	listening := make(chan struct{})
	gateway.address = freeAddress()
	go func() { stopped <- serveGateway(ctx, dir, gateway.address, func() { close(listening) }) }()
	select {
	case <-listening:
	case err := <-stopped:
		log.Fatal("the embedded gateway does not start: ", err)
	}
	defer func() { cancel(); <-stopped }()
	return m.Run()
}

func serveGateway(ctx context.Context, dir, address string, started func()) error {
	buckets, attributes := filepath.Join(dir, "buckets"), filepath.Join(dir, "attributes")
	if err := errors.Join(os.Mkdir(buckets, 0o755), os.Mkdir(attributes, 0o755)); err != nil {
		return err
	}
	sidecar, err := meta.NewSideCar(attributes)
	if err != nil {
		return err
	}
	backend, err := posix.New(buckets, sidecar, posix.PosixOpts{SideCarDir: attributes})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess: accessKey, RootUserSecret: secretKey,
		IAMService:     auth.NewIAMServiceSingle(auth.Account{Access: accessKey, Secret: secretKey, Role: auth.RoleAdmin}),
		Ports:          []string{address},
		MaxConnections: 1000, MaxRequests: 500, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
		S3Options: []s3api.Option{s3api.WithOnListen(started)},
	})
}

// freeAddress is a loopback address that nothing listens at.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startMinIO starts a real MinIO server for one test, or says why it cannot.
func startMinIO(t *testing.T) server {
	t.Helper()
	program, ok := findMinIO()
	if !ok {
		return server{absent: fmt.Sprintf("MinIO %s is not built; `make minio` does it (some minutes)", minioVersion)}
	}
	address := freeAddress()
	dir := t.TempDir()
	cmd := exec.Command(program, "server", "--quiet", "--address", address, "--console-address", freeAddress(), dir)
	cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+accessKey, "MINIO_ROOT_PASSWORD="+secretKey, "MINIO_KMS_SECRET_KEY=test:"+base64.StdEncoding.EncodeToString(make([]byte, 32)), "MINIO_UPDATE=off", "MINIO_BROWSER=off", "HOME="+t.TempDir())
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	for answers := false; !answers; {
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("%s ends with %v: %s", program, err, out.String())
		case <-time.After(20 * time.Millisecond): // between two looks
		}
		conn, err := net.Dial("tcp", address)
		if answers = err == nil; answers {
			conn.Close()
		}
	}
	return server{address: address, dir: dir}
}

func findMinIO() (string, bool) {
	if *minioFlag != "" {
		return *minioFlag, true
	}
	if program, err := exec.LookPath("minio"); err == nil {
		return program, true
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", false
	}
	program := filepath.Join(cache, "espalier", "minio-"+minioVersion, "minio")
	_, err = os.Stat(program)
	return program, err == nil
}
