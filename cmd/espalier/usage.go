package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"espalier/config"
	"espalier/workflows"
)

// usageArgs checks the number of arguments against the words of the command's
// Use: each is required unless it stands in brackets, and [WORD...] may be any
// number of them.
func usageArgs(c *cobra.Command, args []string) error {
	words := strings.Fields(c.Use)[1:]
	for i, word := range words {
		if i >= len(args) && !strings.HasPrefix(word, "[") {
			return misused(c, fmt.Errorf("%s: %s is missing", c.Name(), word))
		}
	}
	many := len(words) > 0 && strings.HasSuffix(words[len(words)-1], "...]")
	if len(args) > len(words) && !many {
		return misused(c, fmt.Errorf("%s: %q is one argument too many", c.Name(), args[len(words)]))
	}
	return nil
}

// misused marks a wrong command line and says where the right one is shown.
func misused(c *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w; see: %s --help", err, c.CommandPath())}
}

// unknownCommand refuses the words that name no command; it is what the root
// does with its arguments, since a known command would have taken them.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = " (did you mean " + strings.Join(near, " or ") + "?)"
	}
	return misused(root, fmt.Errorf("unknown command %q%s", args[0], hint))
}

// helpCommand is cobra's with an error for what is not there.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command",
		Example: "  espalier help run",
		Args:    usageArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range root.Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, args)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// completionCommand writes the scripts that make shells complete commands,
// flags and what stands in their places.
func completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Write the completion script of a shell: " + strings.Join(shells, ", "),
		Long: `Writes a script that makes a shell complete commands and flags, and the names of
runs, checkpoints, queues, tags and files where a command takes them. Behind the
id of a sweep and a dash it completes trials, behind the id of a run and an @
passes. What servers know is completed while they run.

    bash        source <(espalier completion bash)
    zsh         espalier completion zsh > "${fpath[1]}/_espalier"
    fish        espalier completion fish > ~/.config/fish/completions/espalier.fish
    powershell  espalier completion powershell | Out-String | Invoke-Expression`,
		Example:   "  espalier completion bash",
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			out := c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return usageError{fmt.Errorf("completion: shell %q: %s are allowed", args[0], strings.Join(shells, ", "))}
		},
	}
}

// loadSpec reads a spec. Whatever is wrong with it or with its file name is
// the user's to mend.
func loadSpec(path string) (*config.Spec, error) { return loadSpecBy(config.Load, path) }

// loadRun reads a spec that is to be run, with settings changed; one whose sweep
// has no trials to begin with is the user's to mend too.
func loadRun(path string, set []string) (*config.Spec, error) {
	spec, err := loadSet(path, set)
	if err != nil || spec.Sweep == nil {
		return spec, err
	}
	if _, err := workflows.NewSweep(spec); err != nil {
		return nil, usageError{err}
	}
	return spec, nil
}

// loadSet reads a spec and sets values in it. Of a sweep's they make a trial.
func loadSet(path string, set []string) (*config.Spec, error) {
	settings, err := settingsOf(set)
	if err != nil {
		return nil, err
	}
	spec, err := loadSpec(path)
	if err != nil || len(settings) == 0 {
		return spec, err
	}
	if spec.Sweep != nil {
		spec, err = spec.Trial(settings)
	} else {
		spec, err = spec.With(settings...)
	}
	var faults *config.Faults
	if err != nil && !errors.As(err, &faults) {
		err = usageError{err}
	}
	return spec, err
}

const setHelp = "a setting of the spec, PATH=VALUE; again for more; of a sweep's spec they make one trial"

func loadSpecBy(load func(string) (*config.Spec, error), path string) (*config.Spec, error) {
	spec, err := load(path)
	var faults *config.Faults
	switch {
	case err == nil:
		return spec, nil
	case errors.As(err, &faults):
		return nil, err
	case errors.Is(err, os.ErrNotExist):
		return nil, usageError{fmt.Errorf("spec %s: there is no such file; write one with: espalier init %s", path, path)}
	}
	return nil, usageError{cause(err, "spec "+path)}
}

// cause puts what was meant before the system's reason, without the system
// call and the path, which say nothing more.
func cause(err error, what string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}
