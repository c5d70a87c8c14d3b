package org

import (
	"context"
	"time"
)

// AuditPending is a log of which a sink has not had everything yet.
type AuditPending struct {
	OrganizationID string
	Delivered      int64 // the last sequence the sink has had; 0: none
	Head           int64 // the last sequence there is
}

// AuditPushStore keeps how far the pushing of audit events to each sink has
// come. Like the last use of keys, none of it is a change of the control plane:
// no audit, no version, and other writers of PostgreSQL do not wait for it.
type AuditPushStore interface {
	// AuditPending returns the logs that sink has not had all of, by organization.
	AuditPending(ctx context.Context, sink string) ([]AuditPending, error)
	// AuditDelivered is the last sequence of an organization that sink has had.
	AuditDelivered(ctx context.Context, sink, organizationID string) (int64, error)
	// HoldAuditSink makes holder the one that pushes to sink until a time, and
	// reports whether it is: another may be, until its time has come by now.
	// until at or before now lets go.
	HoldAuditSink(ctx context.Context, sink, holder string, now, until time.Time) (bool, error)
	// AdvanceAuditCursor notes that sink has had an organization's events up to
	// seq; it never goes back. It reports whether holder holds the sink now, and
	// notes nothing when it does not.
	AdvanceAuditCursor(ctx context.Context, sink, holder, organizationID string, seq int64, now time.Time) (bool, error)
}
