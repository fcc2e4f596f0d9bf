package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"espalier/config"
)

func initCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented spec to begin with",
		Example: "  espalier init my-net.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			path := "espalier.yaml"
			if len(args) > 0 {
				path = args[0]
			}
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return usageError{fmt.Errorf("%s is there already; name another file", path)}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return usageError{fmt.Errorf("write %s: there is no such folder", path)}
			}
			if err != nil {
				return cause(err, "write "+path)
			}
			_, err = file.Write(config.Template())
			if err = errors.Join(err, file.Close()); err != nil {
				return errors.Join(cause(err, "write "+path), os.Remove(path))
			}
			return a.say(map[string]string{"file": path}, "wrote %s; run it with: espalier run %s\n", path, path)
		},
	}
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		Example: "  espalier version",
		RunE: func(*cobra.Command, []string) error {
			return a.say(map[string]string{"version": version}, "espalier %s\n", version)
		},
	}
}
