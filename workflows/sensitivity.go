package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/models/prune"
	"espalier/models/prune/sensitivity"
)

// NameSensitivity is the workflow type of a scan of sensitivity.
const NameSensitivity = "espalier.sensitivity"

// atOnce bounds the steps that a scan has outstanding, so that the workers of a
// queue find work and other runs are not kept waiting behind a deep network.
const atOnce = 8

// SensitivityInput starts a scan: see [NewSensitivity].
type SensitivityInput struct {
	Spec   config.Spec `json:"spec"`
	Shares []float64   `json:"shares"` // of each layer, ascending, in (0, 1)
}

// NewSensitivity is the scan of the layers of the network that a spec trains,
// by the spec's pruning method, and its workflow id: the same scan has the same
// id, whatever the spec says of passes, targets and fine-tuning.
func NewSensitivity(spec *config.Spec, shares []float64) (SensitivityInput, string, error) {
	in := SensitivityInput{Spec: *spec, Shares: shares}
	if spec.Prune == nil {
		return in, "", fmt.Errorf("spec %s has no prune; a scan wants its method", spec.Name)
	}
	alone := spec.Prune.Alone()
	in.Spec.Prune, in.Spec.Quantize = &alone, nil
	text, err := in.Spec.Canonical()
	if err != nil {
		return in, "", err
	}
	all, err := json.Marshal([]any{json.RawMessage(text), shares})
	if err != nil {
		return in, "", fmt.Errorf("shares of spec %s: %w", spec.Name, err)
	}
	sum := sha256.Sum256(all)
	return in, fmt.Sprintf("%s-sensitivity-%s", spec.Name, hex.EncodeToString(sum[:])[:12]), nil
}

// SensitivityResult is what a scan ends with. Package config reads the report
// of it again.
type SensitivityResult struct {
	Run        string            `json:"run"`
	Name       string            `json:"name"`
	Checkpoint checkpoint.Digest `json:"checkpoint"` // the network that each layer is pruned of
	sensitivity.Report
	Events []Event `json:"events,omitempty"`
}

// Sensitivity trains the network of a spec as its run does, by the same steps,
// and measures how it bears the pruning of each layer alone.
func Sensitivity(ctx workflow.Context, in SensitivityInput) (*SensitivityResult, error) {
	s := newScan(workflow.GetInfo(ctx).WorkflowExecution.ID, in)
	s.state.State = StateRunning
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	result, err := s.report(ctx)
	if err != nil {
		s.state.State = StateFailed
		if temporal.IsCanceledError(err) {
			s.state.State = StateCancelled
		}
		return nil, err
	}
	s.state.State = StateDone
	var nothing struct{}
	if err := s.do(ctx, step.Record, activities.RecordInput{Run: s.id, Result: result}, &nothing); err != nil {
		return nil, err
	}
	return result, s.publish(ctx)
}

// scan is the run of the dense network and, after it, the curves.
type scan struct {
	run
	how    config.Prune
	shares []float64
	due    []int // the curves that are to be made
	curves []sensitivity.Curve
}

func newScan(id string, in SensitivityInput) *scan {
	s := &scan{how: *in.Spec.Prune, shares: in.Shares}
	s.run = run{id: id, spec: in.Spec}
	s.spec.Prune = nil // it is the run of the dense network alone
	s.chain = chain(&s.spec)
	return s
}

func (s *scan) report(ctx workflow.Context) (*SensitivityResult, error) {
	if err := s.row(ctx, 0); err != nil {
		return nil, err
	}
	if err := s.publish(ctx); err != nil {
		return nil, err
	}
	var layers activities.LayersResult
	err := s.mended(ctx, func() error {
		s.state.Step = "layers"
		return s.do(ctx, step.Layers, s.input(), &layers)
	})
	if err != nil {
		return nil, err
	}
	s.list(layers.Targets)
	if err := s.mended(ctx, func() error { return s.together(ctx) }); err != nil {
		return nil, err
	}
	layers.Report.Accuracy, layers.Report.Layers = s.state.Rows[0].judged(), s.curves
	return &SensitivityResult{Run: s.id, Name: s.spec.Name, Checkpoint: s.trained(), Report: layers.Report, Events: s.state.Events}, nil
}

// trained is the checkpoint of the dense network.
func (s *scan) trained() checkpoint.Digest { return s.state.Links[denseLink].Checkpoint }

func (s *scan) input() activities.LayersInput {
	in := activities.LayersInput{
		Head: activities.Head{Run: s.id, Parent: s.trained(), Durability: s.spec.Durability},
		Data: s.spec.Data, DataDigest: s.state.DataDigest, Prune: s.how,
	}
	in.Draw, in.Seed = needs(s.how, s.spec.Train.Seed, 1) // as the first pass draws
	return in
}

// list lists the curves; those of closed layers have no points.
func (s *scan) list(targets []prune.Target) {
	for i, t := range targets {
		curve := sensitivity.Curve{Layer: t.Name, Size: t.Size}
		if t.Closed != "" {
			curve.LeftOut = []sensitivity.LeftOut{{Why: t.Closed}}
		} else {
			s.due = append(s.due, i)
		}
		s.curves = append(s.curves, curve)
	}
}

// mended runs do again after the trained network was lost and made again.
func (s *scan) mended(ctx workflow.Context, do func() error) error {
	for {
		err := do()
		if _, gone := lost(err); !gone {
			return err
		}
		if err := s.repair(ctx, denseLink, err); err != nil {
			return err
		}
	}
}

// together makes the curves side by side. A pause stops them all, and they are
// made again, but for those that are done, when the scan is resumed.
func (s *scan) together(ctx workflow.Context) error {
	for {
		if err := workflow.Await(ctx, func() bool { return s.state.State != StatePaused }); err != nil {
			return err
		}
		all, cancel := workflow.WithCancel(ctx)
		s.cancel = cancel
		err := s.several(all)
		s.cancel = nil
		cancel()
		if temporal.IsCanceledError(err) && ctx.Err() == nil {
			continue
		}
		return err
	}
}

// several makes curves until none is left to make or one fails, which stops
// the others.
func (s *scan) several(ctx workflow.Context) error {
	var failed error
	var again []int
	lines := workflow.NewWaitGroup(ctx)
	for range min(atOnce, len(s.due)) {
		lines.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer lines.Done()
			for failed == nil && len(s.due) > 0 {
				i := s.due[0]
				s.due = s.due[1:]
				err := s.curve(ctx, i)
				if err == nil {
					continue
				}
				again = append(again, i)
				if failed == nil {
					failed = err
					s.cancel()
				}
			}
		})
	}
	lines.Wait(ctx)
	s.due = append(again, s.due...)
	return failed
}

// curve makes one curve.
func (s *scan) curve(ctx workflow.Context, i int) error {
	in := activities.SensitivityInput{LayersInput: s.input(), Layer: s.curves[i].Layer, Shares: s.shares}
	s.state.Step = "sensitivity of " + in.Layer
	var out activities.SensitivityResult
	if err := workflow.ExecuteActivity(s.options(ctx), step.Sensitivity, in).Get(ctx, &out); err != nil {
		return stopped(err)
	}
	s.curves[i] = out.Curve
	return nil
}
