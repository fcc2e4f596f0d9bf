package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"espalier/workers/local"
)

// The whole life of a stack in one process: used, refused a second time,
// stopped, started again on what it left. One test, since a process can run
// one gateway at a time.
func TestStack(t *testing.T) {
	ctx := t.Context()
	home := filepath.Join(t.TempDir(), "a home, 100% odd?")
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}

	stack := start(t, local.Options{Home: home})
	first := stack.Endpoint()
	wantEqual(t, "identity", identity(ctx, t, first), identity(ctx, t, first))
	was := identity(ctx, t, first)
	useWorkflow(ctx, t, first, "first")
	useBucket(ctx, t, first)
	checkFiles(t, home, first)
	wantListeners(t, 0)
	checkSecondStart(t, home)
	checkFind(t, home, first)

	stop(t, stack)
	if _, err := local.Find(home); !errors.Is(err, local.ErrNotRunning) {
		t.Errorf("Find after Stop gives %v, want ErrNotRunning", err)
	}
	for _, address := range []string{first.TemporalAddress, strings.TrimPrefix(first.S3Endpoint, "http://")} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s is open after Stop", address)
		}
	}

	stack = start(t, local.Options{Home: home})
	second := stack.Endpoint()
	wantEqual(t, "temporal address", second.TemporalAddress, first.TemporalAddress)
	wantEqual(t, "s3 endpoint", second.S3Endpoint, first.S3Endpoint)
	wantEqual(t, "secret key", second.SecretKey, first.SecretKey)
	wantEqual(t, "identity", identity(ctx, t, second), was)
	wantGreeting(ctx, t, dial(t, second, "reader").GetWorkflow(ctx, "first", ""))
	useWorkflow(ctx, t, second, "second")
	if got, err := openBucket(second).get(ctx, "a/b/c.json"); err != nil || string(got) != "{}" {
		t.Errorf("the object after a restart is %q, %v", got, err)
	}
	stop(t, stack)

	// Told to, the two public ports are open to others; the internal ones are not.
	stack = start(t, local.Options{Home: home, BindIP: "0.0.0.0"})
	wantListeners(t, 2)
	stop(t, stack)

	after, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "working directory", after, before)
}

func start(t *testing.T, o local.Options) *local.Stack {
	t.Helper()
	began := time.Now()
	stack, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := stack.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return stack
}

func stop(t *testing.T, stack *local.Stack) {
	t.Helper()
	began := time.Now()
	if err := stack.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
}

// identity is what a database must keep: the cluster's and the namespace's.
func identity(ctx context.Context, t *testing.T, e local.Endpoint) string {
	t.Helper()
	service := dial(t, e, "").WorkflowService()
	cluster, err := service.GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: e.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("cluster %s, namespace %s, kept %v, shards %d", cluster.GetClusterId(), namespace.GetNamespaceInfo().GetId(),
		namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(), cluster.GetHistoryShardCount())
}

func useWorkflow(ctx context.Context, t *testing.T, e local.Endpoint, id string) {
	t.Helper()
	c := dial(t, e, "worker")
	defer work(t, c, &composer{started: make(chan int32, 10)})()
	wantGreeting(ctx, t, startGreet(ctx, t, c, id))
}

func useBucket(ctx context.Context, t *testing.T, e local.Endpoint) {
	t.Helper()
	b := openBucket(e)
	part := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	steps := []struct {
		name string
		err  error
	}{
		{"create", b.create(ctx, "a/b/c.json", []byte("{}"))},
		{"put", b.put(ctx, "a/d", part)},
		{"put again", b.put(ctx, "a/d", part[:100])},
		{"upload", b.upload(ctx, "big", part, part[:17])},
	}
	for _, step := range steps {
		if step.err != nil {
			t.Errorf("%s: %v", step.name, step.err)
		}
	}
	wantCode(t, b.create(ctx, "a/b/c.json", []byte("other")), "PreconditionFailed")
	_, err := b.get(ctx, "missing")
	wantCode(t, err, "NoSuchKey")
	if got, err := b.get(ctx, "big"); err != nil || !bytes.Equal(got, append(bytes.Clone(part), part[:17]...)) {
		t.Errorf("the uploaded object has %d bytes, %v", len(got), err)
	}
	if got, err := b.get(ctx, "a/d"); err != nil || !bytes.Equal(got, part[:100]) {
		t.Errorf("the replaced object has %d bytes, %v", len(got), err)
	}
	keys, err := b.list(ctx, "a/")
	if err != nil {
		t.Error(err)
	}
	wantEqual(t, "keys under a/", fmt.Sprint(keys), "[a/b/c.json a/d]")

	e.SecretKey = "wrong"
	wantCode(t, openBucket(e).put(ctx, "x", nil), "SignatureDoesNotMatch")
}

// checkFiles looks at what lies in home: nothing that others may read, and no
// secret where it does not belong.
func checkFiles(t *testing.T, home string, e local.Endpoint) {
	t.Helper()
	for _, name := range []string{"server.json", "s3.json", "server.log", "lock"} {
		info, err := os.Stat(filepath.Join(home, name))
		if err != nil {
			t.Error(err)
			continue
		}
		wantEqual(t, name, info.Mode().Perm(), fs.FileMode(0o600))
	}
	log, err := os.ReadFile(filepath.Join(home, "server.log"))
	if err != nil {
		t.Error(err)
	}
	if bytes.Contains(log, []byte(e.SecretKey)) {
		t.Error("server.log has the secret key")
	}
	if printed := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(printed, e.SecretKey) {
		t.Errorf("an endpoint prints its secret: %s", printed)
	}
}

func checkSecondStart(t *testing.T, home string) {
	t.Helper()
	_, err := local.Start(t.Context(), local.Options{Home: home})
	var locked *local.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("a second start gives %v, want a LockedError", err)
	}
	wantEqual(t, "holder", locked.PID, os.Getpid())
	wantEqual(t, "message", err.Error(), fmt.Sprintf("%s is in use by process %d; stop it, or choose another home", home, os.Getpid()))
}

func checkFind(t *testing.T, home string, want local.Endpoint) {
	t.Helper()
	found, err := local.Find(home)
	if err != nil {
		t.Fatal(err)
	}
	if *found != want {
		t.Errorf("Find gives %v, want %v", found, want)
	}
}

func wantEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
