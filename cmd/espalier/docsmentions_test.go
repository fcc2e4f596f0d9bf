package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// notCommands are spans of pages that look like commands and are none.
var notCommands = map[string]string{
	"espalier checkpoint 1": "what a file says of itself", "espalier files 1": "what a file says of itself", "espalier --help": "every command's help is in docs/commands.md",
}

var mention = regexp.MustCompile("`((?:espalier|make) [^`]*)`")

// checkMentions holds the commands that pages mention in their text against
// those that were typed: one of the same name has had each of the flags. Targets
// of make are held against its file.
func checkMentions(t *testing.T, typed map[string]bool) {
	t.Helper()
	found := map[string]bool{}
	for _, page := range docPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mention.FindAllStringSubmatch(string(text), -1) {
			if found[m[1]] = true; notCommands[m[1]] != "" {
				continue
			}
			words := strings.Fields(m[1])
			if words[0] == "make" {
				if err := made(words[1:]); err != nil {
					t.Errorf("%s: `%s`: %v", page, m[1], err)
				}
				continue
			}
			uses, err := usesOf(words)
			if err != nil {
				t.Errorf("%s: `%s`: %v", page, m[1], err)
			}
			for _, use := range uses {
				if !typed[use] {
					t.Errorf("%s: `%s`: no page's commands as they are run have %s", page, m[1], use)
				}
			}
		}
	}
	for span := range notCommands {
		if !found[span] {
			t.Errorf("no page has `%s`", span)
		}
	}
}

// addUses adds the uses of all commands of ours in a script.
func addUses(to map[string]bool, script string) error {
	commands, err := shellCommands(script)
	if err != nil {
		return err
	}
	for _, words := range commands {
		at := slices.IndexFunc(words, func(word string) bool { return word == "espalier" || word == "bin/espalier" })
		if at < 0 {
			continue
		}
		uses, err := usesOf(words[at:])
		if err != nil {
			return fmt.Errorf("%q: %w", words, err)
		}
		for _, use := range uses {
			to[use] = true
		}
	}
	return nil
}

// usesOf are a command, and the command with each of the flags that it is
// given, by their long names.
func usesOf(words []string) ([]string, error) {
	root := tree()
	c, rest, err := root.Find(words[1:])
	if err != nil {
		return nil, err
	}
	uses := []string{c.CommandPath()}
	for _, word := range rest {
		name, _, _ := strings.Cut(word, "=")
		var flag *pflag.Flag
		switch {
		case strings.HasPrefix(name, "--"):
			flag = c.Flag(name[2:])
		case strings.HasPrefix(name, "-") && len(name) == 2:
			flag = c.Flags().ShorthandLookup(name[1:])
		default:
			continue
		}
		if flag == nil {
			return nil, fmt.Errorf("%s has no flag %s", c.CommandPath(), name)
		}
		uses = append(uses, c.CommandPath()+" --"+flag.Name)
	}
	return uses, nil
}
