package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"espalier/workers"
	"espalier/workflows"
)

var recordHistories = flag.Bool("record-histories", false, "record the histories that package workflows replays")

const tinySpec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: han
  schedule: {passes: 2, target: {sparsity: 60%}}
  finetune: {epochs: 1}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`

// TestRecordHistories writes what `make histories` asks for: one real history
// of every turn that a run can take.
func TestRecordHistories(t *testing.T) {
	if !*recordHistories {
		t.Skip("records only with -record-histories")
	}
	home := t.TempDir()
	p := newInProcess(t, home)
	slow := strings.Replace(tinySpec, "epochs: 2", "epochs: 2000", 1)
	renamed := func(spec, name string) string { return strings.Replace(spec, "name: tiny", "name: "+name, 1) }
	trains := func(id string) {
		eventually(t, "training", func() bool {
			v, err := p.runs.Look(t.Context(), id, false)
			return err == nil && v.Step != nil && v.Step.Activity == "Train" && v.Step.Progress != nil && v.Step.Progress.SavedStep > 0
		})
	}
	stop := p.work(t, workers.Options{Queue: "cpu"})

	_, id := p.submit(t, renamed(tinySpec, "done"))
	p.end(t, id)
	p.record(t, id, "done")

	stops := "finetune: {epochs: 1}\n  stop: {accuracy_drop: 0.1%}"
	_, id = p.submit(t, renamed(strings.NewReplacer("sparsity: 60%", "sparsity: 98%", "finetune: {epochs: 1}", stops).Replace(tinySpec), "stopped"))
	p.end(t, id)
	p.record(t, id, "stopped")

	_, id = p.submit(t, renamed(slow, "cancelled"))
	trains(id)
	if err := p.runs.Cancel(t.Context(), id, workflows.Control{Who: "tester"}); err != nil {
		t.Fatal(err)
	}
	p.end(t, id)
	p.record(t, id, "cancelled")

	_, id = p.submit(t, renamed(strings.Replace(slow, "seed: 1", "seed: 2", 1), "paused"))
	trains(id)
	p.rest(t, id)
	p.end(t, id)
	p.record(t, id, "paused")

	_, id = p.submit(t, renamed(strings.Replace(slow, "seed: 1", "seed: 3", 1), "repaired"))
	trains(id)
	stop()
	damageAll(t, home)
	p.work(t, workers.Options{Queue: "cpu"})
	p.end(t, id)
	p.record(t, id, "repaired")

	_, id = p.submit(t, renamed(strings.Replace(tinySpec, "lr: 0.05", "lr: 1e20", 1), "failed"))
	p.end(t, id)
	p.record(t, id, "failed")

	for name, spec := range map[string]string{
		"channels": channelSpec, "reached": reachedSpec, "rewound": rewoundSpec, "ordered": orderedSpec,
		"quantized":          strings.Replace(tinySpec, "durability:", "quantize: {bits: {default: 4}, finetune: {epochs: 1}}\ndurability:", 1),
		"quantized-portions": strings.Replace(tinySpec, "durability:", "quantize: {bits: {default: 4}, portions: [50%, 100%], finetune: {epochs: 1}}\ndurability:", 1),
		"quantized-stopped":  quantizedSpec,
	} {
		_, id = p.submit(t, renamed(spec, name))
		p.end(t, id)
		p.record(t, id, name)
	}
}

// The turns of runs that do more than mask weights: a network readied before
// each pass, taught and measured twice; passes that end when enough is gone;
// lottery tickets that go back to the first epoch; a layer a pass; a network that
// is quantized as it was before its only pass, which took too much.
const (
	channelSpec = `name: tiny
network: {arch: mlp, hidden: [16, 12], batch_norm: true}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: slimming
  sparsify: {epochs: 1, l1: {gamma: 1e-3}, from: 2}
  measure_pruned: true
  recalibrate: 5
  schedule: {passes: 2, target: {channels: 50%}}
  finetune: {epochs: 1, distill: {weight: 50%, temperature: 2}}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`
	reachedSpec = `name: tiny
network: {arch: mlp, hidden: [16, 12], batch_norm: true}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: channel-lasso
  schedule: {passes: 4, target: {macs: 60%}, shape: linear}
  finetune: {epochs: 1}
  stop: {macs: 25%}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`
	orderedSpec = `name: tiny
network: {arch: mlp, hidden: [16, 12]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 1, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: thinet
  schedule: {passes: 2, target: {layers: {fc1: 50%, fc2: 25%}}, order: [fc2, fc1]}
  finetune: {epochs: 1}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`
	rewoundSpec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: lottery
  rewind: 1
  schedule: {passes: 2, target: {sparsity: 60%}}
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`
)

const quantizedSpec = `name: tiny
network: {arch: mlp, hidden: [16]}
data: {name: digits, train: 600, test: 200}
train: {epochs: 2, batch: 32, optimizer: {sgd: {lr: 0.05, momentum: 0.9}}, seed: 1}
prune:
  method: han
  schedule: {passes: 2, target: {sparsity: 99%}}
  finetune: {epochs: 1}
  stop: {accuracy_drop: 0.1%}
quantize: int8
durability: {checkpoint_every: 100ms, heartbeat_timeout: 2s}
`

// rest pauses a run, and resumes it once its step has stopped.
func (p *inProcess) rest(t *testing.T, id string) {
	t.Helper()
	control := workflows.Control{Who: "recorder", Note: "for the replay test"}
	if err := p.runs.Pause(t.Context(), id, control); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pause", func() bool {
		v, err := p.runs.Look(t.Context(), id, false)
		return err == nil && v.State == workflows.StatePaused && v.Step == nil
	})
	if err := p.runs.Resume(t.Context(), id, control); err != nil {
		t.Fatal(err)
	}
}

// end waits for a run's end, whatever it is.
func (p *inProcess) end(t *testing.T, id string) {
	t.Helper()
	eventually(t, "the end of "+id, func() bool {
		v, err := p.runs.Look(t.Context(), id, false)
		return err == nil && !v.Closed.IsZero()
	})
}

func (p *inProcess) record(t *testing.T, id, name string) {
	t.Helper()
	p.recordOf(t, id, "", name)
}

// recordOf records one history of those that continue each other.
func (p *inProcess) recordOf(t *testing.T, id, run, name string) {
	t.Helper()
	var h history.History
	events := p.temporal.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join("..", "..", "workflows", "testdata", "histories")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// damageAll flips a byte in every checkpoint of a home folder.
func damageAll(t *testing.T, home string) {
	t.Helper()
	for _, file := range (lab{home: home}).checkpoints(t) {
		if err := flip(file); err != nil {
			t.Fatal(err)
		}
	}
}
