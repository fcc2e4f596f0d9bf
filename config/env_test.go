package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/config"
)

func environ(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	type vars = map[string]string
	s3 := func(change func(*config.S3)) config.Env {
		s := &config.S3{Bucket: "runs", Endpoint: "s3.amazonaws.com", TLS: true}
		change(s)
		return config.Env{Home: ".espalier", S3: s}
	}
	tests := map[string]struct {
		in   vars
		want config.Env
	}{
		"nothing":       {vars{}, config.Env{Home: ".espalier"}},
		"set but empty": {vars{"ESPALIER_HOME": "", "ESPALIER_S3": "", "NO_COLOR": "", "ESPALIER_THREADS": "", "TEMPORAL_ADDRESS": ""}, config.Env{Home: ".espalier"}},
		"own":           {vars{"ESPALIER_HOME": "/var/espalier", "NO_COLOR": "1", "ESPALIER_THREADS": "4"}, config.Env{Home: "/var/espalier", NoColor: true, Threads: 4}},
		"plain in CI":   {vars{"CI": "true", "TERM": "xterm"}, config.Env{Home: ".espalier", Plain: true}},
		"plain, dumb":   {vars{"CI": "false", "TERM": "dumb"}, config.Env{Home: ".espalier", Plain: true}},
		"a terminal":    {vars{"CI": "false", "TERM": "xterm"}, config.Env{Home: ".espalier"}},
		"a tracking server": {vars{"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "hush", "MLFLOW_TRACKING_TOKEN": "tok"}, config.Env{
			Home: ".espalier", MLflow: config.MLflow{User: "me", Password: config.NewSecret("hush"), Token: config.NewSecret("tok")},
		}},
		"temporal":           {vars{"TEMPORAL_PROFILE": "prod", "TEMPORAL_ADDRESS": "h:7233", "TEMPORAL_CLI_SHOW_STACKS": "1"}, config.Env{Home: ".espalier", Temporal: []string{"TEMPORAL_ADDRESS", "TEMPORAL_PROFILE"}}},
		"profiles":           {vars{"TEMPORAL_CONFIG_FILE": "t.toml"}, config.Env{Home: ".espalier", Temporal: []string{"TEMPORAL_CONFIG_FILE"}, TemporalFile: "t.toml"}},
		"aws without bucket": {vars{"AWS_ACCESS_KEY_ID": "a", "AWS_REGION": "r", "AWS_ENDPOINT_URL": "nonsense"}, config.Env{Home: ".espalier"}},
		"bucket alone":       {vars{"ESPALIER_S3": "s3://runs"}, s3(func(*config.S3) {})},
		"everything in it": {vars{"ESPALIER_S3": "s3://runs/a/b/?endpoint=minio:9000&region=eu&tls=false"}, s3(func(s *config.S3) {
			s.Prefix, s.Endpoint, s.Region, s.TLS = "a/b", "minio:9000", "eu", false
		})},
		"endpoint of S3 before that of all": {vars{"ESPALIER_S3": "s3://runs", "AWS_ENDPOINT_URL": "https://all", "AWS_ENDPOINT_URL_S3": "http://localhost:9000/"}, s3(func(s *config.S3) {
			s.Endpoint, s.TLS = "localhost:9000", false
		})},
		"endpoint of all": {vars{"ESPALIER_S3": "s3://runs", "AWS_ENDPOINT_URL": "http://[::1]:9000"}, s3(func(s *config.S3) {
			s.Endpoint, s.TLS = "[::1]:9000", false
		})},
		"query before variables": {vars{"ESPALIER_S3": "s3://runs?endpoint=own&region=own&tls=true", "AWS_ENDPOINT_URL": "http://all", "AWS_REGION": "all"}, s3(func(s *config.S3) {
			s.Endpoint, s.Region = "own", "own"
		})},
		"authority":                  {vars{"ESPALIER_S3": "s3://runs?ca=a.pem", "AWS_CA_BUNDLE": "b.pem"}, s3(func(s *config.S3) { s.CAFile = "a.pem" })},
		"authority of all tools":     {vars{"ESPALIER_S3": "s3://runs", "AWS_CA_BUNDLE": "b.pem"}, s3(func(s *config.S3) { s.CAFile = "b.pem" })},
		"encrypted":                  {vars{"ESPALIER_S3": "s3://runs?encrypt=s3"}, s3(func(s *config.S3) { s.Encrypt = config.EncryptS3 })},
		"encrypted by a key service": {vars{"ESPALIER_S3": "s3://runs?encrypt=kms"}, s3(func(s *config.S3) { s.Encrypt = config.EncryptKMS })},
		"encrypted with a key": {vars{"ESPALIER_S3": "s3://runs?encrypt=kms:arn:aws:kms:eu:1:key/a"}, s3(func(s *config.S3) {
			s.Encrypt, s.KMSKey = config.EncryptKMS, "arn:aws:kms:eu:1:key/a"
		})},
		"traces":                {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, config.Env{Home: ".espalier", Traces: true}},
		"traces alone":          {vars{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/v1/traces", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, config.Env{Home: ".espalier", Traces: true}},
		"traces off":            {vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, config.Env{Home: ".espalier"}},
		"traces of nowhere":     {vars{"OTEL_SERVICE_NAME": "x"}, config.Env{Home: ".espalier"}},
		"payload keys":          {vars{"ESPALIER_PAYLOAD_KEYS": "keys"}, config.Env{Home: ".espalier", PayloadKeys: "keys"}},
		"tls over the variable": {vars{"ESPALIER_S3": "s3://runs?tls=true", "AWS_ENDPOINT_URL": "http://all"}, s3(func(s *config.S3) { s.Endpoint = "all" })},
		"region":                {vars{"ESPALIER_S3": "s3://runs", "AWS_DEFAULT_REGION": "b", "AWS_REGION": "a"}, s3(func(s *config.S3) { s.Region = "a" })},
		"default region":        {vars{"ESPALIER_S3": "s3://runs", "AWS_DEFAULT_REGION": "b"}, s3(func(s *config.S3) { s.Region = "b" })},
		"keys": {vars{"ESPALIER_S3": "s3://runs", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "tok"}, s3(func(s *config.S3) {
			s.AccessKey, s.SecretKey, s.SessionToken = "id", config.NewSecret("hush"), config.NewSecret("tok")
		})},
	}
	for name, test := range tests {
		got, err := config.FromEnviron(environ(test.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b config.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got.TemporalConfigured() != (len(test.want.Temporal) > 0) {
			t.Errorf("%s: TemporalConfigured %v", name, got.TemporalConfigured())
		}
	}
}

func TestBadEnvironment(t *testing.T) {
	t.Parallel()
	form := "; its form is s3://bucket/prefix?endpoint=host:port&region=...&tls=false&ca=file&encrypt=..."
	tests := map[string]struct {
		name, value, want string
	}{
		"threads":       {"ESPALIER_THREADS", "many", `ESPALIER_THREADS: "many" is not a whole number from 0 (all cores) to 1024`},
		"negative":      {"ESPALIER_THREADS", "-1", `ESPALIER_THREADS: "-1" is not a whole number from 0 (all cores) to 1024`},
		"scheme":        {"ESPALIER_S3", "http://runs", `ESPALIER_S3: scheme "http" is not s3` + form},
		"no scheme":     {"ESPALIER_S3", "runs", `ESPALIER_S3: scheme "" is not s3` + form},
		"no bucket":     {"ESPALIER_S3", "s3://", `ESPALIER_S3: bucket "" is not 3 to 63 small letters, digits, dots and hyphens` + form},
		"bad bucket":    {"ESPALIER_S3", "s3://My_Runs", `ESPALIER_S3: bucket "My_Runs" is not 3 to 63 small letters, digits, dots and hyphens` + form},
		"keys inside":   {"ESPALIER_S3", "s3://id:hush@runs", `ESPALIER_S3: holds a user or keys; those belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY` + form},
		"control":       {"ESPALIER_S3", "s3://hush\x7f", `ESPALIER_S3: not an address` + form},
		"unknown key":   {"ESPALIER_S3", "s3://runs?endpont=a", `ESPALIER_S3: unknown key "endpont"; did you mean endpoint? allowed: endpoint, region, tls, ca, encrypt` + form},
		"twice":         {"ESPALIER_S3", "s3://runs?tls=true&tls=false", `ESPALIER_S3: tls is given twice` + form},
		"query":         {"ESPALIER_S3", "s3://runs?%zz", `ESPALIER_S3: what stands after ? is not a list of key=value` + form},
		"fragment":      {"ESPALIER_S3", "s3://runs#a", `ESPALIER_S3: has a fragment after #` + form},
		"tls":           {"ESPALIER_S3", "s3://runs?tls=no", `ESPALIER_S3: tls "no" is not true or false`},
		"encrypt":       {"ESPALIER_S3", "s3://runs?encrypt=c", `ESPALIER_S3: encrypt "c" is not s3, kms or kms:KEY`},
		"s3 with a key": {"ESPALIER_S3", "s3://runs?encrypt=s3:k", `ESPALIER_S3: encrypt "s3:k" is not s3, kms or kms:KEY`},
		"no key":        {"ESPALIER_S3", "s3://runs?encrypt=kms:", `ESPALIER_S3: encrypt "kms:" is not s3, kms or kms:KEY`},
		"ca, no tls":    {"ESPALIER_S3", "s3://runs?tls=false&ca=a", `ESPALIER_S3: ca is for TLS, which tls=false turns off`},
		"endpoint":      {"ESPALIER_S3", "s3://runs?endpoint=http://a:1", `ESPALIER_S3: endpoint "http://a:1" is not host or host:port; TLS is chosen by tls=true or tls=false`},
		"endpoint port": {"ESPALIER_S3", "s3://runs?endpoint=a:b", `ESPALIER_S3: endpoint "a:b" is not host or host:port; TLS is chosen by tls=true or tls=false`},
		"url":           {"AWS_ENDPOINT_URL", "localhost:9000", `AWS_ENDPOINT_URL: not an address such as http://localhost:9000`},
		"url of s3":     {"AWS_ENDPOINT_URL_S3", "http://id:hush@a", `AWS_ENDPOINT_URL_S3: not an address such as http://localhost:9000`},
		"half a key":    {"AWS_SECRET_ACCESS_KEY", "hush", `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: only one of the two is set; want both or neither`},
	}
	for name, test := range tests {
		vars := map[string]string{"ESPALIER_S3": "s3://runs"}
		vars[test.name] = test.value
		_, err := config.FromEnviron(environ(vars))
		if want := "environment: " + test.want; err == nil || err.Error() != want {
			t.Errorf("%s: error %v\nwant %s", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	e := config.Env{S3: &config.S3{Bucket: "runs", SecretKey: config.NewSecret("hush"), SessionToken: config.NewSecret("hush")}}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(data) + e.S3.SecretKey.String() + e.S3.SecretKey.GoString() + fmt.Sprint(e.S3.SecretKey, *e.S3, e.S3)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, e.S3.SecretKey) + fmt.Sprintf(verb, *e.S3) + fmt.Sprintf(verb, e)
	}
	if strings.Contains(printed, "hush") || strings.Contains(printed, fmt.Sprintf("%x", "hush")) {
		t.Errorf("a secret is in %s", printed)
	}
	if !strings.Contains(string(data), `"SecretKey":"***"`) {
		t.Errorf("JSON is %s, want ***", data)
	}
	if got := config.NewSecret("hush").Reveal(); got != "hush" {
		t.Errorf("Reveal = %q", got)
	}
}

func TestHomeOfTheProcessIsAbsolute(t *testing.T) {
	t.Setenv("ESPALIER_HOME", "somewhere")
	t.Setenv("ESPALIER_S3", "")
	t.Setenv("ESPALIER_THREADS", "")
	e, err := config.FromOS()
	if err != nil || !strings.HasSuffix(e.Home, "somewhere") || e.Home == "somewhere" {
		t.Errorf("Home %q, %v", e.Home, err)
	}
}

func TestTrainersGetNoCredentials(t *testing.T) {
	for _, secret := range []string{"TEMPORAL_API_KEY", "ESPALIER_S3", "AWS_SECRET_ACCESS_KEY", "CUDA_VISIBLE_DEVICES"} {
		t.Setenv(secret, "x")
	}
	t.Setenv("OMP_NUM_THREADS", "1")
	got := config.TrainerEnviron()
	for _, pair := range got {
		if strings.HasSuffix(pair, "=x") {
			t.Errorf("trainers get %s", pair)
		}
	}
	if !slices.Contains(got, "OMP_NUM_THREADS=1") {
		t.Error("trainers do not get OMP_NUM_THREADS")
	}
}
