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
	NamePrune    = "Prune"
	NameEvaluate = "Evaluate"
	NameRecord   = "Record"
)
