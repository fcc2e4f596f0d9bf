package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// store is the address of the shared bucket.
func (s *stage) store() string {
	return "s3://espalier?endpoint=" + strings.TrimPrefix(s.at.S3Endpoint, "http://") + "&tls=false"
}

// nothing is a server that has nothing: of a cloud's notices, that there is none.
func nothing(t *testing.T) string {
	t.Helper()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	return web.URL
}

// guides are the pages that get one thing done.
func (s *stage) guides(t *testing.T) []page {
	spec := map[string]string{"espalier submit spec.yaml": "espalier submit spec.yaml > submitted; cat submitted"}
	const trainer = "pytorch='python3 /opt/trainers/trainer.py'"
	return []page{
		{
			path: "docs/howto-cluster.md",
			env:  []string{"AWS_ACCESS_KEY_ID=" + s.at.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.at.SecretKey},
			words: []string{
				"temporal.example.org:7233", s.at.TemporalAddress, "TEMPORAL_NAMESPACE=espalier", "TEMPORAL_NAMESPACE=" + s.at.Namespace,
				"s3://networks/espalier?endpoint=s3.example.org&region=eu-central-1", s.store(), "RUN", "$(grep ^spec- submitted)",
			},
			instead: spec,
			after:   "cmp .env deploy/.env.example",
		},
		{
			path: "docs/howto-s3.md",
			words: []string{
				"s3://networks/espalier?endpoint=s3.example.org:9000&region=us-east-1", s.store(),
				"AWS_ACCESS_KEY_ID=...", "AWS_ACCESS_KEY_ID=" + s.at.AccessKey, "AWS_SECRET_ACCESS_KEY=...", "AWS_SECRET_ACCESS_KEY=" + s.at.SecretKey,
			},
		},
		{
			path:    "docs/howto-spot.md",
			words:   []string{"http://169.254.169.254", nothing(t)},
			instead: map[string]string{"espalier verify-resume spec.yaml --kills 10": "espalier verify-resume spec.yaml --kills 1"},
		},
		{
			path: "docs/howto-gpu.md", needs: []string{"python3"},
			words: []string{"run spec.yaml", "run toy.yaml", "resume spec.yaml --kills 3", "resume toy.yaml --kills 1", "/opt/trainers/", ""},
			instead: map[string]string{
				"espalier worker --queue gpu=4 --trainer " + trainer: "espalier worker --queue gpu=4 --gpu GPU-1,H200,143771 --trainer pytorch='python3 trainer.py'",
				"espalier submit spec.yaml":                          "espalier submit spec.yaml > submitted; cat submitted",
			},
			after: "espalier watch $(grep ^on-gpus- submitted)",
		},
		{
			path: "deploy/README.md",
			words: []string{
				"localhost:7233", s.at.TemporalAddress,
				"s3://espalier/?endpoint=localhost:9000&region=us-east-1&tls=false", s.store(), "AWS_ACCESS_KEY_ID=espalier", "AWS_ACCESS_KEY_ID=" + s.at.AccessKey,
			},
			instead: map[string]string{
				"cp deploy/.env.example .env": "sed 's/^MINIO_ROOT_PASSWORD=/&" + s.at.SecretKey + "/' deploy/.env.example > .env",
			},
		},
		{
			path: "docs/dashboard.md", needs: []string{"curl"},
			words: []string{"espalier dashboard", "espalier dashboard --address 127.0.0.1:0"},
			after: "curl -fsS $(sed -n 's/^dashboard \\([^ #]*\\).*/\\1/p' served.1) | grep '<html'",
		},
	}
}
