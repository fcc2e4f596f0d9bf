package results

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workers/table"
	"espalier/workflows"
	"espalier/workflows/search"
)

// noTrial is the number of a run that is of no sweep.
const noTrial = -1

// trial is a run by what the table says of it.
type trial struct {
	run, sweep string
	number     int
	values     []search.Setting
	seed       uint64
	seeded     bool // the seed is known
	state, why string
	rows       []workflows.Row
	links      []workflows.Link
	spec       *config.Spec // nil if it is not known
	data       string       // the digest of the data
	from       *workflows.Origin
}

// columns are those of the table, with what trials set in their middle.
func columns(params []param) []table.Column {
	all := []table.Column{{Name: "run"}, {Name: "sweep"}, {Name: "trial", Kind: table.Whole}}
	for _, p := range params {
		c := table.Column{Name: p.path}
		if p.number {
			c.Kind = table.Number
		}
		all = append(all, c)
	}
	all = append(all, table.Column{Name: "seed", Kind: table.Count}, table.Column{Name: "state"}, table.Column{Name: "why"})
	for _, m := range measured {
		all = append(all, m.Column)
	}
	return append(all, table.Column{Name: "step_key"})
}

// measured are the columns of a pass. The unit is the end of a name.
var measured = []measurement{
	{table.Column{Name: "pass", Kind: table.Whole}, func(r *workflows.Row) any { return int64(r.Pass) }},
	{table.Column{Name: "network"}, func(r *workflows.Row) any { return kind(r) }},
	{table.Column{Name: "kept", Kind: table.Flag}, func(r *workflows.Row) any { return r.Kept }},
	share("accuracy_share", func(r *workflows.Row) float64 { return r.Accuracy }, always),
	share("accuracy_low_share", func(r *workflows.Row) float64 { return r.AccuracyLow }, always),
	share("accuracy_high_share", func(r *workflows.Row) float64 { return r.AccuracyHigh }, always),
	share("untuned_accuracy_share", func(r *workflows.Row) float64 { return r.Pruned }, func(r *workflows.Row) bool { return r.Pruned > 0 }),
	share("validation_accuracy_share", func(r *workflows.Row) float64 { return r.Validation }, func(r *workflows.Row) bool { return r.Validation > 0 }),
	share("extra_accuracy_share", func(r *workflows.Row) float64 { return r.Extra }, extra),
	share("extra_accuracy_low_share", func(r *workflows.Row) float64 { return r.ExtraLow }, extra),
	share("extra_accuracy_high_share", func(r *workflows.Row) float64 { return r.ExtraHigh }, extra),
	share("loss_nats", func(r *workflows.Row) float64 { return r.Loss }, always),
	share("sparsity_share", func(r *workflows.Row) float64 { return r.Sparsity }, always),
	count("weights", func(r *workflows.Row) int64 { return r.Weights }, sized),
	count("nonzero_weights", func(r *workflows.Row) int64 { return r.NonZero }, sized),
	count("nonzero_parameters", func(r *workflows.Row) int64 { return r.Params }, sized),
	count("multiply_adds", func(r *workflows.Row) int64 { return r.MACs }, func(r *workflows.Row) bool { return r.MACs > 0 }),
	count("effective_multiply_adds", func(r *workflows.Row) int64 { return r.EffectiveMACs }, sized),
	count("dense_bytes", func(r *workflows.Row) int64 { return r.DenseBytes }, sized),
	count("csr_bytes", func(r *workflows.Row) int64 { return r.SparseBytes }, sized),
	count("pruned_bytes", func(r *workflows.Row) int64 { return r.PrunedBytes }, coded),
	count("coded_bytes", func(r *workflows.Row) int64 { return r.CodedBytes }, coded),
	count("huffman_bytes", func(r *workflows.Row) int64 { return r.HuffmanBytes }, coded),
	count("checkpoint_bytes", func(r *workflows.Row) int64 { return r.Size }, always),
	{table.Column{Name: "trainer_metrics_json"}, metrics},
	{table.Column{Name: "checkpoint_sha256"}, func(r *workflows.Row) any { return string(r.Checkpoint) }},
}

func always(*workflows.Row) bool  { return true }
func sized(r *workflows.Row) bool { return r.Weights > 0 } // a trainer of another language may not say
func extra(r *workflows.Row) bool { return r.ExtraHigh > 0 }
func coded(r *workflows.Row) bool { return r.HuffmanBytes > 0 }

// measurement is a column of a pass.
type measurement struct {
	table.Column
	of func(*workflows.Row) any
}

func share(name string, of func(*workflows.Row) float64, there func(*workflows.Row) bool) measurement {
	return measurement{table.Column{Name: name, Kind: table.Number}, func(r *workflows.Row) any {
		if !there(r) {
			return nil
		}
		return of(r)
	}}
}

func count(name string, of func(*workflows.Row) int64, there func(*workflows.Row) bool) measurement {
	return measurement{table.Column{Name: name, Kind: table.Whole}, func(r *workflows.Row) any {
		if !there(r) {
			return nil
		}
		return of(r)
	}}
}

// metrics are what a trainer of another language measured beyond the columns.
func metrics(r *workflows.Row) any {
	if len(r.Metrics) == 0 {
		return nil
	}
	text, err := json.Marshal(r.Metrics)
	if err != nil { // a number that JSON has not
		return nil
	}
	return string(text)
}

// kind is what a pass left.
func kind(r *workflows.Row) string {
	switch {
	case r.HuffmanBytes > 0:
		return "quantized"
	case r.Pass == 0:
		return "dense"
	default:
		return "pruned"
	}
}

// lines are the trial's rows of the table, one a pass. A trial without a pass
// has one that says so. It answers whether more are wanted.
func (t trial) lines(params []param, yield func([]any, error) bool) bool {
	head := []any{t.run, nil, nil}
	if t.number != noTrial {
		head[1], head[2] = t.sweep, int64(t.number)
	}
	for _, p := range params {
		head = append(head, p.cell(t.values))
	}
	head = append(head, nil, t.state, nil)
	if t.seeded {
		head[len(head)-3] = t.seed
	}
	if t.why != "" {
		head[len(head)-1] = t.why
	}
	if len(t.rows) == 0 {
		return yield(append(head, make([]any, len(measured)+1)...), nil)
	}
	for i := range t.rows {
		row := append(make([]any, 0, len(head)+len(measured)+1), head...)
		for _, m := range measured {
			row = append(row, m.of(&t.rows[i]))
		}
		if !yield(append(row, t.key(t.rows[i].Checkpoint)), nil) {
			return false
		}
	}
	return true
}

// key is that of the step which made a checkpoint first; nil where the links of
// an older run are not known.
func (t trial) key(of checkpoint.Digest) any {
	for _, l := range t.links {
		if l.Checkpoint == of {
			return l.Key
		}
	}
	return nil
}

// cell is what a trial sets at the path, nil if it leaves it alone.
func (p param) cell(values []search.Setting) any {
	for _, v := range values {
		if v.Path != p.path {
			continue
		}
		if !p.number {
			return v.Value
		}
		if x, ok := numeric(v.Value); ok {
			return x
		}
	}
	return nil
}

// numeric reads a number, or a percentage as a share.
func numeric(text string) (float64, bool) {
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		text = strings.TrimSpace(digits) + "e-2"
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}
