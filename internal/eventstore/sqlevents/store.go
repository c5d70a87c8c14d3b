// Package sqlevents keeps usage events in SQLite or PostgreSQL, with one text
// of SQL for both.
//
// Three decisions shape it. Usage belongs to the time its request was received,
// so that a request has one place in every report however long it ran. An event
// id counts once: a second event with an id that the request log holds changes
// no row and no roll-up, whichever node brings it. And roll-up rows name who
// called and what for by two numbers (names.go, dictionary.go): a caller is a key,
// its project or its organization, an item a model and its like, or a line of a
// bill. There are as many callers as keys and few items, so both stay small
// while the roll-ups grow.
//
// A batch is applied in one transaction (apply.go): mark, request rows, names,
// roll-ups. Sums are formed in memory first (batch.go); what reaches the database
// is one row per bucket, caller and item. Reports (report.go, costs.go) read the coarsest
// roll-up that has the dimensions asked for.
package sqlevents

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"weir/internal/sqldb"
	"weir/internal/usage"
)

// MigrationsName is the name of this store's migrations in its database.
const MigrationsName = "events"

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the store's schema, for sqldb.Status.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the path is a constant
	}
	return sub
}

// Store is a usage.Store. It is safe for concurrent use, and on PostgreSQL for
// several nodes at once.
type Store struct {
	db             *sqldb.DB
	callers, items numberCache
	writes         map[write]*sql.Stmt  // prepared inserts
	lookUps        map[lookUp]*sql.Stmt // prepared reads of dictionaries
}

var _ usage.Store = (*Store)(nil)

// Open migrates the database and prepares the statements. The store closes db.
func Open(ctx context.Context, db *sqldb.DB) (*Store, error) {
	if err := sqldb.Migrate(ctx, db, MigrationsName, Migrations()); err != nil {
		return nil, err
	}
	s := &Store{db: db, writes: map[write]*sql.Stmt{}, lookUps: map[lookUp]*sql.Stmt{}}
	inserts := []insert{insertRequests, insertCallers, insertItems, insertCosts, insertObjects, insertDeletedObjects}
	for _, r := range rollups {
		inserts = append(inserts, r.all, r.text)
	}
	if err := s.prepare(ctx, inserts...); err != nil {
		return nil, err
	}
	if err := s.prepareLookUps(ctx, insertCallers.into, insertItems.into); err != nil {
		return nil, err
	}
	return s, nil
}

// Close implements usage.Store.
func (s *Store) Close() error { return s.db.Close() }

// Mark implements usage.Store.
func (s *Store) Mark(ctx context.Context, node string) (uint64, error) {
	var position int64
	err := s.db.Read().QueryRowContext(ctx, `SELECT position FROM usage_marks WHERE node = $1`, node).Scan(&position)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("mark of node %s: %w", node, err)
	}
	return uint64(position), nil
}
