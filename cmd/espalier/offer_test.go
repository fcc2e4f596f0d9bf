package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"espalier/workers"
	"espalier/workflows"
)

// completed is what a shell is offered for the last of the words, without what
// is said about it, and what it is to do beside.
func completed(t *testing.T, words ...string) (offered []string, how string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(context.Background(), append([]string{cobra.ShellCompRequestCmd}, words...), &out, &errs); code != 0 {
		t.Fatalf("%q: exit code %d: %s", words, code, errs.Bytes())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		offered = append(offered, word)
	}
	how = strings.TrimPrefix(strings.TrimSpace(errs.String()), "Completion ended with directive: ")
	return offered, how
}

const (
	noFiles  = "ShellCompDirectiveNoFileComp"
	byEnding = "ShellCompDirectiveFilterFileExt"
	foldersX = "ShellCompDirectiveFilterDirs"
)

// Without servers words, files and folders are offered, and no errors.
func TestShellsCompleteWithoutServers(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	tests := map[string]struct {
		words []string
		want  string
		how   string
	}{
		"a spec":              {[]string{"run", ""}, "yaml yml", byEnding},
		"one spec only":       {[]string{"run", "a.yaml", ""}, "", noFiles},
		"a run":               {[]string{"status", ""}, "", noFiles},
		"a trial":             {[]string{"status", "tiny-000000000000-"}, "", noFiles},
		"a network":           {[]string{"export", ""}, "safetensors esp onnx", byEnding},
		"a network by path":   {[]string{"pack", "./"}, "safetensors esp onnx", byEnding},
		"a checkpoint":        {[]string{"inspect", "3f9a"}, "esp safetensors", byEnding},
		"a pass":              {[]string{"export", "tiny-000000000000@"}, "", noFiles},
		"another checkpoint":  {[]string{"bench", "a.esp", ""}, "esp safetensors", byEnding},
		"an image":            {[]string{"predict", "a.esp", "a.png", ""}, "png jpg jpeg gif", byEnding},
		"another's network":   {[]string{"import", ""}, "pth pt onnx safetensors", byEnding},
		"a packed file":       {[]string{"verify", ""}, "esp", byEnding},
		"a bundle":            {[]string{"reproduce", ""}, "tar", byEnding},
		"a shell":             {[]string{"completion", ""}, "bash zsh fish powershell", noFiles},
		"a format":            {[]string{"results", "r", "--format", ""}, "csv json parquet", noFiles},
		"a file of a format":  {[]string{"results", "r", "--out", ""}, "csv json parquet", byEnding},
		"progress":            {[]string{"watch", "r", "--progress", ""}, "auto live plain json none", noFiles},
		"a level":             {[]string{"list", "--log-level", "w"}, "debug info warn error", noFiles},
		"another form":        {[]string{"bench", "--forms", "dense,"}, "dense,auto dense,dense dense,sparse dense,shared", noFiles},
		"a data set":          {[]string{"predict", "--data", ""}, strings.Join(publishedSets(), " "), noFiles},
		"a shortcut":          {[]string{"models", "show", "resnet-20", "--shortcut", ""}, "A B", noFiles},
		"a folder":            {[]string{"list", "--home", ""}, "", foldersX},
		"a queue":             {[]string{"worker", "--queue", ""}, "", noFiles},
		"a number":            {[]string{"list", "--limit", ""}, "", noFiles},
		"a pass to fork":      {[]string{"fork", "tiny-000000000000", "--from", ""}, "", noFiles},
		"a setting to change": {[]string{"fork", "tiny-000000000000", "--set", ""}, "", "ShellCompDirectiveNoSpace, " + noFiles},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := slices.Clone(test.words)
			if words[len(words)-2] != "--home" {
				words = slices.Insert(words, 1, "--home", home)
			}
			got, how := completed(t, words...)
			if strings.Join(got, " ") != test.want || how != test.how {
				t.Errorf("%q is completed with %q, %s; want %q, %s", test.words, got, how, test.want, test.how)
			}
		})
	}
	if names, _ := completed(t, "models", "show", "res"); !slices.Contains(names, "resnet-20") {
		t.Errorf("an architecture is completed with %q", names)
	}
	if made, err := os.ReadDir(home); err != nil || len(made) > 0 {
		t.Errorf("completing left %v in the home (%v)", made, err)
	}
}

