package local_test

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listeners are the addresses that this process listens on, without ports;
// none where the system has no /proc.
func listeners(t *testing.T) []string {
	t.Helper()
	own := make(map[string]bool)
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil {
			own[to] = true
		}
	}
	var found []string
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			const local, state, inode, listening = 1, 3, 9, "0A"
			fields := strings.Fields(line)
			if len(fields) <= inode || fields[state] != listening || !own["socket:["+fields[inode]+"]"] {
				continue
			}
			host, _, _ := strings.Cut(fields[local], ":")
			ip, err := hex.DecodeString(host)
			if err != nil {
				t.Fatal(err)
			}
			for word := range slices.Chunk(ip, 4) { // each in the machine's order
				slices.Reverse(word)
			}
			found = append(found, net.IP(ip).String())
		}
	}
	return found
}

// wantListeners checks how many listeners of this process others can reach.
func wantListeners(t *testing.T, open int) {
	t.Helper()
	found := listeners(t)
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		return
	}
	got := 0
	for _, ip := range found {
		if !net.ParseIP(ip).IsLoopback() {
			got++
		}
	}
	if got != open || len(found) < 4 {
		t.Errorf("this process listens on %q, want %d of them other than loopback", found, open)
	}
}
