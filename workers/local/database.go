package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// applicationID marks a SQLite file as an Espalier server's ("Espa").
const applicationID = 0x45737061

// retention is how long Temporal keeps a finished workflow: ten years. Results
// and reports live in the bucket; the history is kept for whoever asks later.
const retention = 10 * 365 * 24 * time.Hour

// Result codes of SQLite, see https://www.sqlite.org/rescode.html.
const (
	sqliteCorrupt     = 11
	sqliteFull        = 13
	sqliteNotDatabase = 26
)

// sqliteCode is the primary result code of an error of SQLite, 0 of another.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff
	}
	return 0
}

// databaseConfig describes the file for Temporal. In write-ahead mode with
// synchronous=normal a power cut takes back the last commits, and no others; the
// log is flushed by [groupCommit] before anybody is told of them. It is written
// back to the database more seldom than by default, which flushes both.
func databaseConfig(path string) *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: databaseURI(path),
		ConnectAttributes: map[string]string{
			"mode":               "rwc",
			"journal_mode":       "wal",
			"synchronous":        "normal",
			"wal_autocheckpoint": "8000", // pages of 4 KiB
			"busy_timeout":       "10000",
		},
	}
}

// databaseURI escapes what SQLite would take for the end of the path.
func databaseURI(path string) string {
	return (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// prepareDatabase makes Temporal's tables and namespace in a new file and
// checks an old one.
func prepareDatabase(ctx context.Context, path, cluster string) error {
	if err := prepareTables(ctx, path); err != nil {
		return databaseError(path, err)
	}
	namespace, err := schema.NewNamespaceConfig(cluster, Namespace, false, nil)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	return databaseError(path, schema.CreateNamespaces(databaseConfig(path), namespace))
}

// version names the schema that this build of Temporal reads.
const version = schema.Version + "/" + schema.VisibilityVersion

// errForeign is a sound database that no Espalier server made.
var errForeign = errors.New("holds tables that no espalier server made")

func prepareTables(ctx context.Context, path string) error {
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	defer db.Close()
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case tables == 0:
		return createTables(ctx, db)
	case id != applicationID:
		return errForeign
	}
	var found string
	if err := db.QueryRowContext(ctx, "SELECT version FROM espalier").Scan(&found); err != nil {
		return err
	}
	if found != version {
		return fmt.Errorf("has schema %s, this espalier reads %s", found, version)
	}
	return nil
}

// createTables makes all tables in one transaction: a file that a crash left
// behind has all of them or none.
func createTables(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := schema.SetupSchemaOnDB(adminDB{tx: tx}); err != nil {
		return err
	}
	for _, statement := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		"CREATE TABLE espalier (version TEXT NOT NULL)",
		fmt.Sprintf("INSERT INTO espalier VALUES ('%s')", version),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// adminDB is as much of Temporal's administration interface as its schema
// setup uses, on one transaction.
type adminDB struct {
	sqlplugin.AdminDB
	tx *sql.Tx
}

// Exec runs one statement of the schema.
func (a adminDB) Exec(statement string, args ...any) error {
	_, err := a.tx.Exec(statement, args...)
	return err
}

// openDatabase opens the file beside Temporal's own connection, through the
// driver that Temporal registers.
func openDatabase(path string) (*sql.DB, error) {
	pragmas := url.Values{"_pragma": {"journal_mode=wal", "synchronous=full", "busy_timeout=10000"}}
	db, err := sql.Open("sqlite", "file:"+databaseURI(path)+"?"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// compactLog writes the write-ahead log back into the database file, so that a
// stopped server leaves one file that can be copied.
func compactLog(ctx context.Context, path string) error {
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, db.Close())
}

// databaseError says which file is at fault and what to do about it.
func databaseError(path string, err error) error {
	const advice = "move it away to begin with an empty server (checkpoints in the bucket stay), or choose another home"
	switch code := sqliteCode(err); {
	case err == nil:
		return nil
	case code == sqliteCorrupt || code == sqliteNotDatabase:
		return fmt.Errorf("%s is damaged or no database: %w; %s", path, err, advice)
	case code != 0 || errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w", path, err)
	case strings.Contains(err.Error(), "schema") || errors.Is(err, errForeign):
		return fmt.Errorf("%s %w; %s", path, err, advice)
	}
	return fmt.Errorf("%s: %w", path, err)
}
