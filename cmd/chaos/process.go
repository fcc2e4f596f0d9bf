package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// restAfterDeath is how long a process stays dead, as under a supervisor.
const restAfterDeath = 300 * time.Millisecond

// process is a program that is started again whenever it ends, until it is
// told to stop.
type process struct {
	name    string
	program string
	args    []string
	environ func() []string
	log     *os.File
	ready   func() error // nil when it answers; may be nil itself

	mu      sync.Mutex
	command *exec.Cmd
	frozen  bool
	stop    bool
	lives   int
	done    chan struct{}
}

// start begins the first life. Lives end with the process or with ctx.
func (p *process) start(ctx context.Context, folder string) error {
	var err error
	if p.log, err = os.OpenFile(filepath.Join(folder, p.name+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		for p.live(ctx) {
			select {
			case <-ctx.Done():
			case <-time.After(restAfterDeath):
			}
		}
	}()
	return p.await(ctx)
}

// live runs the program once, and says whether to run it again.
func (p *process) live(ctx context.Context) bool {
	p.mu.Lock()
	if p.stop || ctx.Err() != nil {
		p.mu.Unlock()
		return false
	}
	c := exec.Command(p.program, p.args...)
	c.Env, c.Stdout, c.Stderr = p.environ(), p.log, p.log
	// Nothing outlives the harness.
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := c.Start()
	if err != nil {
		fmt.Fprintln(p.log, "chaos:", err)
	}
	p.command, p.frozen = c, false
	p.lives++
	p.mu.Unlock()
	if err == nil {
		fmt.Fprintf(p.log, "chaos: life %d ended: %v\n", p.lives, c.Wait())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.command = nil
	return !p.stop && ctx.Err() == nil
}

// await waits until the process answers.
func (p *process) await(ctx context.Context) error {
	if p.ready == nil {
		return nil
	}
	var err error
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = p.ready(); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not answer: %w; see %s", p.name, err, p.log.Name())
}

// signal says whether there was a process to signal. A frozen one takes
// SIGKILL and SIGCONT only.
func (p *process) signal(s syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command == nil || p.command.Process == nil || (p.frozen && s == syscall.SIGSTOP) {
		return false
	}
	if err := p.command.Process.Signal(s); err != nil {
		return false
	}
	p.frozen = s == syscall.SIGSTOP
	return true
}

// end stops the process for good, gently at first.
func (p *process) end() {
	p.mu.Lock()
	p.stop = true
	p.mu.Unlock()
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		p.signal(syscall.SIGKILL)
		<-p.done
	}
	_ = p.log.Close()
}

// errNotYet says that a process has not written yet how to reach it.
var errNotYet = errors.New("not yet")
