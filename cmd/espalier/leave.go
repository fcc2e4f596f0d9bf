package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// leaving says what becomes of a job that is interrupted, and how to go on.
func (a *app) leaving(cmd *cobra.Command, j job) string {
	switch again := typedAs(a.args); {
	case j.id == "":
		return fmt.Sprintf("stopped; go on with: %s\n", again)
	case j.away:
		return fmt.Sprintf("left; %s goes on as long as other workers serve queue %s\nwatch it with: %s\nwork on it again, and go on with: %s\n",
			j.id, j.spec.Resources.Queue, a.sameHome(cmd, "watch", j.id), again)
	default:
		return fmt.Sprintf("stopped; %s waits, since its servers were in this process\ngo on with: %s\n", j.id, again)
	}
}

// sameHome is a command line that finds the servers of this one.
func (a *app) sameHome(cmd *cobra.Command, args ...string) string {
	if home := cmd.Root().PersistentFlags().Lookup("home"); home != nil && home.Changed {
		args = append(args, "--home", home.Value.String())
	}
	return typedAs(args)
}

// typedAs is the command line of arguments, for a shell.
func typedAs(args []string) string {
	words := []string{"espalier"}
	for _, arg := range args {
		if arg == "" || strings.ContainsFunc(arg, needsQuotes) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// needsQuotes says whether a shell may take a character for more than itself.
func needsQuotes(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-", r)
}
