// Package activities holds the durable steps of a run: prepare, train, prune,
// finetune, quantize, evaluate and record.
//
// Every step has the same shape: load a checkpoint, do one thing, save the
// next, and leave a result under the step's key. The key is a digest of all
// that determines the numbers, so a step that was done once is found again by
// a retry, by a second run of the same spec and by any other run that needs
// it; running a step twice is harmless. The truth about a step is its journal
// in the store; what Temporal carries in heartbeats is for people to watch.
//
// The package does not know which step comes next: that is package workflows.
package activities

import (
	"log/slog"
	"time"

	"espalier/activities/trainer"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/engine"
)

// Steps are the activities of a worker and what they share.
type Steps struct {
	Repo   *checkpoint.Repo
	Engine engine.Engine
	// Worker names this process in journals: host, pid and start.
	Worker string
	// Version is espalier's, for the record.
	Version string
	// CacheDir keeps generated data sets between processes; empty keeps none.
	CacheDir string
	// Files are the folders from which specs may have data and networks read;
	// none means that they may name any.
	Files []string
	Log   *slog.Logger
	// Trainers are the programs that the worker allows to train, by the names
	// that specs have for them.
	Trainers map[string]trainer.Command
	// WorkDir is where trainers get their folders, for as long as a step lasts.
	WorkDir string
	// LeaveWithin is how long a step may take to save and end when it is told to;
	// 0 is 4 seconds.
	LeaveWithin time.Duration
	// Machine is what the worker has; without cores it is not known, and takes
	// every step.
	Machine Capability
	// Observer hears of the steps; nil is nobody.
	Observer Observer

	datasets datasets
	gpus     gpus
}

// Head is what the input of every step begins with.
type Head struct {
	Run        string            `json:"run"` // workflow id, the owner of the step's attempts
	Pass       int               `json:"pass"`
	Parent     checkpoint.Digest `json:"parent,omitempty"`
	Durability config.Durability `json:"durability"`
	// Recheck verifies the bytes of a result that is already there before it
	// is believed; set after a later step could not read them.
	Recheck bool `json:"recheck,omitempty"`
	// Demands are what the worker must have; nil is nothing.
	Demands *config.Resources `json:"demands,omitempty"`
	// Sweep, if there is one, has the run as its trial of number Trial; the log
	// says so.
	Sweep string `json:"sweep,omitempty"` // workflow id
	Trial int    `json:"trial,omitempty"`
}

