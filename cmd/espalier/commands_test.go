package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"espalier/config"
)

//go:generate go test -vet=off -run TestCommandReference -update-docs

// updateDocs makes TestCommandReference write docs/commands.md anew.
var updateDocs = flag.Bool("update-docs", false, "write docs/commands.md anew")

// tree is the command line with the defaults of a fresh machine.
func tree() *cobra.Command {
	root := newRoot(&app{env: config.Env{Home: ".espalier"}, out: io.Discard, errs: io.Discard})
	root.InitDefaultHelpCmd()
	return root
}

// commands are all that a user may type, the root first.
func commands(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, c := range root.Commands() {
		all = append(all, commands(c)...)
	}
	return all
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	for _, c := range commands(tree()) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short help is %q: want a line without a full stop", c.CommandPath(), c.Short)
		}
		if strings.TrimSpace(c.Example) == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			if err := typed(strings.Fields(line)); err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), strings.TrimSpace(line), err)
			}
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || f.Deprecated != "" {
				t.Errorf("%s --%s does not say what it is for", c.CommandPath(), f.Name)
			}
		})
	}
}

// typed checks words against the tree's commands, their flags and arguments,
// without running anything.
func typed(words []string) error {
	root := tree()
	if words[0] != root.Name() {
		return fmt.Errorf("does not begin with %s", root.Name())
	}
	c, rest, err := root.Find(words[1:])
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	return c.ValidateArgs(c.Flags().Args())
}

func TestExamplesNameFilesThatAreThere(t *testing.T) {
	t.Parallel()
	for _, c := range commands(tree()) {
		for _, word := range strings.Fields(c.Example) {
			if !strings.HasPrefix(word, "examples/") {
				continue
			}
			if _, err := config.Load(filepath.Join("..", "..", word)); err != nil {
				t.Errorf("%s: %v", c.CommandPath(), err)
			}
		}
	}
}

// TestCommandReference keeps docs/commands.md in step with the program.
func TestCommandReference(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "commands.md")
	now := commandReference()
	if *updateDocs {
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(was), now); diff != "" {
		t.Errorf("docs/commands.md is not up to date (-file +now); if now is right: go generate ./cmd/espalier\n%s", diff)
	}
}

// commandsHead begins the reference.
const commandsHead = `# Commands

` + "`espalier help COMMAND`" + ` shows the same. This page is generated from the source
(` + "`go generate ./cmd/espalier`" + `).

`

// commandReference is docs/commands.md.
func commandReference() string {
	var page strings.Builder
	page.WriteString(commandsHead)
	root := tree()
	fmt.Fprintf(&page, "%s\n\n%s\n", root.Long, flagTable("Flags of every command", root.PersistentFlags()))
	for _, group := range root.Groups() {
		fmt.Fprintf(&page, "## %s\n\n", strings.TrimSuffix(group.Title, ":"))
		for _, c := range root.Commands() {
			if c.GroupID == group.ID {
				for _, one := range commands(c) {
					page.WriteString(commandSection(one))
				}
			}
		}
	}
	return strings.TrimRight(page.String(), "\n") + "\n"
}

func commandSection(c *cobra.Command) string {
	c.DisableFlagsInUseLine = !c.HasLocalFlags()
	c.InheritedFlags() // sorts out which flags are the command's own
	s := fmt.Sprintf("### %s\n\n%s.\n\n", c.CommandPath(), c.Short)
	if c.Long != "" {
		s += c.Long + "\n\n"
	}
	s += fmt.Sprintf("```\n%s\n```\n\n", c.UseLine())
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		s += flagTable("Flags", c.LocalNonPersistentFlags()) + "\n"
	}
	return s + fmt.Sprintf("Example:\n\n```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimSpace(c.Example), "\n  ", "\n"))
}

func flagTable(title string, flags *pflag.FlagSet) string {
	s := fmt.Sprintf("| %s | default | meaning |\n| --- | --- | --- |\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if kind, _ := pflag.UnquoteUsage(f); kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "false" {
			value = "`" + f.DefValue + "`"
		}
		s += fmt.Sprintf("| `%s` | %s | %s |\n", name, value, f.Usage)
	})
	return s
}
