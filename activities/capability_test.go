package activities_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/activities/trainer"
	"espalier/config"
)

// big is a machine with two kinds of GPUs.
func big() activities.Capability {
	return activities.Capability{Cores: 8, Memory: 32, Trainers: []string{"toy"}, GPUs: []activities.GPU{
		{UUID: "GPU-1", Name: "NVIDIA A100-SXM4-40GB", Memory: 40}, {UUID: "GPU-2", Name: "NVIDIA H200", Memory: 141}, {UUID: "GPU-3", Name: "NVIDIA H200", Memory: 141},
	}}
}

func TestLacksNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		needs activities.Needs
		want  string
	}{
		"nothing asked":         {activities.Needs{}, ""},
		"all there":             {activities.Needs{Trainer: "toy", Demands: &config.Resources{Cores: 8, Memory: 32, GPUs: 2, GPUType: "h200", GPUMemory: 100}}, ""},
		"trainer not allowed":   {activities.Needs{Trainer: "rm"}, "does not allow trainer rm"},
		"cores":                 {activities.Needs{Demands: &config.Resources{Cores: 9}}, "8 cores of 9"},
		"memory":                {activities.Needs{Demands: &config.Resources{Memory: 33}}, "32 GiB of memory of 33"},
		"GPUs":                  {activities.Needs{Demands: &config.Resources{GPUs: 4}}, "3 of 4 GPUs"},
		"GPUs of a kind":        {activities.Needs{Demands: &config.Resources{GPUs: 2, GPUType: "A100"}}, "1 of 2 GPUs A100"},
		"GPUs with much memory": {activities.Needs{Demands: &config.Resources{GPUs: 1, GPUMemory: 200}}, "0 of 1 GPU with 200 GiB"},
	} {
		got := big().Lacks(&test.needs)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: lacks %q, want %q", name, got, test.want)
		}
	}
}

func TestWorkerHandsBackWhatItCannotDo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.steps.Machine = activities.Capability{Cores: 2}
	in := activities.PrepareInput{Head: head("a", ""), Network: network, Data: digits, Seed: 1}
	in.Demands = &config.Resources{Cores: 4}
	_, err := do[activities.PrepareResult](b, b.steps.Prepare, in)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureUnfit || app.NonRetryable() || !strings.Contains(app.Message(), "2 cores of 4") {
		t.Errorf("%v, want it handed back for want of cores", err)
	}
}

// Steps of one worker at the same time see GPUs of their own, and one that asks
// for none sees none.
func TestStepsGetGPUsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newTrainerBench(t)
	b.steps.Machine = big()
	var mu sync.Mutex
	var seen []string
	log := writerFunc(func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, strings.Fields(string(p))...)
	})
	// It stays until another has begun, so that two hold GPUs at a time.
	meet := t.TempDir()
	script := `echo gpus=$CUDA_VISIBLE_DEVICES; : > "$0/$$"; while [ $(ls "$0" | wc -l) -lt 2 ]; do sleep 0.01; done; exec "$1" "$2" "$3"`
	b.steps.Trainers["toy"] = trainer.Command{Name: "toy", Args: []string{"sh", "-c", script, meet, os.Args[0], asTrainer}, Log: log}
	var both sync.WaitGroup
	for seed := range uint64(2) {
		both.Go(func() {
			in := told("none")
			in.Seed, in.Demands = seed, &config.Resources{GPUs: 1, GPUType: "H200"}
			other := newTrainerBench(t)
			other.steps = b.steps
			other.env.RegisterActivity(b.steps.External)
			if _, err := do[activities.StepResult](other, b.steps.External, in); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	in := told("none")
	in.Seed = 9
	if _, err := do[activities.StepResult](b, b.steps.External, in); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	count := map[string]int{}
	for _, word := range seen {
		count[word]++
	}
	if count["gpus=GPU-2"] != 1 || count["gpus=GPU-3"] != 1 || count["gpus="] != 1 {
		t.Errorf("the trainers saw %v, want each H200 once, and no GPU once", count)
	}
}
