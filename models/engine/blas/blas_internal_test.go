package blas

import "testing"

func TestOpenBLASThatDoesNotKnowTheProcessorIsBehind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"openblas 0.3.21 Prescott": true, "openblas 0.3.21 Nehalem": true, "openblas 0.3.21 Sandybridge": true, "openblas 0.3.21 ": true,
		"openblas 0.3.21 Haswell": false, "openblas 0.3.21 Zen": false, "openblas 0.3.21 SkylakeX": false, "openblas 0.3.28 SapphireRapids": false,
	} {
		if got := behind(name); got != want {
			t.Errorf("behind(%q) = %t, want %t", name, got, want)
		}
	}
}
