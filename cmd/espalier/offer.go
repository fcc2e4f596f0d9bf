package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"espalier/models/zoo"
	"espalier/workers/table"
)

// offerWithin is how long a shell waits at most for what may stand in a place.
const offerWithin = time.Second

// offer is what a shell may complete a word with, by the words before it.
type offer func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective)

// offerAll tells the shell what may stand in the places of all commands: of
// arguments by the words of Use, of flags by their names, as "flag" or, where
// commands differ, "command flag".
func (a *app) offerAll(root *cobra.Command) {
	places, flags := a.places(), a.flagPlaces()
	for _, c := range root.Commands() {
		for _, c := range append(c.Commands(), c) {
			if c.ValidArgs == nil && c.ValidArgsFunction == nil {
				c.ValidArgsFunction = byUse(c, places)
			}
			offerFlags(c, c.Flags(), flags)
		}
	}
	offerFlags(root, root.PersistentFlags(), flags)
}

// offerFlags offers words for the values of flags; what is not in the table
// takes numbers and free text.
func offerFlags(c *cobra.Command, flags *pflag.FlagSet, table map[string]offer) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.NoOptDefVal != "" { // takes no value
			return
		}
		of := table[c.Name()+" "+f.Name]
		if of == nil {
			of = table[f.Name]
		}
		if of == nil {
			of = words()
		}
		// It fails for flags that are not there, or told of twice.
		_ = c.RegisterFlagCompletionFunc(f.Name, cobra.CompletionFunc(of))
	})
}

// byUse offers for each argument what the word in its place says; the last one
// may stand for many.
func byUse(c *cobra.Command, places map[string]offer) offer {
	uses := strings.Fields(c.Use)[1:]
	many := len(uses) > 0 && strings.HasSuffix(uses[len(uses)-1], "...]")
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		at := len(args)
		if many {
			at = min(at, len(uses)-1)
		}
		if at >= len(uses) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word := strings.TrimSuffix(strings.Trim(uses[at], "[]"), "...")
		of := places[c.Name()+" "+word]
		if of == nil {
			of = places[word]
		}
		if of == nil {
			of = words()
		}
		return of(cmd, args, prefix)
	}
}

// The ends of the files of networks: checkpoints, packed models, and those of
// other programs.
var (
	checkpointFiles = []string{"safetensors"}
	modelFiles      = []string{"safetensors", "esp", "onnx"}
	foreignFiles    = []string{"pth", "pt", "onnx", "safetensors"}
)

// places are what may stand for the words of Use.
func (a *app) places() map[string]offer {
	return map[string]offer{
		"SPEC": files("yaml", "yml"), "init FILE": files("yaml", "yml"),
		"RUN":       a.runNames(nil),
		"ID":        a.runNames(notScan),
		"pause RUN": a.runNames(running), "resume RUN": a.runNames(paused), "change RUN": a.runNames(open),
		"retry RUN": a.runNames(retried), "extend RUN": a.runNames(notScan), "results RUN": a.runNames(notScan),
		"fork RUN": a.runNames(single), "bundle RUN": a.runNames(finished),
		"NETWORK": a.networkNames(true, modelFiles...), "MODEL": a.networkNames(true, modelFiles...),
		"CHECKPOINT":  a.networkNames(false, append([]string{"esp"}, checkpointFiles...)...),
		"tag WORD":    a.tagWords,
		"import FILE": files(foreignFiles...), "unpack FILE": files("esp"), "verify FILE": files("esp"),
		"BUNDLE": files("tar"), "IMAGE": files("png", "jpg", "jpeg", "gif"),
		"show NAME": a.architectureOrNetwork,
	}
}

// flagPlaces are what may stand for the values of flags.
func (a *app) flagPlaces() map[string]offer {
	return map[string]offer{
		"progress": words(progressWays()...), "log-level": words("debug", "info", "warn", "error"),
		"log-format": words("json", "text"), "report format": words(reportFormats...),
		"report out": files("html", "md"), "format": words(table.Formats()...), "output": files("json"), "svg": files("svg"),
		"form": words(formNames()...), "forms": listed(words(formNames()...)),
		"arch": words(zoo.Names()...), "shortcut": words(zoo.Shortcuts()...), "head": words(zoo.Heads()...),
		"predict data": words(publishedSets()...), "reproduce data": anyFile,
		"home": folders, "files": folders, "drain-notice": anyFile,
		"export out": files(foreignFiles...), "import out": files(checkpointFiles...), "pack out": files("esp"), "unpack out": files(checkpointFiles...),
		"results out": files(table.Formats()...), "bundle out": files("tar"), "files out": folders,
		"against": a.networkNames(true, modelFiles...), "from": a.passesOf, "set": a.settingsOf,
		"retry trial": listed(a.failedTrials), "queue": a.queueNames, "gpu": words("none"), "list tag": a.tagWords,
		"priority": words("1", "2", "3", "4", "5"),
	}
}

// progressWays are what --progress takes.
func progressWays() []string { return []string{"auto", "live", "plain", "json", "none"} }

// words offers some words and no files.
func words(all ...string) offer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// files offers the files with one of some ends.
func files(ends ...string) offer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return ends, cobra.ShellCompDirectiveFilterFileExt
	}
}

func anyFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// listed offers for the last word of a list with commas what another offer has.
func listed(of offer) offer {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		at := strings.LastIndex(prefix, ",") + 1
		all, how := of(cmd, args, prefix[at:])
		offered := make([]string, len(all))
		for i, word := range all {
			offered[i] = prefix[:at] + word
		}
		return offered, how
	}
}

// asked connects for as long as a shell waits and asks; without servers, or
// without an answer, there is nothing to offer.
func (a *app) asked(cmd *cobra.Command, ask func(context.Context, *connection) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), offerWithin)
	defer cancel()
	c, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.close()
	offered, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return offered, cobra.ShellCompDirectiveNoFileComp
}

// architectureOrNetwork offers architectures, or networks once digits or a path
// begin.
func (a *app) architectureOrNetwork(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if slices.ContainsFunc(zoo.Names(), func(name string) bool { return strings.HasPrefix(name, prefix) }) {
		return zoo.Names(), cobra.ShellCompDirectiveDefault
	}
	return a.networkNames(false, modelFiles...)(cmd, args, prefix)
}
