package workflows

import (
	"fmt"
	"time"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
)

// RunInput starts a run. State is empty at first and what was reached when
// the run continued as new.
type RunInput struct {
	Spec  config.Spec `json:"spec"`
	State State       `json:"state,omitzero"`
	Trial *TrialPart  `json:"trial,omitempty"` // of a trial of a sweep
	From  *Origin     `json:"from,omitempty"`  // of a run that was made of another
}

// Origin is what a run was made of.
type Origin struct {
	Run        string            `json:"run"` // workflow id
	How        string            `json:"how"` // EntryExtend or EntryFork
	Pass       int               `json:"pass,omitempty"`
	Checkpoint checkpoint.Digest `json:"checkpoint,omitempty"` // of a fork
	Settings   []config.Setting  `json:"settings,omitempty"`   // that were changed
}

// Said is the origin in words.
func (o Origin) Said() string {
	text := fmt.Sprintf("of %s, %d passes", o.Run, o.Pass)
	if o.How == EntryFork {
		text = fmt.Sprintf("of %s from pass %d, checkpoint %s", o.Run, o.Pass, o.Checkpoint.Short())
	}
	if o.How == EntryFork && o.Pass < 0 {
		text = fmt.Sprintf("of %s from checkpoint %s", o.Run, o.Checkpoint.Short())
	}
	for _, s := range o.Settings {
		text += fmt.Sprintf(", %s=%s", s.Path, s.Value)
	}
	return text
}

// The states of a run. They are wire names.
const (
	StateRunning   = "running"
	StatePaused    = "paused"
	StateDone      = "done"
	StateFailed    = "failed"
	StateCancelled = "cancelled"
)

// State is all that a run has reached: small enough to travel in histories.
type State struct {
	State      string  `json:"state"`
	Step       string  `json:"step,omitempty"` // the step under way or last done
	Pass       int     `json:"pass"`
	DataDigest string  `json:"data_digest,omitempty"`
	Priority   int     `json:"priority,omitempty"` // of the steps, where it was changed
	Links      []Link  `json:"links,omitempty"`
	Rows       []Row   `json:"rows,omitempty"`
	Stopped    string  `json:"stopped,omitempty"` // why the passes ended early
	Events     []Event `json:"events,omitempty"`  // newest last, bounded
}

