// Package sqlstore keeps the control plane in SQLite or PostgreSQL: it
// implements org.Store with one set of statements for both.
//
// Every noun has a table, described once ([table]); what is not plain insert,
// update, delete or look-up stands in the noun's file. Writers of all nodes take
// the row of control_version first and hold it until they commit, so they can
// neither deadlock nor commit versions out of order.
//
// Changes are kept for good: a thousand a day are a few megabytes a year.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Name tells this store's migrations from those of other stores in the same
// database.
const Name = "control_plane"

// Migrations are the steps that make the tables, for [sqldb.Migrate] and
// [sqldb.Status].
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the path is a constant, and valid
	}
	return files
}

// Store implements org.Store.
type Store struct {
	db  *sqldb.DB
	now func() time.Time
}

var _ org.Store = (*Store)(nil)

// Option changes how a store works.
type Option func(*Store)

// WithClock sets the clock that dates audit events.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// Open migrates the database and returns the store in it, which closes it in
// the end.
func Open(ctx context.Context, db *sqldb.DB, options ...Option) (*Store, error) {
	if err := sqldb.Migrate(ctx, db, Name, Migrations()); err != nil {
		return nil, err
	}
	s := &Store{db: db, now: time.Now}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// View implements org.Store.
func (s *Store) View(ctx context.Context, fn func(org.Reader) error) error {
	return s.db.Snapshot(ctx, func(_ context.Context, t *sql.Tx) error { return fn(reader{t}) })
}

// Update implements org.Store.
func (s *Store) Update(ctx context.Context, actor audit.Actor, fn func(org.Tx) error) (version int64, err error) {
	err = s.write(ctx, func(t *sql.Tx, latest int64) error {
		version = latest
		w := &tx{reader: reader{t}, actor: actor, now: s.now()}
		if err := fn(w); err != nil {
			return err
		}
		if w.failed != nil {
			return w.failed
		}
		if err := w.sealEvents(ctx); err != nil {
			return err
		}
		if len(w.changes) > 0 {
			version++
			return w.writeChanges(ctx, version)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// write runs fn in a transaction that excludes all other writers, with the
// latest version.
func (s *Store) write(ctx context.Context, fn func(t *sql.Tx, latest int64) error) error {
	return s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		var latest int64
		// An update that changes nothing: it takes the lock on both engines.
		const lock = `UPDATE control_version SET version = version RETURNING version`
		if err := t.QueryRowContext(ctx, lock).Scan(&latest); err != nil {
			return fmt.Errorf("locking the control plane: %w", err)
		}
		return fn(t, latest)
	})
}

// touchBatch is how many keys one statement of TouchKeys names.
const touchBatch = 500

// TouchKeys implements org.Store.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(used)), func(keyID string) bool { return !storable(keyID) })
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, func(t *sql.Tx, _ int64) error {
		for batch := range slices.Chunk(ids, touchBatch) {
			for _, table := range []sqldb.SQL{"api_keys", "admin_keys", "sessions", "scim_tokens"} {
				q := sqldb.NewQuery("WITH used (id, at) AS (VALUES ")
				for i, keyID := range batch {
					if i > 0 {
						q.Add(", ")
					}
					q.Add("(CAST(? AS TEXT), CAST(? AS BIGINT))", keyID, micros(used[keyID]))
				}
				q.Add(") UPDATE " + table + " SET last_used_at = used.at FROM used" +
					" WHERE " + table + ".id = used.id AND " + table + ".last_used_at < used.at")
				if _, err := t.ExecContext(ctx, q.Text(), q.Args()...); err != nil {
					return fmt.Errorf("setting the last use of %s: %w", table, err)
				}
			}
		}
		return nil
	})
}

// Ping implements org.Store.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close implements org.Store.
func (s *Store) Close() error { return s.db.Close() }
