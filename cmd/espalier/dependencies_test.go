package main_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every module that the code imports has its row in docs/dependencies.md, with
// a licence, and no row is about something that nothing imports.
func TestDependenciesAreExplained(t *testing.T) {
	t.Parallel()
	files, err := sources(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	rows, unused := map[string]bool{}, map[string]bool{}
	doc, tools, _ := strings.Cut(readFile(t, "docs/dependencies.md"), "\n## Tools\n")
	for _, m := range dependencyRow.FindAllStringSubmatch(doc, -1) {
		if rows[m[1]] {
			t.Errorf("docs/dependencies.md has two rows of %s", m[1])
		}
		rows[m[1]], unused[m[1]] = true, true
	}
	for _, f := range files {
		for _, spec := range f.syntax.Imports {
			pkg, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
			if first, _, _ := strings.Cut(pkg, "/"); !strings.Contains(first, ".") {
				continue // ours, or the standard library's
			}
			row := coveredBy(pkg, rows)
			if row == "" {
				t.Errorf("%s imports %s, which docs/dependencies.md does not explain", f.path, pkg)
			}
			delete(unused, row)
		}
	}
	for module := range unused {
		t.Errorf("docs/dependencies.md explains %s, which nothing imports", module)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+)$`).FindAllStringSubmatch(readFile(t, ".ci/tools/go.mod"), -1) {
		if !dependencyRow.MatchString(tools) || !explained(tools, m[1]) {
			t.Errorf("docs/dependencies.md does not explain the tool %s", m[1])
		}
	}
}

// dependencyRow is a row of the tables: a module, then a licence.
var dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [A-Z][^|]+ \\| [0-9-]+ \\|")

// coveredBy is the row that says most of where a package comes from.
func coveredBy(pkg string, rows map[string]bool) (longest string) {
	for row := range rows {
		if within(pkg, row) && len(row) > len(longest) {
			longest = row
		}
	}
	return longest
}

// explained says whether a tool belongs to a module that has a row.
func explained(doc, tool string) bool {
	rows := map[string]bool{}
	for _, m := range dependencyRow.FindAllStringSubmatch(doc, -1) {
		rows[m[1]] = true
	}
	return coveredBy(tool, rows) != ""
}
