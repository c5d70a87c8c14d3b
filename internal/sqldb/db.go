// Package sqldb opens the two databases weir runs on, SQLite and PostgreSQL,
// behind one small type, so that a store is written once.
//
// What is shared: SQL text with $n placeholders in textual order, transactions
// ([DB.Write], [DB.Snapshot]), migrations ([Migrate]), error classes, and a
// builder for filters that vary ([Query]). Where an engine needs its own text,
// the store asks [DB.Engine].
//
// SQLite has one writing connection and a pool of readers that cannot write;
// PostgreSQL has one pool for both.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Engine is a kind of database.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine Engine
	path   string // SQLite: the file
	write  *sql.DB
	read   *sql.DB
}

// Options are what an operator may want different; the zero value is safe.
type Options struct {
	// Relaxed lets SQLite sync at checkpoints instead of every commit: after a
	// power cut the last transactions may be gone, the file stays sound.
	// PostgreSQL ignores it.
	Relaxed bool
}

// Open opens the database at rawURL, with the zero [Options]:
//
//	sqlite:/var/lib/weir/weir.db     a file, created when it is not there
//	postgres://user@host/database    with libpq's query parameters
func Open(ctx context.Context, rawURL string) (*DB, error) {
	return OpenWith(ctx, rawURL, Options{})
}

// OpenWith is Open with options. It returns once the database has answered.
func OpenWith(ctx context.Context, rawURL string, o Options) (*DB, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if !ok {
		return nil, errors.New("database URL: want sqlite:/path/file.db or postgres://host/database")
	}
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rest, "//"), o)
	case "postgres", "postgresql":
		return openPostgres(ctx, rawURL)
	}
	return nil, fmt.Errorf("database URL: unknown scheme %q, want sqlite or postgres", scheme)
}

// Engine says which database this is.
func (db *DB) Engine() Engine { return db.engine }

// Path is the file of a SQLite database, "" for PostgreSQL.
func (db *DB) Path() string { return db.path }

// Read is the pool for single read statements; on SQLite it refuses writes.
func (db *DB) Read() *sql.DB { return db.read }

// Ping asks the database for an answer.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fmt.Errorf("%s: ping: %w", db.engine, err)
	}
	return nil
}

// Close closes the pools. Transactions still open fail.
func (db *DB) Close() error {
	if db.read == db.write {
		return db.write.Close()
	}
	// Readers first: the last connection to leave checkpoints the write-ahead
	// log, and a reader could not.
	return errors.Join(db.read.Close(), db.write.Close())
}
