package config_test

import (
	"testing"

	"espalier/config"
)

func TestCheckQueueAsASpecDoes(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"cpu": true, "gpu-2.a_b": true, "": false, "GPU": false, "a b": false, "-x": false} {
		if err := config.CheckQueue(name); (err == nil) != ok {
			t.Errorf("queue %q: %v", name, err)
		}
	}
}
