package telemetry

// Metric describes a metric.
type Metric struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Labels []string
	Help   string
}

const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// The labels of metrics, all of few values.
const (
	labelActivity  = "activity"  // Prepare, Train, ...
	labelFailure   = "failure"   // activities.Failure..., of which there are eleven
	labelHow       = "how"       // computed or reused
	labelPart      = "part"      // load, compute, save or commit
	labelOperation = "operation" // get, put, ...
	labelStatus    = "status"    // 2xx, 3xx, 4xx, 5xx or none
	labelQueue     = "queue"
)

// Table has the metrics of Espalier's own, in the order of docs/metrics.md.
func Table() []Metric {
	activity := []string{labelActivity}
	return []Metric{
		{"espalier_build_info", gauge, []string{"version"}, "1, of the version that runs"},
		{"espalier_worker_slots", gauge, []string{labelQueue}, "steps of the queue that the process takes at a time"},
		{"espalier_home_free_bytes", gauge, nil, "room on the disk of the home folder"},

		{"espalier_steps_started_total", counter, activity, "attempts at steps that began"},
		{"espalier_steps_done_total", counter, []string{labelActivity, labelHow}, "attempts whose step is done: computed, or reused because its result was in the store"},
		{"espalier_steps_failed_total", counter, []string{labelActivity, labelFailure}, "attempts that ended without their step's result; Drained and Canceled are no faults"},
		{"espalier_steps_running", gauge, activity, "attempts under way"},
		{"espalier_step_seconds", histogram, activity, "how long attempts took that computed their step to its end"},
		{"espalier_step_attempts", histogram, activity, "which attempt it was that computed the step to its end"},
		{"espalier_step_part_seconds", histogram, []string{labelActivity, labelPart}, "how long the parts of attempts took: load, compute, save, and commit of a checkpoint beside the computation"},
		{"espalier_steps_resumed_total", counter, activity, "attempts that went on from a checkpoint in the middle of their step"},

		{"espalier_training_batches_total", counter, activity, "batches trained, those that were trained before included"},
		{"espalier_training_repeated_batches_total", counter, activity, "batches that an attempt began to train again, because the one before it ended after its last checkpoint"},
		{"espalier_training_epochs_total", counter, activity, "epochs that trainings have ended"},
		{"espalier_training_images_per_second", gauge, activity, "images that the trainings under way take a second, all of them together"},
		{"espalier_training_loss", gauge, activity, "mean loss of the epoch so far, of the training under way that told last"},

		{"espalier_checkpoint_seconds", histogram, nil, "how long it took to commit a checkpoint in the middle of a step"},
		{"espalier_checkpoint_bytes_total", counter, nil, "bytes of committed checkpoints"},
		{"espalier_checkpoint_age_seconds", gauge, nil, "time since the newest checkpoint of a training under way, of the oldest among them: what a crash would repeat"},

		{"espalier_store_requests_total", counter, []string{labelOperation, labelStatus}, "requests to the store, each try counted; status none is no answer"},
		{"espalier_store_request_seconds", histogram, []string{labelOperation}, "how long the store took to answer"},
		{"espalier_store_retries_total", counter, []string{labelOperation}, "requests that repeated one that failed"},
		{"espalier_store_sent_bytes_total", counter, nil, "bytes sent to the store"},
		{"espalier_store_received_bytes_total", counter, nil, "bytes received from the store"},
		{"espalier_store_damaged_objects_total", counter, nil, "objects of the store that were found damaged and put aside"},
	}
}

// TemporalTable has those of the metrics of Temporal's SDK that tell most of a
// worker, with their main labels; its documentation has all of them.
func TemporalTable() []Metric {
	return []Metric{
		{"temporal_activity_schedule_to_start_latency_seconds", histogram, []string{"task_queue"}, "how long steps waited for a worker"},
		{"temporal_num_pollers", gauge, []string{"poller_type", "task_queue"}, "connections on which workers wait for tasks"},
		{"temporal_request_latency_seconds", histogram, []string{"operation"}, "how long Temporal took to answer"},
		{"temporal_worker_task_slots_available", gauge, []string{"worker_type"}, "free slots"},
		{"temporal_workflow_endtoend_latency_seconds", histogram, []string{"workflow_type"}, "how long runs took"},
	}
}

// LibraryTable has those of the metrics of Prometheus' library that the dashboard
// uses.
func LibraryTable() []Metric {
	return []Metric{
		{"process_cpu_seconds_total", counter, nil, "time on processors"},
		{"process_resident_memory_bytes", gauge, nil, "memory in use"},
		{"process_start_time_seconds", gauge, nil, "when the process began, since 1970"},
		{"go_goroutines", gauge, nil, "goroutines"},
		{"go_memstats_heap_inuse_bytes", gauge, nil, "memory of Go's own in use"},
	}
}
