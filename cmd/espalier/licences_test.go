package main_test

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

// allowed are the licences under which a module may be linked, by their SPDX
// names: those that ask for no more than their text and, of MPL-2.0, for the
// sources of the module itself, which is linked unchanged.
var allowedLicences = []string{
	"0BSD", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense", "Zlib",
}

// licencesByHand are those of modules that a person has read, with what else
// they bring: their texts say more than one thing, or stand elsewhere.
var licencesByHand = map[string][]string{
	// "Subject to your choice of exactly one" of the FreeType License and the
	// GPL: the former is chosen.
	"github.com/golang/freetype": {"FTL"},
	// Its sources point to the licence of the repository, MIT.
	"github.com/cactus/go-statsd-client/statsd": {"MIT"},
	// Generated descriptors, which go.temporal.io/api needs; their authors, who
	// are Temporal's, gave them no licence text.
	"github.com/nexus-rpc/nexus-proto-annotations": {"NONE"},
	// Apache-2.0; the others are of C++ sources in the same repository.
	"github.com/apache/arrow/go/arrow": {"BSL-1.0", "CC-BY-3.0", "HPND", "NCSA", "OpenSSL"},
	// Fonts, which may be passed on with any program.
	"codeberg.org/go-fonts/liberation": {"OFL-1.1"},
	// Attribution, which dependencies.md's list of modules gives.
	"github.com/ajstarks/svgo": {"CC-BY-4.0"},
	// BSD-2-Clause with a sentence on whose views are expressed.
	"github.com/rcrowley/go-metrics": {"BSD-2-Clause-Views"},
}

// Whatever is linked into the program is under a licence that allows it; a
// module that brings GPL, AGPL or LGPL, or none at all, is named.
func TestLicencesOfLinkedModules(t *testing.T) {
	t.Parallel()
	info, ok := debug.ReadBuildInfo()
	if !ok || len(info.Deps) < 50 {
		t.Fatalf("the test binary tells of too few modules: %d", len(info.Deps))
	}
	var paths []string
	for _, m := range info.Deps {
		paths = append(paths, m.Path)
	}
	out, err := exec.Command("go", append([]string{"list", "-m", "-f", "{{.Path}}\t{{if .Replace}}{{.Replace.Dir}}{{else}}{{.Dir}}{{end}}"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		found := licences(t, dir)
		byHand := licencesByHand[path]
		if len(found) == 0 {
			found = byHand
		}
		if len(found) == 0 {
			t.Errorf("%s: no licence that is known, in %s", path, dir)
		}
		for _, id := range found {
			count[id]++
			if !slices.Contains(allowedLicences, id) && !slices.Contains(byHand, id) {
				t.Errorf("%s is under %s, which may not be linked", path, id)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d modules under %s", count[id], id)
	}
}

// licences are the SPDX names of the licences in a module's folder.
func licences(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range licensecheck.Scan(bytes.TrimSpace(data)).Match {
			found = append(found, cmp.Or(m.ID, e.Name()))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// The check sees what it is for.
func TestLicencesThatAreRefused(t *testing.T) {
	t.Parallel()
	gpl := "This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version."
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "COPYING.txt"), []byte(gpl), 0o600); err != nil {
		t.Fatal(err)
	}
	found := licences(t, dir)
	if len(found) != 1 || !strings.HasPrefix(found[0], "AGPL") || slices.Contains(allowedLicences, found[0]) {
		t.Errorf("of a text under AGPL, %q were found", found)
	}
	if found := licences(t, t.TempDir()); len(found) != 0 {
		t.Errorf("in an empty folder, %q were found", found)
	}
}
