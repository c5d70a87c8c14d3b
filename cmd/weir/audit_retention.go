package main

import (
	"time"

	"weir/internal/org"
)

// mostDays is a century: who keeps events for longer keeps them for good, and no
// date is counted beyond what it can hold.
const mostDays = 36_525

// auditRetention is what may be pruned of the audit logs at now. It moves on once
// a day, so that a log is not cut, and told of it, more often.
func (n *node) auditRetention(now time.Time) org.AuditRetention {
	retention := org.AuditRetention{Signer: n.vault, Sinks: n.sinkNames()}
	if days := n.cfg.Audit.RetentionDays; days > 0 && days <= mostDays {
		retention.Before = now.UTC().AddDate(0, 0, -days).Truncate(24 * time.Hour)
	}
	return retention
}
