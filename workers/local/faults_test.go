package local_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/workers/local"
)

// Each of these homes is refused in one line that names the file and says what
// to do.
func TestBadHomes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(t *testing.T, home string)
		want    []string
	}{
		"a file": {
			func(t *testing.T, home string) { write(t, home, "") },
			[]string{"is no folder; choose another home"},
		},
		"unwritable": {
			func(t *testing.T, home string) {
				if os.Getuid() == 0 {
					t.Skip("root may write everywhere")
				}
				if err := os.Mkdir(home, 0o500); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"cannot be written; choose another home"},
		},
		"full when locking": {fullAt("lock"), []string{"no space left on its disk; free some, or choose another home"}},
		"full when probing": {fullAt(".probe"), []string{"no space left on its disk; free some, or choose another home"}},
		"damaged database": {
			func(t *testing.T, home string) {
				write(t, filepath.Join(home, "temporal.db"), strings.Repeat("nonsense", 1000))
			},
			[]string{"temporal.db is damaged or no database", "move it away"},
		},
		"torn database": {tornDatabase, []string{"temporal.db is damaged or no database", "move it away"}},
		"foreign database": {
			func(t *testing.T, home string) { execute(t, home, "CREATE TABLE recipes (name TEXT)") },
			[]string{"temporal.db holds tables that no espalier server made; move it away"},
		},
		"database of another version": {
			func(t *testing.T, home string) {
				execute(t, home, fmt.Sprintf("PRAGMA application_id = %d", 0x45737061),
					"CREATE TABLE espalier (version TEXT)", "INSERT INTO espalier VALUES ('99.1/3')")
			},
			[]string{"temporal.db has schema 99.1/3, this espalier reads", "move it away"},
		},
		"broken keys": {
			func(t *testing.T, home string) { write(t, filepath.Join(home, "s3.json"), "{}") },
			[]string{"s3.json: access_key or secret_key is empty; remove the file to make new keys"},
		},
		"bucket folder is a file": {
			func(t *testing.T, home string) { write(t, filepath.Join(home, "s3"), "") },
			[]string{"s3"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "home")
			test.prepare(t, home)
			stack, err := local.Start(t.Context(), local.Options{Home: home})
			if err == nil {
				t.Fatal(stack.Stop(t.Context()), "Start accepts it")
			}
			t.Log(err)
			for _, want := range append(test.want, home) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
			if _, err := local.Find(home); err == nil {
				t.Error("Find finds a server that was never up")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fullAt makes writes to a file of home fail as on a full disk.
func fullAt(name string) func(*testing.T, string) {
	return func(t *testing.T, home string) {
		if _, err := os.Stat("/dev/full"); err != nil {
			t.Skip("this system has no /dev/full")
		}
		if err := os.Mkdir(home, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/full", filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func execute(t *testing.T, home string, statements ...string) {
	t.Helper()
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(home, "temporal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// tornDatabase cuts a database short, as a disk that failed would.
func tornDatabase(t *testing.T, home string) {
	t.Helper()
	execute(t, home, fmt.Sprintf("PRAGMA application_id = %d", 0x45737061),
		"CREATE TABLE espalier (version TEXT)", "INSERT INTO espalier VALUES ('0')")
	path := filepath.Join(home, "temporal.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// A port that the user chose and somebody has is named with the flag that
// chooses another.
func TestOccupiedPorts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // after the parallel cases
	port := l.Addr().(*net.TCPAddr).Port
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := other.Addr().(*net.TCPAddr).Port
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		options local.Options
		want    string
	}{
		"temporal":   {local.Options{TemporalPort: port}, fmt.Sprintf("port %d on 127.0.0.1 is in use; choose another with --temporal-port", port)},
		"s3":         {local.Options{S3Port: port}, fmt.Sprintf("port %d on 127.0.0.1 is in use; choose another with --s3-port", port)},
		"the same":   {local.Options{TemporalPort: free, S3Port: free}, fmt.Sprintf("port %d on 127.0.0.1 is in use; choose another with --s3-port", free)},
		"no port":    {local.Options{S3Port: 70000}, "--s3-port 70000 is no port; allowed are 1 to 65535, and 0 for a free one"},
		"no address": {local.Options{BindIP: "localhost"}, `embedded server: "localhost" is no IP address to listen on (as 127.0.0.1 or 0.0.0.0)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.options.Home = t.TempDir()
			_, err := local.Start(t.Context(), test.options)
			if err == nil || err.Error() != test.want {
				t.Errorf("Start gives %v, want %s", err, test.want)
			}
			var taken *local.PortError
			if asked := max(test.options.TemporalPort, test.options.S3Port); errors.As(err, &taken) && taken.Port != asked {
				t.Errorf("the error names port %d, want %d", taken.Port, asked)
			}
		})
	}
}

// Where no server runs Find says so, also beside a file that a killed one left.
func TestFindNothing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	write(t, filepath.Join(home, "server.json"), `{"pid": 1}`)
	write(t, filepath.Join(home, "lock"), "1\n")
	for _, home := range []string{home, filepath.Join(home, "nowhere")} {
		_, err := local.Find(home)
		if !errors.Is(err, local.ErrNotRunning) || !strings.Contains(err.Error(), "espalier server") {
			t.Errorf("Find gives %v, want ErrNotRunning and what to do", err)
		}
	}
}
