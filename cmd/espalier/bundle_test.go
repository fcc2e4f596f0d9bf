package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// What a run ended with is made again from its bundle alone, with the same bits.
func TestBundleOfARunIsReproduced(t *testing.T) {
	t.Parallel()
	l := newLab(t, oneSecondSpec)
	run := l.finish(t).Run
	file := filepath.Join(t.TempDir(), "run.tar")
	command(t, l.args("bundle", run, "-o", file)...)
	elsewhere := lab{home: t.TempDir()}
	for _, flag := range []string{"--all=false", "--all"} {
		var r reproduction
		p := command(t, elsewhere.args("reproduce", file, "--json", flag)...)
		if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
			t.Fatalf("%v in %q", err, p.out.Bytes())
		}
		if want := map[string]int{"--all=false": 1, "--all": 9}[flag]; !r.Same || r.Run != run || len(r.Steps) != want {
			t.Errorf("reproduce %s: %+v, want %d steps", flag, r, want)
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2]++
	folder := write(t, map[string]string{"run.tar": string(whole)})
	mistake{args: []string{"reproduce", "run.tar"}, code: exitError, want: []string{"espalier: run.tar: the bundle is corrupt: .*"}}.check(t, folder)
}