// Link is one link of the chain of checkpoints.
type Link struct {
	Key        string            `json:"key"`
	Checkpoint checkpoint.Digest `json:"checkpoint"`
	Size       int64             `json:"size"`
	// Metrics are those of a quantization.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Event is something that a person did to the run or that went wrong and was mended.
type Event struct {
	When time.Time `json:"when"`
	Who  string    `json:"who,omitempty"`
	What string    `json:"what"`
}

const maxEvents = 100

func (s *State) note(when time.Time, who, what string) {
	s.Events = append(s.Events, Event{When: when, Who: who, What: what})
	if extra := len(s.Events) - maxEvents; extra > 0 {
		s.Events = s.Events[extra:]
	}
}

// Row is what a pass ended with; pass 0 is the dense network, and the one after
// the last the quantized network.
type Row struct {
	Pass          int               `json:"pass"`
	Sparsity      float64           `json:"sparsity"`        // share of the dense network's weights that are zero or removed
	Weights       int64             `json:"weights"`         // all that the network has, without biases
	NonZero       int64             `json:"nonzero_weights"` // that remain
	Params        int64             `json:"parameters"`      // that remain, with biases
	Accuracy      float64           `json:"accuracy"`        // on the test set
	AccuracyLow   float64           `json:"accuracy_low"`    // 95 % Wilson interval
	AccuracyHigh  float64           `json:"accuracy_high"`
	Pruned        float64           `json:"pruned_accuracy,omitempty"`     // on the test set just pruned or quantized, before fine-tuning, if that was measured
	Extra         float64           `json:"extra_test_accuracy,omitempty"` // on data.extra_test, if there is one
	ExtraLow      float64           `json:"extra_test_accuracy_low,omitempty"`
	ExtraHigh     float64           `json:"extra_test_accuracy_high,omitempty"` // above 0 if there is one
	Validation    float64           `json:"validation_accuracy,omitempty"`
	Loss          float64           `json:"loss"` // on the test set, nats
	DenseBytes    int64             `json:"dense_bytes"`
	SparseBytes   int64             `json:"sparse_bytes"`              // weights as CSR
	PrunedBytes   int64             `json:"pruned_bytes,omitempty"`    // before quantization, by the rules of Han et al. 2016 ("P")
	CodedBytes    int64             `json:"quantized_bytes,omitempty"` // in codes ("P+Q")
	HuffmanBytes  int64             `json:"huffman_bytes,omitempty"`   // in Huffman-coded codes ("P+Q+H"); above 0 if the network is quantized
	MACs          int64             `json:"macs,omitempty"`            // multiply-adds of one sample
	EffectiveMACs int64             `json:"effective_macs"`            // with weights that are not zero
	Latency       float64           `json:"latency_s,omitempty"`       // of one sample, if it was measured
	Checkpoint    checkpoint.Digest `json:"checkpoint"`
	Size          int64             `json:"size"` // of the checkpoint file
	Kept          bool              `json:"kept"` // false for a pass that broke a stop rule
	// Metrics are what an external trainer measured beyond these.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

func newRow(pass int, link Link, m map[string]float64) Row {
	return Row{
		Pass: pass, Sparsity: m[activities.MetricSparsity],
		Weights: int64(m[activities.MetricWeights]), NonZero: int64(m[activities.MetricNonZero]), Params: int64(m[activities.MetricNonZeroParam]),
		Accuracy: m[activities.MetricTestAcc], AccuracyLow: m[activities.MetricTestLow], AccuracyHigh: m[activities.MetricTestHigh],
		Extra: m[activities.MetricExtraAcc], ExtraLow: m[activities.MetricExtraLow], ExtraHigh: m[activities.MetricExtraHigh],
		Validation: m[activities.MetricValAcc], Loss: m[activities.MetricTestLoss],
		DenseBytes: int64(m[activities.MetricDenseBytes]), SparseBytes: int64(m[activities.MetricSparseBytes]),
		MACs: int64(m[activities.MetricMACs]), EffectiveMACs: int64(m[activities.MetricLiveMACs]), Latency: m[activities.MetricLatency],
		Checkpoint: link.Checkpoint, Size: link.Size,
	}
}

// code notes what a quantized network takes.
func (r *Row) code(link Link) {
	r.PrunedBytes = int64(link.Metrics[activities.MetricPrunedBytes])
	r.CodedBytes = int64(link.Metrics[activities.MetricCodedBytes])
	r.HuffmanBytes = int64(link.Metrics[activities.MetricHuffmanBytes])
}

// judged is the accuracy that stop rules look at: on the held-out samples if
// the spec holds any out, so that the test set decides nothing.
func (r Row) judged() float64 {
	if r.Validation > 0 {
		return r.Validation
	}
	return r.Accuracy
}

// shrink makes the sparsity of a network that lost channels the share of the
// dense network's weights that are gone.
func (r *Row) shrink(rows []Row) {
	if len(rows) > 0 && r.Weights < rows[0].Weights {
		r.Sparsity = gone(r.NonZero, rows[0].Weights)
	}
}

func gone(left, of int64) float64 { return float64(of-left) / float64(of) }

// ended says why the passes end with row, or nothing, and whether the row is
// one that the result may be.
func ended(spec config.Spec, rows []Row, row Row) (why string, kept bool) {
	stop, passes := stops(&spec)
	if passes == 0 || len(rows) == 0 {
		return "", true
	}
	if drop := rows[0].judged() - row.judged(); stop.AccuracyDrop > 0 && drop > stop.AccuracyDrop {
		return fmt.Sprintf("pass %d lost %.2f points of accuracy, %.2f are allowed", row.Pass, 100*drop, 100*stop.AccuracyDrop), false
	}
	for _, goal := range []struct {
		name           string
		share, reached float64
	}{
		{"weights", stop.Sparsity, row.Sparsity},
		{"parameters", stop.Params, gone(row.Params, rows[0].Params)},
		{"multiply-adds", stop.MACs, gone(row.EffectiveMACs, rows[0].EffectiveMACs)},
	} {
		if goal.share > 0 && goal.reached >= goal.share && row.Pass < passes {
			return fmt.Sprintf("after pass %d %.2f %% of the %s are gone, %.2f %% were asked for", row.Pass, 100*goal.reached, goal.name, 100*goal.share), true
		}
	}
	return "", true
}

// Result is what a run ends with.
type Result struct {
	Run     string            `json:"run"`
	Name    string            `json:"name"`
	Spec    config.Spec       `json:"spec"`
	Rows    []Row             `json:"rows"`
	Final   checkpoint.Digest `json:"final"` // of the last pass that is kept
	Stopped string            `json:"stopped,omitempty"`
	Events  []Event           `json:"events,omitempty"`
	From    *Origin           `json:"from,omitempty"`
}

func (r *run) result() *Result {
	result := &Result{Run: r.id, Name: r.spec.Name, Spec: r.spec, Rows: r.state.Rows, Stopped: r.state.Stopped, Events: r.state.Events, From: r.from}
	for _, row := range r.state.Rows {
		if row.Kept {
			result.Final = row.Checkpoint
		}
	}
	return result
}