// StepResult is what a step leaves: names and small numbers only.
type StepResult struct {
	Key        string             `json:"key"`
	Checkpoint checkpoint.Digest  `json:"checkpoint,omitempty"`
	Size       int64              `json:"size,omitempty"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	Reused     bool               `json:"reused,omitempty"`      // found finished, nothing was computed
	ParentSize int64              `json:"parent_size,omitempty"` // where the input asks to weigh it
}

// PrepareInput asks for the initial network and for the data set to be checked.
type PrepareInput struct {
	Head
	Network config.Network `json:"network"`
	Data    config.Data    `json:"data"`
	Seed    uint64         `json:"seed"`
	// Prune, if not nil, is the last pass: what cannot work is refused here,
	// before any training.
	Prune *PruneInput `json:"prune,omitempty"`
	// Quantize, if not nil, is checked too.
	Quantize *config.Quantize `json:"quantize,omitempty"`
	// Teachers are to be in the store, for the same data.
	Teachers []config.Teacher `json:"teachers,omitempty"`
}

// PrepareResult is a StepResult and what the data are.
type PrepareResult struct {
	StepResult
	DataDigest string `json:"data_digest"`
}

// TrainInput asks for the training of a network, dense or masked.
type TrainInput struct {
	Head
	Data       config.Data  `json:"data"`
	DataDigest string       `json:"data_digest"`
	Train      config.Train `json:"train"`
	// Teacher is the network that Train.Distill learns from.
	Teacher checkpoint.Digest `json:"teacher,omitempty"`
	// Until, if not 0, ends the training after so many of its epochs.
	Until int `json:"until,omitempty"`
	// Tied, if not nil, trains the values that weights share.
	Tied *Tying `json:"tied,omitempty"`
}

// PruneInput asks for one pruning pass.
type PruneInput struct {
	Head
	Prune    config.Prune `json:"prune"`
	Sparsity float64      `json:"sparsity,omitempty"` // after this pass; 0 with another goal
	// Layers are the shares of single layers after this pass.
	Layers map[string]float64 `json:"layers,omitempty"`
	// Channels, Params, MACs and Latency are the other goals of this pass, of
	// which one is set at most, Sparsity included.
	Channels float64 `json:"channels,omitempty"`
	Params   float64 `json:"params,omitempty"`
	MACs     float64 `json:"macs,omitempty"`
	Latency  float64 `json:"latency,omitempty"`

	// Dense is the network before the first pass, for methods that remove
	// channels; Early is the one that lottery tickets go back to.
	Dense checkpoint.Digest `json:"dense,omitempty"`
	Early checkpoint.Digest `json:"early,omitempty"`
	// Data are what samples are drawn of, with Seed: by methods that look at
	// them if Draw is set, and to compare the pruned network.
	Data       *config.Data `json:"data,omitempty"`
	DataDigest string       `json:"data_digest,omitempty"`
	Draw       bool         `json:"draw,omitempty"`
	Seed       uint64       `json:"seed,omitempty"`
	Batch      int          `json:"batch,omitempty"` // of recalibration
}

// EvaluateInput asks for a network's numbers.
type EvaluateInput struct {
	Head
	Data       config.Data `json:"data"`
	DataDigest string      `json:"data_digest"`
	// Latency measures the time of one sample as well.
	Latency bool `json:"latency,omitempty"`
}

// RecordInput asks for the run's result to be kept in the store.
type RecordInput struct {
	Run    string `json:"run"`
	Result any    `json:"result"`
}

// The metrics of steps, by name. They are wire names: histories hold them.
const (
	MetricLoss         = "loss"     // mean cross-entropy of the last epoch, of smoothed labels if they are, nats
	MetricTrainAcc     = "accuracy" // of the last epoch, on the training set
	MetricTestAcc      = "test_accuracy"
	MetricTestLoss     = "test_loss"
	MetricTestN        = "test_n"
	MetricTestLow      = "test_accuracy_low"        // 95 % Wilson interval
	MetricTestHigh     = "test_accuracy_high"       //
	MetricExtraAcc     = "extra_test_accuracy"      // on data.extra_test, if there is one
	MetricExtraN       = "extra_test_n"             //
	MetricExtraLow     = "extra_test_accuracy_low"  // 95 % Wilson interval
	MetricExtraHigh    = "extra_test_accuracy_high" //
	MetricValAcc       = "validation_accuracy"
	MetricSparsity     = "sparsity" // share of prunable weights that are zero
	MetricWeights      = "weights"
	MetricNonZero      = "nonzero_weights"
	MetricParams       = "parameters"
	MetricNonZeroParam = "nonzero_parameters"
	MetricDenseBytes   = "dense_bytes"
	MetricSparseBytes  = "sparse_bytes"
	MetricMACs         = "macs"
	MetricLiveMACs     = "effective_macs"
	MetricLatency      = "latency_s" // of one sample, if it was measured
	// What a quantized network takes by the rules of Han et al. 2016, in bytes:
	// pruned, in codes, and with Huffman-coded codes.
	MetricPrunedBytes  = "pruned_bytes"
	MetricCodedBytes   = "quantized_bytes"
	MetricHuffmanBytes = "huffman_bytes"
	// The smaller network against the masked one on training samples, before a
	// pass is committed: the largest difference of logits, as a share of the
	// largest logit, and the number of samples.
	MetricProbeGap = "probe_gap"
	MetricProbeN   = "probe_n"
)
