package org

import (
	"context"
	"time"

	"weir/internal/audit"
)

// AuditTx is how the oldest events of a log make way for a checkpoint.
type AuditTx interface {
	// PutAuditCheckpoint inserts or replaces the organization's checkpoint.
	PutAuditCheckpoint(ctx context.Context, c audit.Checkpoint) error
	// DeleteAuditEvents removes an organization's events up to and with sequence
	// through, and none that its checkpoint does not stand for.
	DeleteAuditEvents(ctx context.Context, organizationID string, through int64) error
}

// AuditReader is what a Reader knows of the audit log beside its events.
type AuditReader interface {
	// OrganizationsAudited returns the ids of all organizations that are there or
	// have a log, in order.
	OrganizationsAudited(ctx context.Context) ([]string, error)
	// AuditHead returns the end of an organization's chain, the zero Link when it
	// has none.
	AuditHead(ctx context.Context, organizationID string) (audit.Link, error)
	// AuditCheckpoint returns what stands for the events that were pruned, the
	// zero Checkpoint when none were.
	AuditCheckpoint(ctx context.Context, organizationID string) (audit.Checkpoint, error)
	// AuditStretch returns the first events after sequence, in order, at most
	// limit of them.
	AuditStretch(ctx context.Context, organizationID string, after int64, limit int) ([]audit.Event, error)
	// AuditReached returns the sequence of the event with which the log reached
	// t: the first at t or later; found is false when it has not yet. Events
	// behind it may be dated earlier, where clocks differ, those before it are
	// all earlier.
	AuditReached(ctx context.Context, organizationID string, t time.Time) (seq int64, found bool, err error)
	// AuditPunctual returns the last sequence up to through of an event that is
	// dated no earlier than those before it; 0 when there is none.
	AuditPunctual(ctx context.Context, organizationID string, through int64) (seq int64, err error)
}
