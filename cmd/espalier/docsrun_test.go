package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"espalier/config"
	"espalier/models/export/exporttest"
)

// The tutorial is followed to the letter, in an empty folder: the network that
// PyTorch loads at its end knows as much as the run says.
func TestTutorial(t *testing.T) {
	t.Parallel()
	exporttest.Python(t, []string{"torch"}, "")
	said := follow(t, filepath.Join("..", "..", "docs", "tutorial.md"), t.TempDir())
	last := regexp.MustCompile(`(?m)^ 2 .* (\d+\.\d\d %) +\d+\.\d\d % to `).FindStringSubmatch(said)
	small := regexp.MustCompile(`(?m)^small in PyTorch (.*)$`).FindStringSubmatch(said)
	if last == nil || small == nil || last[1] != small[1] {
		t.Errorf("the run's last pass has %v, PyTorch %v:\n%s", last, small, said)
	}
}

// follow writes the files of a page into a folder, runs the blocks that it
// marks with <!-- run --> there, and answers with all that they print.
func follow(t *testing.T, page, folder string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, b := range blocksOf(string(text)) {
		if name, ok := strings.CutPrefix(b.mark, "file: "); ok {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.mark == "run" {
			script += b.text
		}
	}
	out, err := inShell(t, folder, script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", page, err, out)
	}
	return out
}

// inShell runs a script in a folder, with the commands of pages, whatever else
// is called so.
func inShell(t *testing.T, folder, script string, env ...string) (string, error) {
	t.Helper()
	out, err := shellCommand(t.Context(), t, folder, script, env...).CombinedOutput()
	return string(out), err
}

func shellCommand(ctx context.Context, t *testing.T, folder, script string, env ...string) *exec.Cmd {
	t.Helper()
	bin := t.TempDir()
	for name, command := range map[string]string{"espalier": asCommand + "=1 exec " + os.Args[0], "python3": "exec /usr/bin/python3 -W ignore"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+command+` "$@"`+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(ctx, "/bin/sh", "-eux", "-c", script)
	c.Dir = folder
	c.Env = append(config.EmbeddedEnviron(), append(env, "PATH="+bin+":"+os.Getenv("PATH"), "OMP_NUM_THREADS=1")...)
	return c
}
