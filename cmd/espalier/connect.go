package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/checkpoint/s3store"
	"espalier/workers/local"
	"espalier/workers/payload"
	"espalier/workers/runs"
	"espalier/workers/standing"
	"espalier/workflows"
)

// connection is a way to a Temporal server and a store.
type connection struct {
	temporal client.Client
	runs     *runs.Client
	address  string         // of Temporal, for people
	opening  sync.Mutex     // of the store
	store    *s3store.Store // opened by openStore
	s3       s3store.Config
	foreign  bool                                      // the store is that of ESPALIER_S3
	stack    *local.Stack                              // nil unless the servers are embedded in this process
	home     string                                    // of the process that embeds them, if that is another one
	hears    func(http.RoundTripper) http.RoundTripper // of requests to the store
}

func (c *connection) close() {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.store != nil {
		// The embedded gateway would wait for idle connections; closing them
		// cannot fail.
		_ = c.store.Close()
	}
	c.temporal.Close()
	if c.stack != nil {
		stopStack(c.stack)
	}
}

// gone says that the connection was to another process of this machine, which
// has ended.
func (c *connection) gone() bool {
	if c.home == "" {
		return false
	}
	_, err := local.Find(c.home)
	return errors.Is(err, local.ErrNotRunning)
}

// standUpWithin is how long another process of this machine may take to start
// or stop its servers.
const standUpWithin = 15 * time.Second

// standUp connects to the configured servers, or to those that another process
// of this machine embeds in the same home, or embeds them here.
func (a *app) standUp(ctx context.Context) (*connection, error) {
	if err := a.openLog(); err != nil {
		return nil, err
	}
	if a.env.TemporalConfigured() {
		return a.connect(ctx)
	}
	for began := time.Now(); ; {
		c, err := a.startLocal(ctx, local.Options{Home: a.home, Log: a.log})
		var locked *local.LockedError
		if !errors.As(err, &locked) {
			return c, err
		}
		c, err = a.connect(ctx)
		if _, gone := local.Find(a.home); err == nil || !errors.Is(gone, local.ErrNotRunning) || time.Since(began) > standUpWithin {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// connect finds the configured servers, or those that a process of this machine embeds.
func (a *app) connect(ctx context.Context) (*connection, error) {
	if a.env.TemporalConfigured() {
		return a.dialConfigured(ctx)
	}
	endpoint, err := local.Find(a.home)
	if err != nil {
		return nil, err
	}
	c, err := a.dialLocal(ctx, *endpoint)
	if err != nil {
		return nil, err
	}
	c.home = a.home
	return c, nil
}

func (a *app) dialLocal(ctx context.Context, e local.Endpoint) (*connection, error) {
	c, err := a.dial(ctx, client.Options{
		HostPort: e.TemporalAddress, Namespace: e.Namespace,
		// There is no network that packing would spare.
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}},
	})
	if err != nil {
		return nil, fmt.Errorf("%w; it is that of process %d in home %s", err, e.PID, a.home)
	}
	c.s3 = s3store.Config{
		Endpoint: strings.TrimPrefix(e.S3Endpoint, "http://"), Bucket: e.S3Bucket,
		AccessKey: e.AccessKey, SecretKey: e.SecretKey,
	}
	if a.env.S3 != nil {
		c.s3, c.foreign = configuredS3(a.env.S3), true
	}
	return c, nil
}

func (a *app) dialConfigured(ctx context.Context) (*connection, error) {
	by := strings.Join(a.env.Temporal, ", ")
	// The SDK takes a file that is not there for an empty one.
	if path := a.env.TemporalFile; path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, usageError{cause(err, "TEMPORAL_CONFIG_FILE "+path)}
		}
		by = strings.Replace(by, "TEMPORAL_CONFIG_FILE", "TEMPORAL_CONFIG_FILE "+path, 1)
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, usageError{fmt.Errorf("temporal's configuration (%s): %w", by, err)}
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	c, err := a.dial(ctx, options)
	if err == nil {
		if err = hasNamespace(ctx, c); err != nil {
			c.close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w; mend the server, or %s", err, by)
	}
	if a.env.S3 != nil {
		c.s3, c.foreign = configuredS3(a.env.S3), true
	}
	return c, nil
}

func configuredS3(s *config.S3) s3store.Config {
	return s3store.Config{
		Endpoint: s.Endpoint, Bucket: s.Bucket, Prefix: s.Prefix, Region: s.Region, Secure: s.TLS,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey.Reveal(), SessionToken: s.SessionToken.Reveal(),
		CAFile: s.CAFile, Encrypt: s.Encrypt, KMSKey: s.KMSKey,
	}
}

// dialWithin is how long a Temporal server may take to answer at first.
const dialWithin = 10 * time.Second

func (a *app) dial(ctx context.Context, o client.Options) (*connection, error) {
	o.Identity = a.identity
	codec, err := a.codec()
	if err != nil {
		return nil, err
	}
	if codec != nil {
		o.DataConverter = codec.Converter()
		// Errors hold paths and values of specs too.
		o.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter: o.DataConverter, EncodeCommonAttributes: true,
		})
	}
	o.Logger = sdklog.NewStructuredLogger(a.log)
	if err := a.telemetry.Client(&o); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	t, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("temporal at %s does not answer: %s", o.HostPort, unreached(err))
	}
	c := &connection{temporal: t, address: o.HostPort, hears: a.telemetry.Transport}
	c.runs = &runs.Client{Temporal: t, Namespace: o.Namespace, Converter: codec.Converter(), Standing: c.standing}
	return c, nil
}

