// Package trainer runs a program of another language that trains networks, and
// listens to it. It knows the protocol between the two, which
// docs/exec-trainer.md describes: a request in a file, a folder for
// checkpoints, and messages among all else that the program prints.
//
// Whatever the program does, it costs a bounded amount of memory and of log. It
// knows nothing of steps, stores and journals: those are package activities.
package trainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"espalier/config"
)

// Protocol is the version of the protocol, which requests name.
const Protocol = 1

// Command is a program that a worker allows to train.
type Command struct {
	Name string
	Args []string  // the program and its arguments; no shell reads them
	Env  []string  // its environment; nil is that of the process
	Log  io.Writer // gets all that it prints; nil drops it. Safe for concurrent use
}

// Request is what the program is told, as request.json. Paths are
// absolute.
type Request struct {
	Protocol int           `json:"protocol"`
	Kind     string        `json:"kind"` // config.ExecTrain, ...
	Run      string        `json:"run"`
	Key      string        `json:"key"`              // of the step
	Pass     int           `json:"pass"`             // 0 before the first pruning, and in evaluations
	Seed     uint64        `json:"seed"`             // 0 in evaluations
	Target   float64       `json:"target,omitempty"` // share that is to be gone after this pass
	Params   config.Params `json:"params"`
	// Parent is a folder with the files of the network to begin with; empty for
	// the first training. Resume is one with those of the step's newest
	// checkpoint; empty from the start.
	Parent string `json:"parent,omitempty"`
	Resume string `json:"resume,omitempty"`
	// Output is the folder in which the program makes a folder for each
	// checkpoint and for its result.
	Output          string   `json:"output"`
	CheckpointEvery float64  `json:"checkpoint_every"` // seconds
	LeaveWithin     float64  `json:"leave_within"`     // seconds from SIGTERM to the end
	Cores           int      `json:"cores,omitempty"`
	GPUs            []string `json:"gpus,omitempty"` // UUIDs, as in CUDA_VISIBLE_DEVICES
}

// ExitUsage is the exit code which says that the request cannot work, now or
// later.
const ExitUsage = 2

// Process is a program under way.
type Process struct {
	cmd      *exec.Cmd
	messages chan Message
	done     chan struct{} // closed when err is set
	err      error
	out      *listener
	pid      atomic.Int64
}

// strays is how long the outputs of a program that has ended are read on,
// should children of its own hold them open.
const strays = 2 * time.Second

// Start runs a command, whose request it writes into folder first, until it
// ends or is killed. Messages must be received until the channel is closed.
func Start(c Command, folder string, r Request) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, fmt.Errorf("trainer %s has no command", c.Name)
	}
	r.Protocol = Protocol
	if err := os.MkdirAll(r.Output, 0o700); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("request of trainer %s: %w", c.Name, err)
	}
	path := filepath.Join(folder, "request.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	p := &Process{messages: make(chan Message), done: make(chan struct{})}
	p.out = newListener(c.Log, p.messages)
	p.cmd = exec.Command(c.Args[0], append(c.Args[1:len(c.Args):len(c.Args)], path)...)
	p.cmd.Env = c.Env
	p.cmd.Env = append(p.cmd.Environ(), "ESPALIER_REQUEST="+path, "CUDA_VISIBLE_DEVICES="+strings.Join(r.GPUs, ","))
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out.plain()
	p.cmd.WaitDelay = strays
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("trainer %s: %w", c.Name, err)
	}
	return p, nil
}

// run starts the program and waits for it. The system ties the program's life
// to that of the thread that started it, so the thread stays.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The write end of its standard input stays open for as long as the worker
	// lives: a program that reads the end of it knows that the worker is gone.
	input, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		close(p.messages)
		started <- err
		return
	}
	p.pid.Store(int64(p.cmd.Process.Pid))
	started <- nil
	err = p.cmd.Wait()
	_ = input.Close() // Wait has closed it already
	p.signal(-1, syscall.SIGKILL)
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; children that outlived it do not count
	}
	p.out.end()
	p.err = err
	close(p.done)
	close(p.messages)
}

// Messages are what the program says, in order; the channel is closed when it
// has ended.
func (p *Process) Messages() <-chan Message { return p.messages }

// Leave asks the program to save and to end: SIGTERM.
func (p *Process) Leave() { p.signal(1, syscall.SIGTERM) }

// Kill ends the program and the children that it started, on the spot.
func (p *Process) Kill() { p.signal(-1, syscall.SIGKILL) }

// signal reaches the program, or with sign -1 all of its group. That it has
// ended meanwhile is no fault.
func (p *Process) signal(sign int, s syscall.Signal) {
	select {
	case <-p.done: // its number may be that of another by now
	default:
		_ = syscall.Kill(sign*int(p.pid.Load()), s)
	}
}

// Quiet is for how long the program has printed nothing.
func (p *Process) Quiet() time.Duration { return p.out.quiet() }

// Exit is the error that the program ended with, nil after success, and its
// exit code, -1 if a signal ended it. It waits for the end.
func (p *Process) Exit() (code int, err error) {
	<-p.done
	return p.cmd.ProcessState.ExitCode(), p.err
}

// Tail is the end of what the program has printed, a few lines, for people.
func (p *Process) Tail() string { return p.out.tail() }

// Misread is a line that began as a message does and was none, and why; empty
// if there was none.
func (p *Process) Misread() string { return p.out.misread() }
