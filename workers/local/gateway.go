package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// gatewayKeys are the credentials of the gateway's one account.
type gatewayKeys struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// loadKeys reads the keys of a home and makes them the first time.
func loadKeys(path string) (gatewayKeys, error) {
	var keys gatewayKeys
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		keys = gatewayKeys{AccessKey: "ESPALIER" + rand.Text()[:12], SecretKey: rand.Text() + rand.Text()[:14]}
		return keys, writeJSON(path, keys)
	}
	if err != nil {
		return keys, err
	}
	err = json.Unmarshal(text, &keys)
	if err == nil && (keys.AccessKey == "" || keys.SecretKey == "") {
		err = errors.New("access_key or secret_key is empty")
	}
	if err != nil {
		return keys, fmt.Errorf("%s: %w; remove the file to make new keys", path, err)
	}
	return keys, nil
}

// The gateway turns requests away beyond these numbers rather than swelling.
const (
	maxConnections = 1024
	maxRequests    = 256
)

// gateway is the S3 server of this process.
type gateway struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
	err    error         // why, to be read after done
}

// startGateway serves o.Home/s3 and returns once connections are accepted,
// with the port that it listens on. Where the last gateway was killed its
// bucket is swept first. A process can run one at a time.
func startGateway(ctx context.Context, o Options, port int, keys gatewayKeys, killed bool, log *serverLog,
) (*gateway, int, error) {
	for try := 1; ; try++ {
		store, err := openBuckets(filepath.Join(o.Home, "s3"), keys.AccessKey, log.log)
		if err != nil {
			return nil, 0, fmt.Errorf("s3 gateway: %w", err)
		}
		if killed && try == 1 {
			if err := sweep(store.path(Bucket), store.attributes, time.Now()); err != nil {
				return nil, 0, fmt.Errorf("s3 gateway: sweep after a kill: %w", err)
			}
		}
		g, err := serve(ctx, store, hostPort(o.BindIP, port), keys)
		if err == nil {
			return g, port, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || try == portTries {
			return nil, 0, fmt.Errorf("s3 gateway: %w", err)
		}
		if port, err = choosePort(o.BindIP, o.S3Port, 0, "--s3-port"); err != nil {
			return nil, 0, err
		}
	}
}

func serve(ctx context.Context, store *buckets, address string, keys gatewayKeys) (*gateway, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g := &gateway{cancel: cancel, done: make(chan struct{})}
	listening := make(chan struct{})
	conf := &embedgw.Config{
		RootUserAccess:    keys.AccessKey,
		RootUserSecret:    keys.SecretKey,
		IAMService:        auth.NewIAMServiceSingle(auth.Account{Access: keys.AccessKey, Secret: keys.SecretKey, Role: auth.RoleAdmin}),
		Ports:             []string{address},
		MaxConnections:    maxConnections,
		MaxRequests:       maxRequests,
		MultipartMaxParts: 10000,
		KeepAlive:         true,
		Quiet:             true,
		S3Options:         []s3api.Option{s3api.WithOnListen(func() { close(listening) })},
	}
	go func() {
		defer close(g.done)
		g.err = embedgw.RunVersityGW(running, store, conf)
	}()
	select {
	case <-listening:
		return g, nil
	case <-g.done:
		cancel()
		return nil, g.err
	case <-ctx.Done():
		cancel()
		return nil, ctx.Err()
	case <-time.After(startPatience):
		cancel()
		return nil, fmt.Errorf("nothing listens on %s after %v", address, startPatience)
	}
}

// stop ends the gateway after the requests that it is answering.
func (g *gateway) stop(ctx context.Context) error {
	if g == nil {
		return nil
	}
	g.cancel()
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("s3 gateway has not stopped yet: %w", ctx.Err())
	}
}