// hasNamespace makes sure that the server has the namespace. Not every key may
// ask for it; what matters is one that is not there.
func hasNamespace(ctx context.Context, c *connection) error {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	name := c.runs.Namespace
	_, err := c.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("temporal at %s has no namespace %s", c.address, name)
	}
	return nil
}

// standing reads what is written down of how a run or a sweep stands.
func (c *connection) standing(ctx context.Context, id string) (*workflows.Standing, error) {
	store, err := c.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return standing.Read(ctx, &checkpoint.Repo{Store: store}, id)
}

// codec encrypts what Temporal keeps with the keys of ESPALIER_PAYLOAD_KEYS;
// nil where there are none.
func (a *app) codec() (*payload.Codec, error) {
	if a.env.PayloadKeys == "" {
		return nil, nil
	}
	codec, err := payload.Open(a.env.PayloadKeys)
	if err != nil {
		return nil, usageError{fmt.Errorf("ESPALIER_PAYLOAD_KEYS: %w", err)}
	}
	return codec, nil
}

// unreached is why a server could not be reached, without the layers of gRPC
// between that say nothing more.
func unreached(err error) string {
	text := err.Error()
	for _, layer := range []string{"failed reaching server: ", "connection error: desc = ", "transport: ", "Error while dialing: ", "authentication handshake failed: "} {
		if _, after, ok := strings.Cut(text, layer); ok {
			text = after
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || strings.HasSuffix(text, "context deadline exceeded") {
		return fmt.Sprintf("no answer within %s", dialWithin)
	}
	return strings.Trim(text, `"`)
}

// openStore connects to the connection's bucket.
func (c *connection) openStore(ctx context.Context) (checkpoint.Store, error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.store != nil {
		return c.store, nil
	}
	if c.s3.Bucket == "" {
		return nil, usageError{errors.New("no store is configured for this Temporal server; set ESPALIER_S3, as s3://bucket/prefix?endpoint=host:port")}
	}
	c.s3.Wrap = c.hears
	store, err := s3store.New(ctx, c.s3)
	var clock *s3store.ClockError // which says itself what to mend
	if err != nil && c.foreign && !errors.As(err, &clock) {
		return nil, fmt.Errorf("%w; mend ESPALIER_S3 or the AWS_ variables", err)
	}
	if err != nil {
		return nil, err
	}
	c.store = store
	return store, nil
}
