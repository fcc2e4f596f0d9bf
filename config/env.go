package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Env is what the environment of the process says, read once at the start. It
// is the only way for environment variables into the program; Temporal's own
// and OpenTelemetry's are read by their SDKs, here only whether there are any.
type Env struct {
	// Home (ESPALIER_HOME) is the folder of the embedded server and store, of
	// caches and logs; ".espalier" in the working directory by default.
	Home string
	// Temporal names the variables of Temporal's SDK that are set, sorted.
	Temporal []string
	// TemporalFile (TEMPORAL_CONFIG_FILE) is the file of Temporal's profiles;
	// empty is the SDK's own choice.
	TemporalFile string
	// S3 is the bucket of ESPALIER_S3, nil when the embedded store is used.
	S3 *S3
	// PayloadKeys (ESPALIER_PAYLOAD_KEYS) is the file of the keys that encrypt
	// what Temporal keeps; empty is none.
	PayloadKeys string
	// Traces says that the OTEL_ variables name a collector of OpenTelemetry's.
	Traces bool
	// MLflow is what tracking servers are asked with.
	MLflow MLflow
	// NoColor (NO_COLOR, see no-color.org) asks for output without colours.
	NoColor bool
	// Plain (TERM=dumb, or CI) asks for output that nothing moves in.
	Plain bool
	// Threads (ESPALIER_THREADS) is the number of threads that compute; 0 is
	// as many as there are cores. The bits of a run depend on it.
	Threads int
}

// TemporalConfigured says whether the environment names a Temporal server, so
// that no embedded one is started.
func (e Env) TemporalConfigured() bool { return len(e.Temporal) > 0 }

// FromOS is [FromEnviron] on the environment of the process, with an absolute
// Home.
func FromOS() (Env, error) {
	e, err := FromEnviron(os.LookupEnv)
	if err != nil {
		return Env{}, err
	}
	if e.Home, err = filepath.Abs(e.Home); err != nil {
		return Env{}, fmt.Errorf("environment: ESPALIER_HOME: %w", err)
	}
	return e, nil
}

// FromEnviron reads the environment from a function like os.LookupEnv. A
// variable that is set and empty is as good as none. Its error names the
// variable, its value unless that is secret, and what is allowed.
func FromEnviron(lookup func(string) (string, bool)) (Env, error) {
	get := func(name string) string {
		value, _ := lookup(name)
		return value
	}
	e := Env{Home: get("ESPALIER_HOME"), NoColor: get("NO_COLOR") != ""}
	e.Plain = get("TERM") == "dumb" || get("CI") != "" && get("CI") != "false"
	e.TemporalFile, e.PayloadKeys = get("TEMPORAL_CONFIG_FILE"), get("ESPALIER_PAYLOAD_KEYS")
	if e.Home == "" {
		e.Home = ".espalier"
	}
	for _, name := range temporalVariables() {
		if get(name) != "" {
			e.Temporal = append(e.Temporal, name)
		}
	}
	e.MLflow = readMLflow(get)
	var err error
	if e.Threads, err = threads(get("ESPALIER_THREADS")); err != nil {
		return Env{}, fmt.Errorf("environment: %w", err)
	}
	if e.S3, err = readS3(get); err != nil {
		return Env{}, fmt.Errorf("environment: %w", err)
	}
	if e.Traces, err = readTraces(get); err != nil {
		return Env{}, fmt.Errorf("environment: %w", err)
	}
	return e, nil
}

// temporalVariables are those of Temporal's environment configuration that
// choose a server or how to speak to it.
func temporalVariables() []string {
	return []string{
		"TEMPORAL_ADDRESS",
		"TEMPORAL_API_KEY",
		"TEMPORAL_CONFIG_FILE",
		"TEMPORAL_NAMESPACE",
		"TEMPORAL_PROFILE",
		"TEMPORAL_TLS",
		"TEMPORAL_TLS_CLIENT_CERT_DATA",
		"TEMPORAL_TLS_CLIENT_CERT_PATH",
	}
}

// maxThreads is more than any machine has, and keeps a typing error from
// starting a million.
const maxThreads = 1024

func threads(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > maxThreads {
		return 0, fmt.Errorf("ESPALIER_THREADS: %q is not a whole number from 0 (all cores) to %d", text, maxThreads)
	}
	return n, nil
}

// Secret is text that must not be printed: every usual way of printing or
// encoding it gives "***". [Secret.Reveal] has the text.
type Secret struct {
	// text is behind a pointer because fmt, where a verb does not fit, prints
	// values without asking their methods; pointers inside structs it prints
	// as addresses.
	text *string
}

// NewSecret keeps text from being printed.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal is the text itself, for the one who must send it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is "***", or nothing for an empty secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return "***"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format is String for every verb, also those that would look inside.
func (s Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, s.String()) }

// MarshalText is String, for JSON and everything that encodes text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
