package main

import (
	"context"

	"weir/internal/audit"
	"weir/internal/config"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqlstore"
)

// examineAudit follows the audit chain of every organization from its first
// event or its checkpoint, and says where one was altered, removed or put in.
func examineAudit(ctx context.Context, cfg config.Config, db *sqldb.DB) finding {
	current, latest, err := sqldb.Status(ctx, db, sqlstore.Name, sqlstore.Migrations())
	if err != nil || current != latest {
		return good("The audit log is checked once the schema is up to date.")
	}
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return bad("The audit log cannot be read: %v.", err)
	}
	signer, err := auditSigner(cfg)
	if err != nil {
		return bad("The audit log cannot be checked: %v.", err)
	}
	var events int64
	var broken *audit.BrokenError
	var unchecked error
	err = store.View(ctx, func(r org.Reader) error {
		ids, err := r.OrganizationsAudited(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			report, err := org.VerifyAudit(ctx, r, signer, id)
			if err != nil {
				return err
			}
			events += report.Events
			if broken == nil {
				broken = report.Broken
			}
			if unchecked == nil {
				unchecked = report.Unchecked
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return bad("The audit log cannot be read: %v.", err)
	case broken != nil:
		return bad("The audit log is not as it was written: %v.", broken)
	case unchecked != nil:
		return bad("The audit log cannot be checked wholly: %v.", unchecked)
	}
	return good("The audit chain holds over all %d events.", events)
}
