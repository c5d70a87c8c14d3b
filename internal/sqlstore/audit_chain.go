package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"weir/internal/audit"
	"weir/internal/sqldb"
)

var auditCheckpoints = table[audit.Checkpoint]{
	name: "audit_checkpoints", label: "Audit checkpoint", key: 1,
	columns: []string{"organization_id", "seq", "hash", "through", "pruned", "created_at", "key_id", "signature"},
	fields: func(c *audit.Checkpoint) []any {
		return []any{&c.OrganizationID, &c.Seq, &c.Hash, instant{&c.Through}, &c.Count, instant{&c.At}, &c.KeyID, &c.Signature}
	},
}

// OrganizationsAudited implements org.AuditReader.
func (r reader) OrganizationsAudited(ctx context.Context) ([]string, error) {
	rows, err := r.sql.QueryContext(ctx, `
		SELECT id FROM organizations UNION SELECT organization_id FROM audit_heads
		UNION SELECT organization_id FROM audit_checkpoints ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("reading whose audit logs there are: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading whose audit logs there are: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading whose audit logs there are: %w", err)
	}
	return ids, nil
}

// AuditHead implements org.AuditReader.
func (r reader) AuditHead(ctx context.Context, organizationID string) (audit.Link, error) {
	if !storable(organizationID) {
		return audit.Link{}, nil
	}
	head, err := r.auditHead(ctx, organizationID)
	if err != nil {
		return audit.Link{}, err
	}
	return audit.Link{Seq: head.seq, Hash: head.hash}, nil
}

// AuditCheckpoint implements org.AuditReader.
func (r reader) AuditCheckpoint(ctx context.Context, organizationID string) (audit.Checkpoint, error) {
	none := errors.New("no checkpoint")
	c, err := auditCheckpoints.find(ctx, r, none, auditCheckpoints.matching(), organizationID)
	if errors.Is(err, none) {
		return audit.Checkpoint{}, nil
	}
	return c, err
}

// AuditStretch implements org.AuditReader.
func (r reader) AuditStretch(ctx context.Context, organizationID string, after int64, limit int) ([]audit.Event, error) {
	q := sqldb.NewQuery(auditEvents.selection())
	inOrganization(organizationID)(q)
	q.And("seq", sqldb.Above(after)).Add(" ORDER BY seq LIMIT ?", limit)
	rows, err := auditEvents.all(ctx, r, q)
	if err != nil {
		return nil, err
	}
	events := make([]audit.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].event()
	}
	return events, nil
}

// AuditReached implements org.AuditReader.
func (r reader) AuditReached(ctx context.Context, organizationID string, t time.Time) (seq int64, found bool, err error) {
	if !storable(organizationID) {
		return 0, false, nil
	}
	err = r.sql.QueryRowContext(ctx, `
		SELECT seq FROM audit_events WHERE organization_id = $1 AND late = 0 AND effective_at >= $2
		ORDER BY effective_at, seq LIMIT 1`, organizationID, t.UnixMicro()).Scan(&seq)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("reading the audit log of %s: %w", organizationID, err)
	}
	return seq, true, nil
}

// AuditPunctual implements org.AuditReader.
func (r reader) AuditPunctual(ctx context.Context, organizationID string, through int64) (seq int64, err error) {
	if !storable(organizationID) {
		return 0, nil
	}
	err = r.sql.QueryRowContext(ctx, `
		SELECT seq FROM audit_events WHERE organization_id = $1 AND seq <= $2 AND late + 0 = 0
		ORDER BY seq DESC LIMIT 1`, organizationID, through).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the audit log of %s: %w", organizationID, err)
	}
	return seq, nil
}

// PutAuditCheckpoint implements org.AuditTx.
func (w *tx) PutAuditCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	_, err := w.exec(ctx, `DELETE FROM audit_checkpoints WHERE organization_id = $1`, c.OrganizationID)
	if err != nil {
		return fmt.Errorf("replacing the audit checkpoint of %s: %w", c.OrganizationID, err)
	}
	return auditCheckpoints.insert(ctx, w, &c)
}

// DeleteAuditEvents implements org.AuditTx.
func (w *tx) DeleteAuditEvents(ctx context.Context, organizationID string, through int64) error {
	_, err := w.exec(ctx, `
		DELETE FROM audit_events WHERE organization_id = $1 AND seq <= $2
		AND seq <= (SELECT c.seq FROM audit_checkpoints c WHERE c.organization_id = $1)`, organizationID, through)
	if err != nil {
		return fmt.Errorf("pruning the audit log of %s: %w", organizationID, err)
	}
	return nil
}
