package workers_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"espalier/workers"
)

func TestDead(t *testing.T) {
	t.Parallel()
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Skip("no sleep command on this machine:", err)
	}
	now := time.Now()
	name := func(pid int, at time.Time) string { return workers.IdentityOf(pid, at) }
	zombie := exec.Command("sleep", "0")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Both have ended or are to end now; how is of no interest.
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
		_ = zombie.Wait()
	})
	self := name(os.Getpid(), now)
	dead := workers.Dead(self)
	tests := map[string]struct {
		identity string
		want     bool
	}{
		"itself":                             {self, false},
		"an earlier process of its number":   {name(os.Getpid(), now.Add(-time.Hour)), true},
		"a live process":                     {name(sleeper.Process.Pid, now), false},
		"a number that another process took": {name(sleeper.Process.Pid, now.Add(-time.Hour)), true},
		"a number that nobody has":           {name(1<<22+1, now), true},
		"another host":                       {"espalier@elsewhere-entirely#1@1", false},
		"somebody else":                      {"4711@laptop@", false},
		"nothing":                            {"", false},
	}
	for about, test := range tests {
		if got := dead(test.identity); got != test.want {
			t.Errorf("%s: Dead(%q) = %t, want %t", about, test.identity, got, test.want)
		}
	}
	for deadline := now.Add(time.Minute); !dead(name(zombie.Process.Pid, now)); {
		if time.Now().After(deadline) {
			t.Fatal("a process that has ended but was not waited for still counts as alive")
		}
	}
}
