package activities

// Names on the wire: histories and running servers hold them, so a change is
// a new version, not a new name.
const (
	// QueueRuns is the task queue of the workflows. Activities go to the queue
	// that the spec's resources name.
	QueueRuns = "espalier-runs"

	NamePrepare  = "Prepare"
	NameTrain    = "Train"
	NameFinetune = "Finetune"
	NameSparsify = "Sparsify"
	NamePrune    = "Prune"
	NameQuantize = "Quantize"
	NameEvaluate = "Evaluate"
	NameRecord   = "Record"

	NameExternal = "External"

	NameLayers      = "Layers"
	NameSensitivity = "Sensitivity"
)

// Activity is an activity under its name on the wire.
type Activity struct {
	Name string
	Do   any
}

// Activities are the steps that a worker registers. Each is named as its method.
func (s *Steps) Activities() []Activity {
	return []Activity{
		{NamePrepare, s.Prepare},
		{NameTrain, s.Train},
		{NameFinetune, s.Finetune},
		{NameSparsify, s.Sparsify},
		{NamePrune, s.Prune},
		{NameQuantize, s.Quantize},
		{NameEvaluate, s.Evaluate},
		{NameRecord, s.Record},
		{NameExternal, s.External},
		{NameLayers, s.Layers},
		{NameSensitivity, s.Sensitivity},
	}
}
