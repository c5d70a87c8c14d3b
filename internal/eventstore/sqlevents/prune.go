package sqlevents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/internal/sqldb"
)

// One transaction deletes at least minPruneStep rows and at most maxPruneStep,
// as many as fit into pruneTime: events to apply wait meanwhile. What a row costs
// varies tenfold with how much of the indexes is in memory.
const (
	minPruneStep = 50
	maxPruneStep = 1000
	pruneTime    = 15 * time.Millisecond
)

// Prune implements usage.Store. Rows received before the minute bucket of
// minutes stay in hours, days and costs, which are kept for good.
func (s *Store) Prune(ctx context.Context, requests, minutes time.Time) error {
	if !minutes.IsZero() {
		const old = `DELETE FROM usage_minutes WHERE (bucket, caller, item) IN
			(SELECT bucket, caller, item FROM usage_minutes WHERE bucket < $1 ORDER BY bucket, caller, item LIMIT $2)`
		if err := s.pruneAll(ctx, old, minutes.Unix()); err != nil {
			return fmt.Errorf("prune minutes: %w", err)
		}
	}
	if requests.IsZero() {
		return nil
	}
	// Organization by organization, for that is how the log is indexed.
	for organizationID := ""; ; {
		const next = `SELECT organization_id FROM usage_requests WHERE organization_id > $1 ORDER BY organization_id LIMIT 1`
		err := s.db.Read().QueryRowContext(ctx, next, organizationID).Scan(&organizationID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			// By the row's own address, which needs no other index.
			address := map[sqldb.Engine]string{sqldb.SQLite: "rowid", sqldb.Postgres: "ctid"}[s.db.Engine()]
			old := `DELETE FROM usage_requests WHERE ` + address + ` IN
				(SELECT ` + address + ` FROM usage_requests WHERE organization_id = $1 AND received < $2 ORDER BY received LIMIT $3)`
			err = s.pruneAll(ctx, old, organizationID, requests.UnixMicro())
		}
		if err != nil {
			return fmt.Errorf("prune requests: %w", err)
		}
	}
}

// pruneAll repeats a delete, whose last argument bounds it, until it finds less
// than that.
func (s *Store) pruneAll(ctx context.Context, statement string, args ...any) error {
	for step := int64(minPruneStep); ; {
		var deleted int64
		var took time.Duration
		err := s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			start := time.Now()
			result, err := tx.ExecContext(ctx, statement, append(slices.Clone(args), step)...)
			if err != nil {
				return err
			}
			deleted, err = result.RowsAffected()
			took = time.Since(start)
			return err
		})
		if err != nil || deleted < step {
			return err
		}
		step = nextPruneStep(step, took)
	}
}

// nextPruneStep is the size of the step after one of the given size that took
// so long.
func nextPruneStep(step int64, took time.Duration) int64 {
	fits := step * int64(pruneTime) / int64(max(took, time.Microsecond))
	return min(max(fits, minPruneStep), 2*step, maxPruneStep)
}
