package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// writeAttempts is how often Write tries before a conflict on PostgreSQL is the
// caller's.
const writeAttempts = 5

// Write runs fn in one transaction and commits it; when fn returns an error or
// panics, nothing is kept. On SQLite writers wait for one another, on PostgreSQL
// the isolation is read committed. fn may run several times there (after a
// deadlock, when nothing was committed), so it must not act outside tx before
// Write has returned. What the engine cannot store is a fault of kind Unavailable.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := inTx(ctx, db.write, nil, fn)
		if err == nil || attempt == writeAttempts || !isTransient(err) {
			return stored(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// Prepare prepares a statement to be run within Write, through
// [sql.Tx.StmtContext]. Not to be called within Write: on SQLite it waits for
// the connection.
func (db *DB) Prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	return db.write.PrepareContext(ctx, query)
}

// Snapshot runs fn in a read transaction that sees one state of the database
// throughout.
func (db *DB) Snapshot(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	var opts *sql.TxOptions // on SQLite every transaction is a snapshot
	if db.engine == Postgres {
		opts = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return inTx(ctx, db.read, opts, fn)
}

func inTx(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, fn func(context.Context, *sql.Tx) error) (err error) {
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if done {
			return
		}
		// Also on the way of a panic. A transaction that a cancelled context
		// has rolled back already is no further error.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("rollback: %w", e))
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// pause waits a few milliseconds, longer and less alike with each attempt.
func pause(ctx context.Context, attempt int) error {
	d := time.Duration(attempt) * 5 * time.Millisecond
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
