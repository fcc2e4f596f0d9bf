package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"espalier/workers/mlflow/mlflowtest"
)

// features are the pages that tell what a part of the program does.
func (s *stage) features(t *testing.T) []page {
	tracking := mlflowtest.New(t).URL
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	const quick, sweep = "quickstart-1a2b3c4d5e6f", "sweep-digits-918f3c8a0ed1"
	return []page{
		{path: "docs/results.md", needs: []string{"jq"}, words: []string{quick, s.quick, sweep, s.sweep}, after: "test -s digits.parquet"},
		{path: "docs/mlflow.md", words: []string{quick, s.quick, sweep, s.sweep, "http://localhost:5000", tracking, "https://mlflow.example.org", tracking}},
		{path: "docs/reports.md", words: []string{quick, s.quick, sweep, s.sweep}, after: "grep '</html>' digits.html; grep '^# ' both.md README.md"},
		{path: "docs/sweeps.md", words: []string{"SPEC", "spec.yaml"}, after: "espalier run spec.yaml --json"},
		{path: "docs/pruning.md", after: "grep '</svg>' curves.svg; sed 's/sparsity: 93%/sensitivity: {file: scan.json, drop: 50%}/; /layers:/d' spec.yaml > scanned.yaml; espalier explain scanned.yaml"},
		{
			path: "examples/README.md", alone: true,
			before: "sed 's/^train:/&\\n  evaluate_every: 1/' spec.yaml > examples/quickstart.yaml",
		},
		{
			path: "docs/bundles.md", words: []string{quick, s.quick, sweep, s.sweep},
			instead: map[string]string{
				"espalier reproduce quickstart.tar --step 3f9a1c": aStep,
			},
		},
		{
			path: "docs/export.md", words: []string{quick, s.quick, "3f9a1c22b0de", s.final},
			after: "test -s lenet.onnx; test -s resnet-20.pth",
		},
		{path: "docs/import.md", before: "espalier export " + s.quick + " -o mnist.onnx"},
		{
			path: "docs/metrics.md", words: []string{"9464", "0"},
			after: "grep '^metrics at http://127.0.0.1:' served.1; grep '^metrics at http://' served.2",
		},
		{
			path: "docs/tracing.md", needs: []string{"jq"},
			words: []string{"http://localhost:4318", collector.URL, ".espalier/", s.home + "/", `"mnist-han-4b4c8f7a1db8"`, `"'$run'"`},
			instead: map[string]string{
				"espalier run examples/mnist.yaml": "espalier run examples/mnist.yaml > result.txt; run=$(grep ^mnist-han- result.txt)",
			},
		},
		{
			path: "docs/workers.md", alone: true, needs: []string{"python3"},
			before: "serve espalier server --temporal-port 0 --s3-port 0 --dashboard off --versions",
		},
		{
			// On servers of its own: the shared worker allows no trainer.
			path: "docs/exec-trainer.md", alone: true, needs: []string{"python3"},
			before: "serve espalier server --temporal-port 0 --s3-port 0 --dashboard off",
			words:  []string{"/opt/trainers/", ""},
		},
		{
			path: "examples/pytorch/README.md", alone: true, torch: true,
			before: "sed -i 's/epochs: [0-9]*/epochs: 1/; s/passes: 2/passes: 1/' examples/pytorch/digits.yaml\n" +
				"serve espalier server --temporal-port 0 --s3-port 0 --dashboard off",
			words: []string{"pytorch-1a2b3c4d5e6f", "$(espalier list | sed -n 's/^ *\\(pytorch-[0-9a-f]*\\).*/\\1/p')"},
			after: "test -s network/model.safetensors; test -s network/model.json",
		},
		{
			path: "docs/embedded-server.md", needs: []string{"jq"}, words: []string{"HOME/", s.home + "/"},
			after: `test "$TEMPORAL_ADDRESS" = ` + s.at.TemporalAddress + `; test "$AWS_SECRET_ACCESS_KEY" = ` + s.at.SecretKey,
		},
		{
			path: "docs/security.md", needs: []string{"openssl"},
			after: "ls -l payload.keys | grep '^-rw-------'; ESPALIER_PAYLOAD_KEYS=payload.keys espalier list\n" +
				"serve espalier worker --queue files --files examples",
		},
	}
}

// measurements are the pages that say how numbers came to be: their commands
// take minutes to hours, or the machine for themselves, or data that is not here.
func measurements() []page {
	const hours, bench = "trains on CIFAR-10 and MNIST for hours", "measures, on a machine with nothing else to do"
	return []page{
		{path: "docs/benchmarks.md", left: map[string]string{
			"make bench": bench, "go test": bench, "bin/espalier run examples/cifar10-resnet20.yaml": hours, "for s in 1 2 3": hours,
			"espalier pack han-300-": "pack and inspect are run for docs/commands.md", "ESPALIER_THREADS=1": bench, "espalier fork ": hours,
			"espalier pack RUN": "what comes of hours", "espalier predict lenet5.esp": "the same",
		}},
		{path: "docs/reliability.md", left: map[string]string{
			"make chaos": "500 faults take half an hour; TestFaultsFallIntoTheSweep in cmd/chaos has a few", "go run ./cmd/chaos": "the same",
		}},
		{path: "docs/reproduction.md", left: map[string]string{"make reproduce": hours}},
		{path: "docs/scale.md", left: map[string]string{"go test": bench}},
	}
}
