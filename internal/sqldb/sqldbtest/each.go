// Package sqldbtest runs a test on every engine sqldb knows, each time on an
// empty database of its own.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/sqldb"
)

// URLVariable names the environment variable with the URL of a PostgreSQL
// database in which tests may create schemas.
const URLVariable = "WEIR_TEST_POSTGRES_URL"

// Each runs fn as the subtests "sqlite" and, when [URLVariable] is set,
// "postgres", on a database with the migrations applied. Under WEIR_CHECK=1 a
// missing URL fails the test, so that make check never passes untested.
func Each(t *testing.T, migrationsName string, files fs.FS, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		if err := sqldb.Migrate(t.Context(), db, migrationsName, files); err != nil {
			t.Fatal(err)
		}
		fn(t, db)
	})
}

// EachEngine is Each for tests that open more than one database, or migrate
// themselves: every call of open gives a new, empty one, closed when the test
// ends.
func EachEngine(t *testing.T, fn func(t *testing.T, open func() *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		fn(t, func() *sqldb.DB { return SQLite(t) })
	})
	postgres := os.Getenv(URLVariable)
	if postgres == "" {
		if os.Getenv("WEIR_CHECK") == "1" {
			t.Errorf("%s is not set: start the test services with scripts/services.sh and set what it prints", URLVariable)
		}
		return
	}
	t.Run("postgres", func(t *testing.T) {
		fn(t, func() *sqldb.DB { return Postgres(t, postgres) })
	})
}

// SQLite opens a new database in a folder of the test.
func SQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "weir.db"))
}

// Postgres opens a new schema of the database at rawURL.
func Postgres(t testing.TB, rawURL string) *sqldb.DB {
	t.Helper()
	return open(t, PostgresURL(t, rawURL))
}

// PostgresURL makes a new schema of the database at rawURL, dropped when the
// test ends, and returns the URL that uses it.
func PostgresURL(t testing.TB, rawURL string) string {
	t.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	execute(t, rawURL, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, rawURL, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatalf("%s: %v", URLVariable, err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func open(t testing.TB, rawURL string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func execute(t testing.TB, rawURL, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", rawURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Not the test's own context: that is done when clean-up runs.
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
