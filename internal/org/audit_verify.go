package org

import (
	"context"
	"errors"

	"weir/internal/audit"
)

// AuditReport is what following one organization's chain to its end found.
type AuditReport struct {
	OrganizationID string
	Checkpoint     audit.Checkpoint // zero: the chain begins with its first event
	Events         int64            // that hold
	Last           audit.Link       // of them
	// Broken is where the chain does not hold; nil when all of it does.
	Broken *audit.BrokenError
	// Unchecked says why the checkpoint could not be checked, which leaves open
	// whether more was removed before it than weir did.
	Unchecked error
}

// VerifyAudit follows an organization's chain from its first event, or from its
// checkpoint, to its end, in constant memory. signer may be nil. Its error is one
// of reading.
func VerifyAudit(ctx context.Context, r Reader, signer audit.Signer, organizationID string) (AuditReport, error) {
	report := AuditReport{OrganizationID: organizationID}
	checkpoint, err := r.AuditCheckpoint(ctx, organizationID)
	if err != nil {
		return report, err
	}
	report.Checkpoint, report.Last = checkpoint, checkpoint.Link
	if err := checkpoint.Check(signer); err != nil {
		if errors.As(err, &report.Broken) {
			return report, nil
		}
		report.Unchecked = err
	}
	walk := audit.NewWalk(organizationID, checkpoint.Link)
	err = r.AuditChain(ctx, organizationID, checkpoint.Seq, func(e audit.Event) error { return walk.Next(&e) })
	if err == nil {
		var head audit.Link
		if head, err = r.AuditHead(ctx, organizationID); err != nil {
			return report, err
		}
		err = walk.End(head)
	}
	report.Events, report.Last = walk.Events(), walk.At()
	if errors.As(err, &report.Broken) {
		return report, nil
	}
	return report, err
}

// AuditEnds returns where an organization's chain ends, and the checkpoint behind
// which it begins: zero when nothing was pruned.
func (s *Service) AuditEnds(ctx context.Context, organizationID string) (head audit.Link, checkpoint audit.Checkpoint, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		if head, err = r.AuditHead(ctx, organizationID); err != nil {
			return err
		}
		checkpoint, err = r.AuditCheckpoint(ctx, organizationID)
		return err
	})
	return head, checkpoint, err
}
