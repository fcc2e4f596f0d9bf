package workers

import (
	"cmp"
	"runtime/debug"

	"go.temporal.io/sdk/worker"
)

// nameBuild tells Temporal which program decides. Left to itself the SDK reads
// all of the program to make a sum of it, which takes half a second.
func nameBuild() {
	name := "espalier"
	if info, ok := debug.ReadBuildInfo(); ok {
		name += "@" + cmp.Or(info.Main.Sum, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
				name += "+" + s.Value
			}
		}
	}
	worker.SetBinaryChecksum(name)
}
