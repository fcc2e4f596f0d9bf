package workflows

import (
	"fmt"

	"espalier/activities"
	"espalier/config"
	"espalier/models/checkpoint"
	"espalier/workflows/search"
)

// The kinds of steps that a run begins with and that leave no network.
const (
	StepPrepare  = linkPrepare
	StepEvaluate = "evaluate"
)

// anyEngine stands for the engine: all trials of a sweep have the same.
const anyEngine = "any"

// TrialSteps is the chain of a run's steps with symbolic keys, before anything
// has run: the key of a step is made of the symbolic key of what it is made of
// as a real one is of a checkpoint's digest. Steps with equal symbolic keys
// have equal real ones. The work of a step is its epochs of training. What
// rules end early is there in full.
func TrialSteps(spec *config.Spec) ([]search.Link, error) {
	s, err := symbols(spec)
	if err != nil {
		return nil, err
	}
	return s.links, nil
}

// Training is a step of a run that trains, before anything has run.
type Training struct {
	Kind   string
	Pass   int
	Epochs float64
}

// Trainings are the steps of a spec's run that train, in their order; none if a
// program of another language does them. It fails as TrialSteps does.
func Trainings(spec *config.Spec) ([]Training, error) {
	if spec.Exec != nil {
		return nil, nil
	}
	s, err := symbols(spec)
	if err != nil {
		return nil, err
	}
	return s.trained, nil
}

// AddTrial adds the steps of a sweep's trial to the tree of all. It fails as
// TrialSpec and TrialSteps do.
func AddTrial(tree *search.Tree, spec *config.Spec, trial search.Trial) error {
	made, err := TrialSpec(spec, trial)
	if err != nil {
		return err
	}
	links, err := TrialSteps(made)
	if err != nil {
		return err
	}
	tree.Add(trial.Number, links)
	return nil
}

// symbols makes the steps of all passes.
func symbols(spec *config.Spec) (*symbolic, error) {
	s := &symbolic{run: run{spec: *spec, chain: chain(spec)}}
	known := spec.Data
	known.Augment = config.Augment{} // in the keys of training by itself
	digest, err := checkpoint.StepKey(checkpoint.StepInput{Kind: "data", Params: known})
	if err != nil {
		return nil, err
	}
	s.state.DataDigest = digest
	passes := s.passes()
	if spec.Quantize != nil {
		s.chain = quantizing(s.chain, spec, s.end(passes), passes+1)
		passes++
	}
	for pass := range passes + 1 {
		if err := s.pass(pass); err != nil {
			return nil, fmt.Errorf("pass %d: %w", pass, err)
		}
	}
	return s, nil
}

// symbolic is a run whose checkpoints are the keys of the steps that would make
// them.
type symbolic struct {
	run
	links    []search.Link
	measures []int // the pass that each link evaluates, or -1
	at       []int // the link of each stage that was made
	trained  []Training
}

// pass adds the steps of a pass, its evaluations behind them.
func (s *symbolic) pass(pass int) error {
	for i, stage := range s.chain {
		if stage.pass != pass {
			continue
		}
		kind, params, seed, work, err := s.step(stage)
		if err != nil {
			return err
		}
		from, parent := -1, ""
		if stage.from >= 0 {
			from = s.at[stage.from]
			parent = s.links[from].Key
		}
		if params == nil { // nothing is done
			s.at = append(s.at, from)
		} else if err := s.add(kind, parent, from, params, seed, work); err != nil {
			return err
		} else {
			s.at = append(s.at, len(s.links)-1)
			if work > 0 {
				s.trained = append(s.trained, Training{Kind: kind, Pass: pass, Epochs: work})
			}
		}
		s.state.Links = append(s.state.Links, Link{Checkpoint: checkpoint.Digest(s.links[s.at[i]].Key)})
	}
	end := s.end(pass)
	measured := []int{end}
	if kind := s.chain[end].kind; kind == linkTune || kind == linkFinetune && measuresPruned(&s.spec) {
		measured = append(measured, s.chain[end].from)
	}
	params := activities.EvaluateInput{DataDigest: s.state.DataDigest, Latency: s.spec.MeasureLatency}.KeyParams()
	if s.spec.Exec != nil {
		in, err := s.external(activities.Head{}, config.ExecEvaluate, pass)
		if err != nil {
			return err
		}
		params = in.KeyParams()
	}
	for _, i := range measured {
		if err := s.add(StepEvaluate, s.links[s.at[i]].Key, s.at[i], params, 0, 0); err != nil {
			return err
		}
		s.measures[len(s.measures)-1] = pass
	}
	return nil
}

func (s *symbolic) add(kind, parent string, from int, params any, seed uint64, work float64) error {
	key, err := checkpoint.StepKey(checkpoint.StepInput{Parent: checkpoint.Digest(parent), Kind: kind, Params: params, Seed: seed, Engine: anyEngine})
	if err != nil {
		return err
	}
	s.measures = append(s.measures, -1)
	s.links = append(s.links, search.Link{Key: key, Kind: kind, From: from, Work: work})
	return nil
}

// step is what makes the key of a stage's step, and its epochs of training. A
// step that is left out has no parameters.
func (s *symbolic) step(at stage) (kind string, params any, seed uint64, work float64, err error) {
	var head activities.Head
	if s.spec.Exec != nil {
		return s.symbolicExternal(at)
	}
	trained := func(in activities.TrainInput) (string, any, uint64, float64, error) {
		epochs := in.Train.Epochs
		if in.Until > 0 {
			epochs = in.Until
		}
		return at.kind, in.KeyParams(), in.Train.Seed, float64(epochs), nil
	}
	switch at.kind {
	case linkPrepare:
		return at.kind, []any{s.spec.Network.Known(), s.state.DataDigest}, s.spec.Train.Seed, 0, nil
	case linkTrain:
		if s.spec.Network.Trained {
			return at.kind, nil, 0, 0, nil
		}
		return trained(s.training(head, s.spec.Train))
	case linkEarly:
		in := s.training(head, s.spec.Train)
		in.Until = s.spec.Prune.Rewind
		return trained(in)
	case linkSparsify:
		how, _ := s.spec.SparsifyTrain(at.pass)
		return trained(s.training(head, how))
	case linkPrune:
		in, err := s.pruning(head, at.pass)
		return at.kind, in.KeyParams(), 0, 0, err
	case linkQuantize:
		in := activities.Quantizing(head, s.spec.Quantize, at.part, 0)
		return at.kind, in.KeyParams(), s.spec.QuantizeSeed(), 0, nil
	case linkTune:
		how, _ := s.spec.CentroidTrain(at.part)
		in := s.training(head, how)
		in.Teacher = s.teacher(at, how.Distill)
		in.Tied = activities.TyingOf(s.spec.Quantize, at.part)
		return trained(in)
	default:
		in := s.training(head, s.spec.FinetuneTrain(at.pass))
		if in.Train.Epochs == 0 {
			return at.kind, nil, 0, 0, nil
		}
		in.Teacher = s.teacher(at, in.Train.Distill)
		return trained(in)
	}
}
