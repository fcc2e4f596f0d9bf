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

// TrainerEnviron is the environment of the process without what opens servers
// and stores, for the programs of others: a trainer needs neither.
func TrainerEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		for _, prefix := range []string{"TEMPORAL_", "ESPALIER_", "AWS_", "OTEL_", "CUDA_VISIBLE_DEVICES="} {
			if strings.HasPrefix(pair, prefix) {
				return true
			}
		}
		return false
	})
}
