package sqlevents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// pruneStep is how many rows one transaction deletes, a few milliseconds of the
// writer's time.
const pruneStep = 1000

// Prune implements usage.Store. Rows received before the minute bucket of
// minutes stay in hours, days and costs, which are kept for good.
func (s *Store) Prune(ctx context.Context, requests, minutes time.Time) error {
	if !minutes.IsZero() {
		const old = `DELETE FROM usage_minutes WHERE (bucket, caller, item) IN
			(SELECT bucket, caller, item FROM usage_minutes WHERE bucket < $1 ORDER BY bucket, caller, item LIMIT $2)`
		if err := s.pruneAll(ctx, old, minutes.Unix(), pruneStep); err != nil {
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
			const old = `DELETE FROM usage_requests WHERE id IN
				(SELECT id FROM usage_requests WHERE organization_id = $1 AND received < $2 ORDER BY received, id LIMIT $3)`
			err = s.pruneAll(ctx, old, organizationID, requests.UnixMicro(), pruneStep)
		}
		if err != nil {
			return fmt.Errorf("prune requests: %w", err)
		}
	}
}

// pruneAll repeats a bounded delete until it finds less than its bound.
func (s *Store) pruneAll(ctx context.Context, statement string, args ...any) error {
	for {
		var deleted int64
		err := s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, statement, args...)
			if err != nil {
				return err
			}
			deleted, err = result.RowsAffected()
			return err
		})
		if err != nil || deleted < pruneStep {
			return err
		}
	}
}
