package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"weir/internal/org"
	"weir/internal/sqldb"
)

// Version implements org.Store.
func (s *Store) Version(ctx context.Context) (int64, error) {
	var version int64
	if err := s.db.Read().QueryRowContext(ctx, `SELECT version FROM control_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the control plane's version: %w", err)
	}
	return version, nil
}

// Changes implements org.Store.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]org.Change, error) {
	limit = max(limit, 1)
	changes, err := s.changes(ctx, sqldb.NewQuery(selectChanges+" WHERE version > ? ORDER BY version, ordinal LIMIT ?", after, limit+1))
	if err != nil || len(changes) <= limit {
		return changes, err
	}
	// The page may end within a version: leave that one to the next page, unless
	// it is all there is.
	cut := changes[limit].Version
	if n := slices.IndexFunc(changes, func(c org.Change) bool { return c.Version == cut }); n > 0 {
		return changes[:n], nil
	}
	return s.changes(ctx, sqldb.NewQuery(selectChanges+" WHERE version = ? ORDER BY version, ordinal", cut))
}

const selectChanges sqldb.SQL = "SELECT version, organization_id, kind, object_id FROM changes"

func (s *Store) changes(ctx context.Context, q *sqldb.Query) ([]org.Change, error) {
	rows, err := s.db.Read().QueryContext(ctx, q.Text(), q.Args()...)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	defer rows.Close()
	var changes []org.Change
	for rows.Next() {
		var c org.Change
		if err := rows.Scan(&c.Version, &c.OrganizationID, &c.Kind, &c.ID); err != nil {
			return nil, fmt.Errorf("reading changes: %w", err)
		}
		changes = append(changes, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return changes, nil
}

// changeBatch is how many changes one statement writes. SQLite's driver binds
// arguments in time that grows with the square of their number: 500 rows at once
// take longer than 500 statements.
const changeBatch = 40

// writeChanges makes the transaction's changes a version of the feed.
func (w *tx) writeChanges(ctx context.Context, version int64) error {
	if _, err := w.exec(ctx, `UPDATE control_version SET version = $1`, version); err != nil {
		return fmt.Errorf("setting the control plane's version: %w", err)
	}
	ordinal := 0
	for batch := range slices.Chunk(w.changes, changeBatch) {
		q := sqldb.NewQuery("INSERT INTO changes (version, ordinal, organization_id, kind, object_id) VALUES ")
		for i, c := range batch {
			if i > 0 {
				q.Add(", ")
			}
			ordinal++
			q.Add("(?, ?, ?, ?, ?)", version, ordinal, c.OrganizationID, string(c.Kind), c.ID)
		}
		if _, err := w.exec(ctx, q.Text(), q.Args()...); err != nil {
			return fmt.Errorf("writing changes: %w", err)
		}
	}
	return nil
}
