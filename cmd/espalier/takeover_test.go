package main

import (
	"syscall"
	"testing"
)

// A run that used the servers of another process starts them itself when that
// process is killed, and ends with the same bits.
func TestRunTakesOverTheServers(t *testing.T) {
	l := newLab(t, smallSpec)
	server := l.serve(t)
	p := l.run(t)
	l.training(t, p, 1)
	server.send(syscall.SIGKILL)
	same(t, l.result(t, p))
}

// Two runs begun at once share the servers of the one that was faster.
func TestRunsBegunAtOnceShareServers(t *testing.T) {
	l := newLab(t, oneSecondSpec)
	first, second := l.run(t), l.run(t)
	if a, b := l.result(t, first), l.result(t, second); a.Final == "" || a.Final != b.Final {
		t.Errorf("the same spec ended with %q and %q", a.Final, b.Final)
	}
}
