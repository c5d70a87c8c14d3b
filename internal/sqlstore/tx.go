package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/org"
)

// reader implements org.Reader on one transaction.
type reader struct{ sql *sql.Tx }

// tx implements org.Tx. Changes and audit events gather in it and are written
// when the caller is done.
type tx struct {
	reader
	actor   audit.Actor
	now     time.Time
	changes []org.Change
	changed map[org.Change]struct{}
	events  []audit.Event
	vacated bool // old places were forgotten already
	// failed is the first statement that the database refused. PostgreSQL does
	// nothing more in such a transaction, so it cannot commit on SQLite either.
	failed error
}

var (
	_ org.Reader = reader{}
	_ org.Tx     = (*tx)(nil)
)

// exec runs a statement that writes and returns how many rows it wrote.
func (w *tx) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	for _, arg := range args {
		if s, ok := stringOf(arg); ok && !storable(s) {
			return 0, fault.Invalidf("invalid_value", "", "Text must be UTF-8 without the character U+0000.")
		}
	}
	result, err := w.sql.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, w.fail(err)
	}
	return result.RowsAffected()
}

// execReturning runs a statement that writes and returns one id for each row.
func (w *tx) execReturning(ctx context.Context, statement string, args ...any) ([]string, error) {
	rows, err := w.sql.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, w.fail(err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, w.fail(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, w.fail(err)
	}
	return ids, nil
}

func (w *tx) fail(err error) error {
	if w.failed == nil {
		w.failed = err
	}
	return err
}

// change registers an object with the change feed, once per transaction.
func (w *tx) change(kind org.ChangeKind, organizationID, objectID string) {
	c := org.Change{OrganizationID: organizationID, Kind: kind, ID: objectID}
	if _, ok := w.changed[c]; ok {
		return
	}
	if w.changed == nil {
		w.changed = map[org.Change]struct{}{}
	}
	w.changed[c] = struct{}{}
	w.changes = append(w.changes, c)
}

// stringOf is the text that arg, as a statement takes it, holds as it is.
func stringOf(arg any) (string, bool) {
	switch v := arg.(type) {
	case string:
		return v, true
	case *string:
		return *v, true
	case nullable:
		return *v.s, true
	}
	return "", false
}

// storableArgs reports whether every text among args is storable; nothing in
// the store equals one that is not.
func storableArgs(args []any) bool {
	for _, arg := range args {
		if s, ok := stringOf(arg); ok && !storable(s) {
			return false
		}
	}
	return true
}
