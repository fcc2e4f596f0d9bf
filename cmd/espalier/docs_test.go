package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docPages are the pages whose commands are checked. docs/commands.md is made
// of the help, which has a test of its own.
func docPages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"README.md", "docs/*.md", "deploy/*.md", "examples/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	pages = slices.DeleteFunc(pages, func(page string) bool { return filepath.Base(page) == "commands.md" })
	if len(pages) < 20 {
		t.Fatalf("only %d pages: %v", len(pages), pages)
	}
	return pages
}

// Every command that a page shows is one that there is: of Espalier with flags
// and arguments that it takes, a target of make, a folder of Go's, or a program
// of others that is named here.
func TestCommandsOfPagesAreThere(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range docPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocksOf(string(text)) {
			commands, err := b.commands()
			if err != nil {
				t.Errorf("%s:%d: %v", page, b.line, err)
			}
			for _, words := range commands {
				if err := known(words); err != nil {
					t.Errorf("%s:%d: %q: %v", page, b.line, strings.Join(words, " "), err)
				}
				checked++
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d commands were found", checked)
	}
}

// Every page that another one links to is there, and so is the section.
func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range docPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if err := leads(page, m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// leads checks a link to a file and, of Markdown, to a heading in it.
func leads(page, link string) error {
	path, section, _ := strings.Cut(link, "#")
	to := page
	if path != "" {
		to = filepath.Join(filepath.Dir(page), path)
	}
	if _, err := os.Stat(to); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there", link)
	}
	if section == "" || filepath.Ext(to) != ".md" {
		return nil
	}
	text, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if title := strings.TrimLeft(line, "#"); title != line && anchor(title) == section {
			return nil
		}
	}
	return fmt.Errorf("%s has no section #%s", to, section)
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	title = strings.ToLower(strings.TrimSpace(title))
	title = regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(title, "")
	return strings.ReplaceAll(title, " ", "-")
}

// known says what is wrong with a command, if anything is.
func known(words []string) error {
	switch words[0] {
	case "espalier", "bin/espalier":
		for _, word := range words {
			if strings.HasPrefix(word, "examples/") && !strings.Contains(word, "$") {
				if _, err := os.Stat(filepath.Join("..", "..", word)); err != nil {
					return err
				}
			}
		}
		return typed(append([]string{"espalier"}, words[1:]...))
	case "make":
		return made(words[1:])
	case "go":
		return gone(words[1:])
	case "export", "read": // assignments were looked at
		return nil
	}
	if _, ok := foreign[words[0]]; !ok {
		return errors.New("no command that pages may show; if it is right, put its program into the table of this test")
	}
	return nil
}

// foreign are the programs of others that pages show, and what for.
var foreign = map[string]string{
	"docker": "clusters", "cp": "clusters", "temporal": "looking at Temporal", "aws": "looking at the store", "jq": "JSON of ours",
	"python3": "networks of PyTorch", "node": "ONNX Runtime", "npm": "ONNX Runtime", "grep": "text of ours", "sed": "text of ours", "tee": "text of ours",
	"openssl": "keys", "umask": "keys", "echo": "keys", "ssh": "dashboards of other machines", "curl": "metrics and dashboards",
	"git": "the source", "cd": "the source", "apt": "OpenBLAS", "mlflow": "tracking",
}

// made checks targets against the Makefile.
func made(words []string) error {
	file, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		return err
	}
	for _, word := range words {
		if strings.Contains(word, "=") || strings.HasPrefix(word, "-") {
			continue
		}
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(word) + `:`).Match(file) {
			return fmt.Errorf("make has no target %s", word)
		}
	}
	return nil
}

// gone checks the folders that the go command is told of.
func gone(words []string) error {
	if !slices.Contains([]string{"test", "run", "build", "generate", "vet", "tool"}, words[0]) {
		return fmt.Errorf("go has no command %s that pages may show", words[0])
	}
	for _, word := range words[1:] {
		if folder, ok := strings.CutPrefix(word, "./"); ok {
			if _, err := os.Stat(filepath.Join("..", "..", strings.TrimSuffix(folder, "/..."))); err != nil {
				return err
			}
		}
	}
	return nil
}
