package config

import (
	"os"
	"slices"
	"strings"
)

// EmbeddedEnviron is the environment of the process without what leads to
// servers outside of it, for a child that is to embed its own.
func EmbeddedEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return strings.HasPrefix(name, "TEMPORAL_") || name == "ESPALIER_S3" || name == "ESPALIER_HOME"
	})
}
