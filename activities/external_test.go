package activities_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"espalier/activities"
	"espalier/activities/trainer"
	"espalier/config"
	"espalier/models/checkpoint"
)

// asTrainer is the argument that makes this test binary a trainer.
const asTrainer = "as-a-trainer"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == asTrainer {
		os.Exit(train(os.Args[2]))
	}
	os.Exit(m.Run())
}

// toy is a trainer whose network is one number that each step changes, and
// which misbehaves as it is told.
type toy struct {
	trainer.Request
	told struct {
		Steps uint64
		Every uint64 // steps between two checkpoints
		At    uint64 // the step at which a first attempt misbehaves
		Mode  string
	}
	step, x uint64
}

func (t *toy) read(folder string) {
	if data, err := os.ReadFile(filepath.Join(folder, "state")); err == nil {
		t.step, t.x = binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
	}
}

// write makes a folder and announces it, with a sum that may be wrong.
func (t *toy) write(kind, name string, wrong bool) {
	data := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, t.step), t.x)
	folder := filepath.Join(t.Output, name)
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "state"), data, 0o600)); err != nil {
		fmt.Println(err)
	}
	sum := sha256.Sum256(data)
	if wrong {
		sum[0]++
	}
	fmt.Printf(`{"espalier": %q, "dir": %q, "step": %d, "files": {"state": %q}, "metrics": {"test_accuracy": 0.5}}`+"\n", kind, name, t.step, hex.EncodeToString(sum[:]))
}

func train(path string) int {
	var t toy
	text, err := os.ReadFile(path)
	if err := errors.Join(err, json.Unmarshal(text, &t.Request), json.Unmarshal(t.Params, &t.told)); err != nil {
		fmt.Println(err)
		return 1
	}
	t.x = t.Seed
	t.read(t.Parent)
	t.step = 0
	t.read(t.Resume)
	leave := make(chan os.Signal, 1)
	signal.Notify(leave, syscall.SIGTERM)
	for t.step < t.told.Steps {
		if t.step%t.told.Every == 0 && t.step > 0 {
			t.write("checkpoint", fmt.Sprint("at-", t.step), false)
		}
		if code := t.misbehave(leave); code >= 0 {
			return code
		}
		t.step++
		t.x = t.x*6364136223846793005 + t.step
		fmt.Printf(`{"espalier": "progress", "step": %d, "loss": 0.5}`+"\n", t.step)
	}
	if t.told.Mode != "no result" {
		t.write("result", "end", t.told.Mode == "wrong result")
	}
	return 0
}

// misbehave does what is told at the step, once; it answers with an exit code,
// or -1 to go on.
func (t *toy) misbehave(leave chan os.Signal) int {
	if t.step != t.told.At || t.Resume != "" && t.told.Mode != "always" {
		return -1
	}
	switch t.told.Mode {
	case "crash", "always":
		fmt.Fprintln(os.Stderr, "Traceback: it went wrong")
		return 1
	case "refuse":
		fmt.Println("no such layer: fc9")
		return 2
	case "torn":
		t.write("checkpoint", "torn", true)
		return 1
	case "gone":
		fmt.Println(`{"espalier": "checkpoint", "dir": "../../etc"}`)
		return 1
	case "frozen":
		signal.Ignore(syscall.SIGTERM)
		select {}
	case "garbage":
		os.Stdout.Write([]byte("\x00\xff\x1b[2J{\"espalier\": \n{\"espalier\": 7}\n{\"espalier\": \"dance\"}\n[1,2]\nnull\n{}\n"))
	case "flood":
		line := bytes.Repeat([]byte("all work and no play "), 1<<12)
		for range 200 {
			os.Stdout.Write(line) // in one line
			os.Stderr.Write(line)
		}
		fmt.Println()
	case "leave":
		fmt.Println("waiting")
		<-leave
		t.write("checkpoint", "left", false)
		return 75
	}
	return -1
}

