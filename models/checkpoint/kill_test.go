package checkpoint_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"espalier/models/checkpoint"
	"espalier/models/checkpoint/dirstore"
	"espalier/models/checkpoint/storetest"
)

// victimDir makes the test binary, started once more, the process that is
// killed.
var victimDir = flag.String("victim", "", "commit to the store in this `folder` for ever")

func TestMain(m *testing.M) {
	flag.Parse()
	if *victimDir != "" {
		fmt.Fprintln(os.Stderr, victim(*victimDir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim goes on with the step for ever and says so after each commit.
func victim(dir string) error {
	store, err := dirstore.New(dir)
	if err != nil {
		return err
	}
	repo, ctx := &checkpoint.Repo{Store: store}, context.Background()
	key, err := checkpoint.StepKey(checkpoint.StepInput{Kind: "train", Seed: 1, Engine: "test/1"})
	if err != nil {
		return err
	}
	opened, err := repo.Open(ctx, key, storetest.Attempt("victim"))
	if err != nil {
		return err
	}
	for step := at(opened) + 1; ; step++ {
		entry, err := opened.Journal.Commit(ctx, storetest.Midway(step), nil)
		if err != nil {
			return err
		}
		fmt.Println(entry.Cursor.Step)
	}
}

// TestKill kills a process that commits in a loop, again and again at any
// moment. Whatever it has said to be committed is there, and all is readable.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	var committed int64
	for round := range 12 {
		said := kill(t, dir, 1+r.IntN(20), time.Duration(r.IntN(3000))*time.Microsecond)
		if said <= committed {
			t.Fatalf("round %d: the process came to step %d only, before it was at %d", round, said, committed)
		}
		committed = said
		wantReadable(t, dir, committed)
	}
}

// kill runs a victim until it has said so many commits, waits a little so that
// it is somewhere in the next, and kills it. It answers the last step said.
func kill(t *testing.T, dir string, commits int, more time.Duration) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-victim", dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			break // the kill cut the line
		}
		if n == commits {
			time.AfterFunc(more, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	if complaint.Len() > 0 {
		t.Fatalf("the process ended by itself: %s", complaint.String())
	}
	return last
}

func wantReadable(t *testing.T, dir string, committed int64) {
	t.Helper()
	store, err := dirstore.New(dir)
	must(t, err)
	repo := &checkpoint.Repo{Store: store}
	number := 0
	for entry, err := range repo.History(t.Context(), stepKey(t)) {
		if number++; err != nil || entry.Number != number {
			t.Fatalf("entry %d: %+v, %v", number, entry, err)
		}
	}
	opened := open(t, repo, storetest.Attempt("reader"))
	if at(opened) < committed || len(opened.Notes) != 0 {
		t.Fatalf("goes on from step %d with notes %q, want at least %d and none", at(opened), opened.Notes, committed)
	}
	for info, err := range store.List(t.Context(), "checkpoints/") {
		must(t, err)
		digest := checkpoint.Digest(strings.TrimSuffix(filepath.Base(info.Key), ".safetensors"))
		if _, err := repo.Load(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	}
	temps, err := os.ReadDir(filepath.Join(dir, ".tmp"))
	if err != nil || len(temps) != 0 {
		t.Fatalf("%d temporary files stay, %v", len(temps), err)
	}
}
