package main_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

// The secrets that docker-compose.yml must ask the environment for.
var composeSecrets = []string{"POSTGRES_PASSWORD=postgres-secret", "MINIO_ROOT_PASSWORD=minio-secret"}

// loadCompose reads docker-compose.yml with the loader of `docker compose`,
// against its schema, with every profile switched on.
func loadCompose(env ...string) (*types.Project, error) {
	options, err := cli.NewProjectOptions(
		[]string{"../../docker-compose.yml"},
		cli.WithWorkingDirectory("../.."),
		cli.WithEnv(env),
		cli.WithProfiles([]string{"*"}),
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

func composeProject(t *testing.T) *types.Project {
	t.Helper()
	project, err := loadCompose(composeSecrets...)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// leaves says whether a service does its work and ends.
func leaves(project *types.Project, name string) bool {
	for _, s := range project.Services {
		if s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	want := []string{
		"grafana", "minio", "postgresql", "prometheus", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "worker-cpu", "worker-gpu",
	}
	got := composeProject(t).ServiceNames()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

func TestComposeSurvivesItsParts(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	for name, s := range project.Services {
		if leaves(project, name) {
			if !strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure) {
				t.Errorf("%s: restart %q, want %s", name, s.Restart, types.RestartPolicyOnFailure)
			}
			continue
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("%s: restart %q, want %s", name, s.Restart, types.RestartPolicyUnlessStopped)
		}
		if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
	}
}

// A service waits for what it needs to be ready, not merely started.
func TestComposeOrder(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	for name, s := range project.Services {
		for other, d := range s.DependsOn {
			want := types.ServiceConditionHealthy
			if leaves(project, other) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			if d.Condition != want {
				t.Errorf("%s waits for %s: %q, want %q", name, other, d.Condition, want)
			}
		}
	}
	for name, needs := range map[string][]string{
		"temporal":   {"postgresql", "temporal-schema"},
		"worker-cpu": {"minio", "temporal-namespace"},
		"worker-gpu": {"minio", "temporal-namespace"},
	} {
		if diff := cmp.Diff(needs, slices.Sorted(slices.Values(project.Services[name].GetDependencies()))); diff != "" {
			t.Errorf("%s needs (-want +got):\n%s", name, diff)
		}
	}
}

// pinned says whether an image name has a tag that says a version.
func pinned(image string) bool {
	return regexp.MustCompile(`^[a-z0-9./-]+:[^:@]*[0-9]+[.-][^:@]*$`).MatchString(image)
}

func TestComposeImagesArePinned(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{
		"postgres:17.7-alpine3.23": true, "temporalio/ui:2.54.1": true,
		"postgres": false, "postgres:latest": false, "postgres:17": false, "debian:bookworm": false, "postgres:alpine": false,
	} {
		if got := pinned(image); got != want {
			t.Errorf("pinned(%q) = %t, want %t", image, got, want)
		}
	}
	for name, s := range composeProject(t).Services {
		if s.Build == nil && !pinned(s.Image) {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		if s.Build != nil && !strings.Contains(readFile(t, s.Build.Dockerfile), " AS "+s.Build.Target+"\n") {
			t.Errorf("%s: %s has no stage %q", name, s.Build.Dockerfile, s.Build.Target)
		}
	}
	from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(readFile(t, "Dockerfile"), -1)
	if len(from) == 0 {
		t.Error("Dockerfile has no FROM")
	}
	for _, m := range from {
		if !pinned(m[1]) {
			t.Errorf("Dockerfile: FROM %s has no version", m[1])
		}
	}
}

// One version of a thing, wherever it is named.
func TestComposeVersionsAgree(t *testing.T) {
	t.Parallel()
	dockerfile, module := readFile(t, "Dockerfile"), readFile(t, "go.mod")
	language := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(module)
	for _, m := range regexp.MustCompile(`FROM golang:([0-9.]+)`).FindAllStringSubmatch(dockerfile, -1) {
		if m[1] != language[1] {
			t.Errorf("Dockerfile builds with Go %s, go.mod wants %s", m[1], language[1])
		}
	}
	minio := regexp.MustCompile(`MINIO_VERSION=(\S+)`).FindStringSubmatch(dockerfile)
	if want := "MINIO_VERSION := " + minio[1] + "\n"; !strings.Contains(readFile(t, "Makefile"), want) {
		t.Errorf("Makefile does not say %q as the Dockerfile does", want)
	}
	if tests := "models/checkpoint/s3store/main_test.go"; !strings.Contains(readFile(t, tests), strconv.Quote(minio[1])) {
		t.Errorf("%s does not run on the MinIO of the Dockerfile, %s", tests, minio[1])
	}
	_, commit, _ := strings.Cut(minio[1], "-")
	_, commit, _ = strings.Cut(commit, "-")
	project := composeProject(t)
	if got := project.Services["minio"].Image; !strings.HasSuffix(got, ":"+commit) {
		t.Errorf("image of minio is %q, want the tag %s", got, commit)
	}
	if server, tools := project.Services["temporal"].Image, project.Services["temporal-schema"].Image; imageTag(server) != imageTag(tools) {
		t.Errorf("%s is served with the schema of %s", server, tools)
	}
}

func imageTag(image string) string {
	_, tag, _ := strings.Cut(image, ":")
	return tag
}

func TestComposeGPU(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	gpu := project.Services["worker-gpu"]
	if gpu.Deploy == nil || gpu.Deploy.Resources.Reservations == nil {
		t.Fatal("worker-gpu reserves nothing")
	}
	devices := gpu.Deploy.Resources.Reservations.Devices
	if len(devices) != 1 || devices[0].Driver != "nvidia" || devices[0].Count != 1 || !slices.Contains(devices[0].Capabilities, "gpu") {
		t.Errorf("worker-gpu reserves %+v, want one NVIDIA GPU", devices)
	}
	for name, s := range project.Services {
		if got, want := slices.Contains(s.Profiles, "gpu"), name == "worker-gpu"; got != want {
			t.Errorf("%s in the profile gpu: %t, want %t", name, got, want)
		}
	}
}

// Prometheus looks for the workers where their metrics are, and only who asks for
// it has it.
func TestComposeMetrics(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	for name, s := range project.Services {
		if got, want := slices.Contains(s.Profiles, "metrics"), name == "prometheus" || name == "grafana"; got != want {
			t.Errorf("%s in the profile metrics: %t, want %t", name, got, want)
		}
	}
	found := readFile(t, "deploy/prometheus/prometheus.yml")
	for _, want := range []string{"names: [worker-cpu, worker-gpu]", "port: 9464", "job_name: espalier", "/etc/prometheus/alerts.yml"} {
		if !strings.Contains(found, want) {
			t.Errorf("deploy/prometheus/prometheus.yml does not say %q", want)
		}
	}
}

func TestComposeWorkers(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	for name, queue := range map[string]string{"worker-cpu": "cpu", "worker-gpu": "gpu"} {
		s := project.Services[name]
		if diff := cmp.Diff(types.ShellCommand{"worker", "--queue", queue, "--metrics", "0.0.0.0:9464"}, s.Command); diff != "" {
			t.Errorf("%s runs (-want +got):\n%s", name, diff)
		}
		for key, want := range map[string]string{
			"TEMPORAL_ADDRESS":      "temporal:7233",
			"ESPALIER_S3":           "s3://espalier/?endpoint=minio:9000&region=us-east-1&tls=false",
			"AWS_ACCESS_KEY_ID":     "espalier",
			"AWS_SECRET_ACCESS_KEY": "minio-secret",
		} {
			if got := s.Environment[key]; got == nil || *got != want {
				t.Errorf("%s: %s is %v, want %q", name, key, got, want)
			}
		}
	}
}

// Whatever holds state is in a volume with a name, and nothing but loopback is
// listened on unless the user asks for it.
func TestComposeVolumesAndPorts(t *testing.T) {
	t.Parallel()
	project := composeProject(t)
	for name, target := range map[string]string{
		"postgresql": "/var/lib/postgresql/data", "minio": "/data", "prometheus": "/prometheus",
		"worker-cpu": "/var/lib/espalier", "worker-gpu": "/var/lib/espalier",
	} {
		named := slices.ContainsFunc(project.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Source == name && v.Target == target
		})
		if !named {
			t.Errorf("%s: %s is not in the volume %s", name, target, name)
		}
	}
	for name, s := range project.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is opened on %q", name, port.Published, port.HostIP)
			}
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
}

// Without its secrets the file is refused, each by name; and neither the file
// nor the example holds one.
func TestComposeSecrets(t *testing.T) {
	t.Parallel()
	for i, missing := range composeSecrets {
		name, _, _ := strings.Cut(missing, "=")
		for _, env := range [][]string{{}, {name + "="}} {
			env = append(env, composeSecrets[1-i])
			if _, err := loadCompose(env...); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("docker-compose.yml with %q gives %v, want an error that names %s", env, err, name)
			}
		}
		example := readFile(t, "deploy/.env.example")
		if !strings.Contains(example, "\n"+name+"=\n") {
			t.Errorf("deploy/.env.example has no empty %s", name)
		}
	}
	if found := spelledSecrets(readFile(t, "docker-compose.yml")); len(found) > 0 {
		t.Errorf("docker-compose.yml spells secrets out: %q", found)
	}
	planted := "      SQL_PASSWORD: ${POSTGRES_PASSWORD:?set it}\n      POSTGRES_PWD: hunter2\n      AWS_SECRET_ACCESS_KEY: ${KEY:-hunter2}\n"
	if found := spelledSecrets(planted); len(found) != 2 {
		t.Errorf("of two planted secrets %q are found", found)
	}
}

// spelledSecrets are the lines that give a secret a value of their own rather
// than a required variable's.
func spelledSecrets(text string) []string {
	secret := regexp.MustCompile(`(?m)^\s*(?:- )?\w*(?:PASSWORD|PWD|SECRET)\w*\s*[:=]\s*(\S.*)$`)
	required := regexp.MustCompile(`^\$\{\w+:\?[^}]+\}$`)
	var found []string
	for _, m := range secret.FindAllStringSubmatch(text, -1) {
		if !required.MatchString(m[1]) {
			found = append(found, m[0])
		}
	}
	return found
}

// Every variable of docker-compose.yml is explained in the example, and the
// example explains no others.
func TestComposeExampleEnvironment(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{(\w+)`).FindAllStringSubmatch(readFile(t, "docker-compose.yml"), -1) {
		used[m[1]] = true
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(readFile(t, "deploy/.env.example"), -1) {
		explained[m[1]] = true
	}
	if diff := cmp.Diff(used, explained); diff != "" {
		t.Errorf("variables (-docker-compose.yml +deploy/.env.example):\n%s", diff)
	}
}

// Docker itself accepts the file, where it is installed with Compose.
func TestComposeDocker(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("docker", "compose", "version").CombinedOutput(); err != nil {
		t.Skipf("docker compose is not installed: %v: %s", err, firstLine(out))
	}
	command := exec.Command("docker", "compose", "--profile", "*", "config", "--quiet")
	command.Dir = "../.."
	command.Env = append(os.Environ(), composeSecrets...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("docker compose config: %v\n%s", err, out)
	}
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// readFile reads a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join("../..", name)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; the repository's root is taken to be two folders up", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
