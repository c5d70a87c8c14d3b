package main

import (
	"context"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
)

// examineAudit follows the audit chain of every organization from its first
// event, and says where one was altered, removed or put in.
func examineAudit(ctx context.Context, db *sqldb.DB) finding {
	current, latest, err := sqldb.Status(ctx, db, sqlstore.Name, sqlstore.Migrations())
	if err != nil || current != latest {
		return good("The audit log is checked once the schema is up to date.")
	}
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return bad("The audit log cannot be read: %v.", err)
	}
	events := 0
	err = store.View(ctx, func(r org.Reader) error {
		organizations, err := r.Organizations(ctx)
		if err != nil {
			return err
		}
		for _, o := range organizations {
			last := ""
			if err := r.AuditChain(ctx, o.ID, 0, func(e audit.Event) error {
				before := last
				last = e.Hash
				events++
				return e.Verify(before)
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return bad("The audit log is not as it was written: %v.", err)
	}
	return good("The audit chain holds over all %d events.", events)
}