// With servers, names of runs, sweeps, trials, passes, checkpoints, queues and
// tags are offered where they fit.
func TestShellsCompleteNames(t *testing.T) {
	home := t.TempDir()
	p := newInProcess(t, home)
	p.work(t, workers.Options{Queue: "cpu", Slots: 2})
	_, run := p.submit(t, tinySpec)
	_, sweep := p.submit(t, strings.Replace(tinySpec, "name: tiny", "name: two", 1)+"sweep: {search: grid, params: {prune.schedule.target.sparsity: [50%, 90%]}}\n")
	result, err := p.runs.Result(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	p.swept(t, sweep)
	if err := p.runs.Tag(t.Context(), run, true, []string{"baseline", "paper"}, workflows.Control{Who: "me"}); err != nil {
		t.Fatal(err)
	}
	final, first := result.Final.Short(), result.Rows[0].Checkpoint
	trials := []string{sweep + "-0", sweep + "-1"}
	tests := map[string]struct {
		words []string
		want  []string
	}{
		"runs and sweeps":     {[]string{"status", ""}, []string{run, sweep}},
		"a sweep's trials":    {[]string{"status", sweep + "-"}, trials},
		"a run to bundle":     {[]string{"bundle", ""}, []string{run, sweep}},
		"a run to fork":       {[]string{"fork", ""}, []string{run}},
		"nothing to resume":   {[]string{"resume", ""}, nil},
		"nothing to pause":    {[]string{"pause", ""}, nil},
		"networks":            {[]string{"export", ""}, []string{run, final}},
		"passes":              {[]string{"pack", run + "@"}, []string{run + "@0", run + "@1", run + "@2"}},
		"a run's checkpoint":  {[]string{"inspect", final[:3]}, []string{final}},
		"any checkpoint":      {[]string{"inspect", string(first[:8])}, []string{first.Short()}},
		"passes to fork":      {[]string{"fork", run, "--from", ""}, []string{"0", "1", "2"}},
		"checkpoints to fork": {[]string{"fork", run, "--from", string(first[:8])}, []string{first.Short()}},
		"settings":            {[]string{"fork", run, "--set", "train.optimizer.sgd.m"}, []string{"train.optimizer.sgd.momentum="}},
		"tags":                {[]string{"list", "--tag", ""}, []string{"baseline", "paper"}},
		"tags of others":      {[]string{"tag", sweep, ""}, []string{"baseline", "paper"}},
		"tags to remove":      {[]string{"tag", run, "--remove", ""}, []string{"baseline", "paper"}},
		"no tags to remove":   {[]string{"tag", sweep, "--remove", ""}, nil},
		"queues":              {[]string{"worker", "--queue", ""}, []string{"cpu"}},
	}
	for name, test := range tests {
		got, _ := completed(t, slices.Insert(slices.Clone(test.words), 1, "--home", home)...)
		last := test.words[len(test.words)-1]
		// Shells leave out what does not go on from the word that was begun.
		got = slices.DeleteFunc(got, func(word string) bool { return !strings.HasPrefix(word, last) })
		slices.Sort(got)
		want := slices.Sorted(slices.Values(test.want))
		if name == "networks" {
			got = slices.DeleteFunc(got, func(word string) bool { return !slices.Contains(want, word) })
		}
		if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
			t.Errorf("%s: %q is completed with %q, want %q", name, test.words, got, want)
		}
	}
	// A file that is there is taken for one.
	t.Chdir(home)
	if err := os.WriteFile(filepath.Join(home, "final.esp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, how := completed(t, "inspect", "fin"); how != byEnding || len(got) != 2 {
		t.Errorf("a file is completed with %q, %s", got, how)
	}
}
