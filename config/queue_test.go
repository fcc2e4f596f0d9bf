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

func TestDemandsAreWhatQueuesDoNotSay(t *testing.T) {
	t.Parallel()
	if d := (config.Resources{Queue: "gpu"}).Demands(); d != nil {
		t.Errorf("a queue alone demands %+v", d)
	}
	spec := parse(t, "name: x\nexec: {trainer: pytorch}\nresources: {queue: gpu, gpus: 2, gpu_memory: 40, gpu_type: A100, memory: 16, cores: 4}\n")
	want := config.Resources{GPUs: 2, GPUMemory: 40, GPUType: "A100", Memory: 16, Cores: 4}
	if d := spec.Resources.Demands(); d == nil || *d != want {
		t.Errorf("demands %+v, want %+v", d, want)
	}
	if plain := parse(t, "name: x\nexec: {trainer: pytorch}\n"); plain.ID() != spec.ID() {
		t.Error("resources change the ID")
	}
}
