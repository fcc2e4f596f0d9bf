package local_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"espalier/workers/local"
)

// childHome names the home on which this test binary, started by a test, runs
// a stack until it is killed or its standard input ends.
const childHome = "ESPALIER_TEST_CHILD_HOME"

// childWorker is the identity of the worker that the child runs too, whose
// activity hangs; empty for none.
const childWorker = "ESPALIER_TEST_CHILD_WORKER"

func TestMain(m *testing.M) {
	if home := os.Getenv(childHome); home != "" {
		os.Exit(serveChild(home))
	}
	os.Exit(m.Run())
}

func serveChild(home string) int {
	ctx := context.Background()
	began := time.Now()
	stack, err := local.Start(ctx, local.Options{Home: home})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("ready after", time.Since(began).Round(time.Millisecond))
	if identity := os.Getenv(childWorker); identity != "" {
		if err := workAndHang(stack.Endpoint(), identity); err != nil {
			fmt.Println("error:", err)
			return 1
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the parent is gone when it ends
	if err := stack.Stop(ctx); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// child is a process with a stack.
type child struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	stdout   *bufio.Reader
	endpoint local.Endpoint
}

// startChild runs a stack on home in another process and returns when it can
// be used. env is added to the child's environment.
func startChild(t *testing.T, home string, env ...string) *child {
	t.Helper()
	began := time.Now()
	cmd := childCommand(home, env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	t.Cleanup(c.kill)
	line := c.expect(t, "ready")
	found, err := local.Find(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("child %d %s; since the process was started: %v", cmd.Process.Pid, line,
		time.Since(began).Round(time.Millisecond))
	c.endpoint = *found
	return c
}

func childCommand(home string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childHome+"="+home), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// expect waits for the child's next line, which must begin with start.
func (c *child) expect(t *testing.T, start string) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, start) {
		t.Fatalf("the child says %q, %v, want %s", line, err, start)
	}
	return strings.TrimSpace(line)
}

// kill ends the child by SIGKILL and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Signal(syscall.SIGKILL) // gone already is as good
	_ = c.cmd.Wait()                          // it always says "signal: killed"
}

// stop ends the child in good order.
func (c *child) stop(t *testing.T) {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