func told(mode string) activities.ExternalInput {
	return activities.ExternalInput{
		Head: head("a", ""), Kind: config.ExecTrain, Trainer: "toy", Seed: 7, Attempts: 3, Silence: config.Duration(time.Minute),
		Params: config.Params(fmt.Sprintf(`{"at":25,"every":10,"mode":%q,"steps":40}`, mode)),
	}
}

func newTrainerBench(t *testing.T) bench {
	t.Helper()
	b := newBench(t)
	b.steps.WorkDir = t.TempDir()
	b.steps.Trainers = map[string]trainer.Command{"toy": {Name: "toy", Args: []string{os.Args[0], asTrainer}, Log: io.Discard}}
	return b
}

// state is the number that a checkpoint holds.
func (b bench) state(t *testing.T, digest checkpoint.Digest) string {
	t.Helper()
	files, err := b.steps.Repo.LoadFiles(t.Context(), digest)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v; want one", len(files), err)
	}
	return hex.EncodeToString(files[0].Data)
}

func (b bench) empty(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(b.steps.WorkDir); err != nil || len(left) > 0 {
		t.Errorf("%d folders of trainers are left, %v", len(left), err)
	}
}

// Whatever a trainer does on the way, the attempts after it end with the state
// that one undisturbed has, from the newest whole checkpoint on.
func TestTrainersThatMisbehaveEndWithTheSameBits(t *testing.T) {
	t.Parallel()
	calm := newTrainerBench(t)
	want, err := do[activities.StepResult](calm, calm.steps.External, told("none"))
	if err != nil {
		t.Fatal(err)
	}
	for mode, says := range map[string]string{
		"crash":   "Traceback: it went wrong",
		"torn":    "exit status 1",
		"gone":    "exit status 1",
		"frozen":  "it printed nothing for 300ms and was killed",
		"garbage": "",
		"flood":   "",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newTrainerBench(t)
			in := told(mode)
			if mode == "frozen" {
				in.Silence = config.Duration(300 * time.Millisecond)
			}
			out, err := do[activities.StepResult](b, b.steps.External, in)
			if says != "" {
				var app *temporal.ApplicationError
				if !errors.As(err, &app) || app.Type() != activities.FailureTrainer || app.NonRetryable() || !strings.Contains(app.Message(), says) {
					t.Fatalf("the first attempt: %v, want one that fails for now and says %q", err, says)
				}
				in.Silence = config.Duration(time.Minute)
				out, err = do[activities.StepResult](b, b.steps.External, in)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := b.state(t, out.Checkpoint); got != calm.state(t, want.Checkpoint) || out.Metrics["test_accuracy"] != 0.5 {
				t.Errorf("state %s with metrics %v, undisturbed %s", got, out.Metrics, calm.state(t, want.Checkpoint))
			}
			if says == "" {
				return
			}
			var from []int64
			for e, err := range b.steps.Repo.History(t.Context(), out.Key) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == checkpoint.EntryOpen && e.From != nil {
					from = append(from, e.From.Step)
				}
			}
			if len(from) != 1 || from[0] != 20 {
				t.Errorf("went on from the steps %v, want 20, the last whole checkpoint", from)
			}
			b.empty(t)
		})
	}
}

func TestTrainersFailuresAreCountedAndTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode   string
		before int // failures
		kind   string
		final  bool
		says   string
	}{
		"once":           {"crash", 0, activities.FailureTrainer, false, "failure 1 of 3"},
		"too often":      {"always", 2, activities.FailureTrainer, true, "failure 3 of 3 without a new checkpoint"},
		"no result":      {"no result", 0, activities.FailureTrainer, false, "ended without a result"},
		"a wrong result": {"wrong result", 2, activities.FailureTrainer, true, "sha256"},
		"refused":        {"refuse", 0, activities.FailureInput, true, "no such layer: fc9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTrainerBench(t)
			in := told(test.mode)
			in.Params = config.Params(strings.Replace(string(in.Params), `"at":25`, `"at":5`, 1)) // before any checkpoint
			if test.mode == "no result" || test.mode == "wrong result" {
				in.Params = config.Params(strings.Replace(string(in.Params), `"every":10`, `"every":100`, 1))
			}
			b.env.SetHeartbeatDetails(activities.Progress{Failures: test.before})
			_, err := do[activities.StepResult](b, b.steps.External, in)
			var app *temporal.ApplicationError
			if !errors.As(err, &app) || app.Type() != test.kind || app.NonRetryable() != test.final || !strings.Contains(app.Message(), test.says) {
				t.Fatalf("%v, want a %s (final: %t) that says %q", err, test.kind, test.final, test.says)
			}
			if len(app.Message()) > 4000 {
				t.Errorf("the message has %d bytes", len(app.Message()))
			}
			b.empty(t)
		})
	}
}

func TestTrainerLeavesWithACheckpoint(t *testing.T) {
	t.Parallel()
	b := newTrainerBench(t)
	stop, once := make(chan struct{}), sync.Once{}
	b.env.SetWorkerStopChannel(stop)
	b.steps.LeaveWithin = 20 * time.Second
	command := b.steps.Trainers["toy"]
	command.Log = writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("waiting")) {
			once.Do(func() { close(stop) })
		}
	})
	b.steps.Trainers["toy"] = command
	in := told("leave")
	_, err := do[activities.StepResult](b, b.steps.External, in)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureDrained {
		t.Fatalf("%v, want it drained", err)
	}
	last, ok, err := b.steps.Repo.Tail(t.Context(), keyOf(t, b, in))
	if err != nil || !ok || last.Kind != checkpoint.EntryCheckpoint || last.Cursor.Step != 25 {
		t.Errorf("the newest entry is %+v (%t, %v), want the checkpoint of step 25", last, ok, err)
	}
	b.empty(t)
}

func keyOf(t *testing.T, b bench, in activities.ExternalInput) string {
	t.Helper()
	key, err := checkpoint.StepKey(checkpoint.StepInput{Parent: in.Parent, Kind: in.Kind, Params: in.KeyParams(), Seed: in.Seed, Engine: "exec/1"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestTrainerThatIsNotAllowedIsLeftToOtherWorkers(t *testing.T) {
	t.Parallel()
	b := newTrainerBench(t)
	in := told("none")
	in.Trainer = "rm"
	_, err := do[activities.StepResult](b, b.steps.External, in)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.FailureUnfit || app.NonRetryable() || !strings.Contains(app.Message(), "allows toy") {
		t.Fatalf("%v, want it unfit for this worker, which allows toy", err)
	}
}

func TestTrainerGoesOnFromItsParent(t *testing.T) {
	t.Parallel()
	b := newTrainerBench(t)
	first, err := do[activities.StepResult](b, b.steps.External, told("none"))
	if err != nil {
		t.Fatal(err)
	}
	in := told("none")
	in.Kind, in.Parent, in.Pass, in.Seed = config.ExecFinetune, first.Checkpoint, 1, 8
	second, err := do[activities.StepResult](b, b.steps.External, in)
	if err != nil {
		t.Fatal(err)
	}
	in.Kind, in.Parent = config.ExecEvaluate, second.Checkpoint
	measured, err := do[activities.StepResult](b, b.steps.External, in)
	if err != nil || measured.Checkpoint != "" || measured.Metrics["test_accuracy"] != 0.5 {
		t.Errorf("evaluation %+v, %v; want metrics alone", measured, err)
	}
	if b.state(t, first.Checkpoint) == b.state(t, second.Checkpoint) {
		t.Error("the second training changed nothing")
	}
	in.Parent = checkpoint.DigestOf(nil)
	var app *temporal.ApplicationError
	if _, err := do[activities.StepResult](b, b.steps.External, in); !errors.As(err, &app) || app.Type() != activities.FailureParentLost {
		t.Errorf("without its parent: %v, want it lost", err)
	}
}
