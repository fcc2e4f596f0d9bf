package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"espalier/config"
	"espalier/models"
	"espalier/models/checkpoint"
	"espalier/models/data"
	"espalier/models/prune"
	"espalier/models/prune/sensitivity"
)

// LayersInput asks which layers a method can prune alone.
type LayersInput struct {
	Head
	Data       config.Data  `json:"data"`
	DataDigest string       `json:"data_digest"`
	Prune      config.Prune `json:"prune"`
	// Seed is of what the method draws; Draw says that it draws training samples.
	Seed uint64 `json:"seed,omitempty"`
	Draw bool   `json:"draw,omitempty"`
}

// LayersResult is a StepResult and what a scan of the layers is about.
type LayersResult struct {
	StepResult
	Report  sensitivity.Report `json:"report"` // without accuracies
	Targets []prune.Target     `json:"targets"`
}

// SensitivityInput asks how a network bears the pruning of one layer alone.
type SensitivityInput struct {
	LayersInput
	Layer  string    `json:"layer"`  // one of the targets
	Shares []float64 `json:"shares"` // ascending, in (0, 1)
}

// SensitivityResult is a StepResult and the layer's curve.
type SensitivityResult struct {
	StepResult
	Curve sensitivity.Curve `json:"curve"`
}

// pruning is the step that would prune the network, without a goal.
func (in LayersInput) pruning() PruneInput {
	return PruneInput{Head: in.Head, Prune: in.Prune, Data: &in.Data, DataDigest: in.DataDigest, Seed: in.Seed, Draw: in.Draw}
}

// options are what a scan reads of the spec's.
func (in LayersInput) options() prune.Options { return sensitivity.Options(in.pruning().options()) }

// Layers lists what of the network can be pruned alone.
func (s *Steps) Layers(ctx context.Context, in LayersInput) (LayersResult, error) {
	options := in.options()
	params := struct {
		prune.Options
		Data string
	}{options, in.DataDigest}
	var out LayersResult
	result, err := s.detailed(ctx, in.Head, NameLayers, params, 0, &out, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, set, err := a.given(ctx, in.Data, in.DataDigest)
		if err != nil {
			return checkpoint.Result{}, err
		}
		found := LayersResult{Report: sensitivity.New(parent.Network, options)}
		split, name := judges(set)
		found.Report.Split, found.Report.Samples = name, split.Len()
		if found.Targets, err = prune.Targets(parent.Network, options); err != nil {
			return checkpoint.Result{}, &inputError{err}
		}
		detail, err := json.Marshal(found)
		return checkpoint.Result{Detail: detail}, err
	})
	out.StepResult = result
	return out, err
}

// judges are the samples that decide: those held out or, without any, the test
// samples.
func judges(set *data.Dataset) (split *data.Split, name string) {
	if set.Validation.Len() > 0 {
		return set.Validation, "validation"
	}
	return set.Test, "test"
}

// Sensitivity prunes one layer alone by each share in turn and measures the
// accuracy without any training (Li et al. 2017, section 3.2; Han et al. 2015).
func (s *Steps) Sensitivity(ctx context.Context, in SensitivityInput) (SensitivityResult, error) {
	options := in.options()
	params := struct {
		prune.Options
		Layer   string
		Shares  []float64
		Data    string
		Samples int `json:",omitempty"`
		Batch   int
	}{options, in.Layer, in.Shares, in.DataDigest, in.pruning().samples(), evaluationBatch}
	var out SensitivityResult
	result, err := s.detailed(ctx, in.Head, NameSensitivity, params, 0, &out.Curve, func(ctx context.Context, a *attempt) (checkpoint.Result, error) {
		parent, set, err := a.given(ctx, in.Data, in.DataDigest)
		if err != nil {
			return checkpoint.Result{}, err
		}
		basis, err := a.basis(ctx, in.pruning())
		if err != nil {
			return checkpoint.Result{}, err
		}
		curve, err := during(ctx, PartCompute, func(ctx context.Context) (sensitivity.Curve, error) {
			return sensitivity.Scan(ctx, parent.Network, options, basis, in.Layer, in.Shares, a.scanned(in, set))
		})
		if errors.Is(err, sensitivity.ErrUnknown) {
			err = &inputError{err}
		}
		if err != nil {
			return checkpoint.Result{}, err
		}
		detail, err := json.Marshal(curve)
		return checkpoint.Result{Detail: detail}, err
	})
	out.StepResult = result
	return out, err
}

// scanned measures the networks of a scan; a worker that is to leave stops
// between two of them.
func (a *attempt) scanned(in SensitivityInput, set *data.Dataset) sensitivity.Evaluate {
	split, _ := judges(set)
	n := 0
	return func(ctx context.Context, net *models.Network) (float64, error) {
		if why := a.interrupted(ctx); why != nil {
			return 0, why
		}
		n++
		a.pulse.set(func(g *Progress) { g.Phase = fmt.Sprintf("%s, %d of %d", in.Layer, n, len(in.Shares)) })
		e, err := a.steps.accuracy(ctx, net, split)
		return e.Accuracy, err
	}
}
