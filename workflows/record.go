package workflows

import "espalier/config"

// Record is what the store keeps of a run that has ended, as
// runs/<run>/result.json: its result, and what the numbers stand on. Records of
// older versions have a result alone.
type Record struct {
	Result
	DataDigest string `json:"data_digest,omitempty"`
	Links      []Link `json:"links,omitempty"`
}

// SweepRecord is what the store keeps of a sweep that has ended, as
// runs/<sweep>/result.json. Records of older versions have no spec.
type SweepRecord struct {
	SweepResult
	Spec *config.Spec `json:"spec,omitempty"`
}

func (r *run) record(result *Result) Record {
	return Record{Result: *result, DataDigest: r.state.DataDigest, Links: r.state.Links}
}
