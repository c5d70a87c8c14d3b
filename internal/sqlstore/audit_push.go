package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"weir/internal/org"
)

// AuditPending implements org.AuditPushStore.
func (s *Store) AuditPending(ctx context.Context, sink string) ([]org.AuditPending, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT h.organization_id, COALESCE(c.seq, 0), h.seq FROM audit_heads h
		LEFT JOIN audit_cursors c ON c.organization_id = h.organization_id AND c.sink = $1
		WHERE h.seq > COALESCE(c.seq, 0) ORDER BY h.organization_id`, sink)
	if err != nil {
		return nil, fmt.Errorf("reading what of the audit logs is to be pushed: %w", err)
	}
	defer rows.Close()
	var pending []org.AuditPending
	for rows.Next() {
		var p org.AuditPending
		if err := rows.Scan(&p.OrganizationID, &p.Delivered, &p.Head); err != nil {
			return nil, fmt.Errorf("reading what of the audit logs is to be pushed: %w", err)
		}
		pending = append(pending, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what of the audit logs is to be pushed: %w", err)
	}
	return pending, nil
}

// AuditDelivered implements org.AuditPushStore.
func (s *Store) AuditDelivered(ctx context.Context, sink, organizationID string) (seq int64, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT seq FROM audit_cursors WHERE sink = $1 AND organization_id = $2`, sink, organizationID).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading how far the audit log of %s is pushed: %w", organizationID, err)
	}
	return seq, nil
}

// HoldAuditSink implements org.AuditPushStore.
func (s *Store) HoldAuditSink(ctx context.Context, sink, holder string, now, until time.Time) (held bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		result, err := t.ExecContext(ctx, `
			INSERT INTO audit_sinks (sink, holder, held_until) VALUES ($1, $2, $3)
			ON CONFLICT (sink) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
			WHERE audit_sinks.holder = excluded.holder OR audit_sinks.held_until <= $4`,
			sink, holder, micros(until), micros(now))
		if err != nil {
			return fmt.Errorf("holding the audit sink %s: %w", sink, err)
		}
		n, err := result.RowsAffected()
		held = n > 0 && until.After(now)
		return err
	})
	return held, err
}

// AdvanceAuditCursor implements org.AuditPushStore.
func (s *Store) AdvanceAuditCursor(ctx context.Context, sink, holder, organizationID string, seq int64, now time.Time) (held bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *sql.Tx) error {
		result, err := t.ExecContext(ctx, `
			INSERT INTO audit_cursors (sink, organization_id, seq)
			SELECT sink, CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM audit_sinks WHERE sink = $1 AND holder = $2 AND held_until > $5
			ON CONFLICT (sink, organization_id) DO UPDATE SET
			seq = CASE WHEN excluded.seq > audit_cursors.seq THEN excluded.seq ELSE audit_cursors.seq END`,
			sink, holder, organizationID, seq, micros(now))
		if err != nil {
			return fmt.Errorf("noting how far the audit log of %s is pushed: %w", organizationID, err)
		}
		n, err := result.RowsAffected()
		held = n > 0
		return err
	})
	return held, err
}
