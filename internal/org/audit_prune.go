package org

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"weir/internal/audit"
)

// AuditRetention says what may be pruned of the audit logs.
type AuditRetention struct {
	Signer audit.Signer
	// Before: older events go. The zero time prunes nothing.
	Before time.Time
	// Sinks are where the events are pushed to: what one of them has not had yet
	// stays.
	Sinks []string
}

const (
	// pruneAtOnce bounds how many events one checkpoint takes in: all of them are
	// checked in one view.
	pruneAtOnce = 50_000
	// pruneBatch is how many rows one transaction deletes; other writers wait
	// meanwhile.
	pruneBatch = 1000
)

// prunedDetails is the payload of an AuditPruned event. Times are Unix seconds.
type prunedDetails struct {
	Before     int64  `json:"before"`      // older events were to go
	Events     int64  `json:"events"`      // how many went
	ThroughSeq int64  `json:"through_seq"` // the last of them
	Hash       string `json:"hash"`        // of it
	Through    int64  `json:"through"`     // when it took effect
}

// errPrunedElsewhere: another node has set the checkpoint meanwhile.
var errPrunedElsewhere = errors.New("another node prunes this log")

// PruneAudit removes the oldest events of every organization's log as far as
// retention lets it, and leaves a signed checkpoint and an event that say so.
// What is removed is checked first: a log that is not as it was written is left
// as it is, for somebody to look at. One organization's error does not keep the
// others' logs from being pruned.
func (s *Service) PruneAudit(ctx context.Context, retention AuditRetention) error {
	ids, err := view(ctx, s.Store, func(r Reader) ([]string, error) { return r.OrganizationsAudited(ctx) })
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		for {
			more, err := s.pruneLog(ctx, id, retention)
			if err != nil {
				errs = append(errs, fmt.Errorf("the audit log of %s is not pruned: %w", id, err))
			}
			if err != nil || !more {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// pruneLog prunes up to pruneAtOnce events of one log. It reports whether there
// may be more.
func (s *Service) pruneLog(ctx context.Context, organizationID string, retention AuditRetention) (more bool, err error) {
	most, err := s.pushed(ctx, organizationID, retention.Sinks)
	if err != nil {
		return false, err
	}
	var before, after audit.Checkpoint
	err = s.Store.View(ctx, func(r Reader) error {
		if before, err = r.AuditCheckpoint(ctx, organizationID); err != nil {
			return err
		}
		if err = before.Check(retention.Signer); err != nil {
			return err
		}
		after, err = nextCheckpoint(ctx, r, before, most, organizationID, retention)
		return err
	})
	if err != nil {
		return false, err
	}
	if after.Seq > before.Seq || before.Seq > 0 {
		err := s.setCheckpoint(ctx, before, after, retention)
		if errors.Is(err, errPrunedElsewhere) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := s.deletePruned(ctx, organizationID, after.Seq); err != nil {
			return false, err
		}
	}
	return after.Seq-before.Seq >= pruneAtOnce/2, nil
}

// pushed is the last sequence that all sinks have had.
func (s *Service) pushed(ctx context.Context, organizationID string, sinks []string) (int64, error) {
	seq := int64(math.MaxInt64 - 1)
	for _, sink := range sinks {
		delivered, err := s.Store.AuditDelivered(ctx, sink, organizationID)
		if err != nil {
			return 0, err
		}
		seq = min(seq, delivered)
	}
	return seq, nil
}

// nextCheckpoint is where the log is cut, behind most at the latest: before again
// when there is nothing to prune. It follows the chain up to there.
func nextCheckpoint(ctx context.Context, r Reader, before audit.Checkpoint, most int64, organizationID string, retention AuditRetention) (audit.Checkpoint, error) {
	cut, err := cutOf(ctx, r, before.Seq, most, organizationID, retention)
	if err != nil || cut <= before.Seq {
		return before, err
	}
	walk := audit.NewWalk(organizationID, before.Link)
	next := audit.Checkpoint{OrganizationID: organizationID}
	for walk.At().Seq < cut {
		events, err := r.AuditStretch(ctx, organizationID, walk.At().Seq, min(pruneBatch, int(cut-walk.At().Seq)))
		if err != nil {
			return before, err
		}
		if len(events) == 0 {
			return before, &audit.BrokenError{OrganizationID: organizationID, Seq: walk.At().Seq + 1, Problem: "events were removed"}
		}
		for i := range events {
			if err := walk.Next(&events[i]); err != nil {
				return before, err
			}
		}
		next.Through = events[len(events)-1].EffectiveAt
	}
	next.Link, next.Count = walk.At(), walk.Events()
	return next, nil
}

// cutOf returns the last sequence to prune. The event behind it is one that came
// in time: the log's look-ups by time count on a late event to follow a punctual
// one. That leaves the last event in any case.
func cutOf(ctx context.Context, r Reader, pruned, most int64, organizationID string, retention AuditRetention) (int64, error) {
	if retention.Before.IsZero() {
		return pruned, nil
	}
	stays, found, err := r.AuditReached(ctx, organizationID, retention.Before)
	if err != nil {
		return pruned, err
	}
	if !found {
		head, err := r.AuditHead(ctx, organizationID)
		if err != nil {
			return pruned, err
		}
		stays = head.Seq
	}
	stays = min(stays, most+1)
	whole := stays
	if stays = min(stays, pruned+pruneAtOnce+1); stays <= pruned+1 {
		return pruned, nil
	}
	punctual, err := r.AuditPunctual(ctx, organizationID, stays)
	if err == nil && punctual <= pruned+1 && whole > stays { // hardly: nothing but late ones in so many
		punctual, err = r.AuditPunctual(ctx, organizationID, whole)
	}
	return punctual - 1, err
}

// setCheckpoint replaces the checkpoint before, together with the event about
// it. It signs anew when the master key has changed.
func (s *Service) setCheckpoint(ctx context.Context, before, after audit.Checkpoint, retention AuditRetention) error {
	pruned := after.Seq > before.Seq
	if pruned {
		after.At = s.Now().Truncate(time.Microsecond)
	}
	if err := after.Sign(retention.Signer); err != nil {
		return err
	}
	if !pruned && after.KeyID == before.KeyID {
		return nil
	}
	return s.update(ctx, audit.System(after.OrganizationID), func(tx Tx) error {
		now, err := tx.AuditCheckpoint(ctx, after.OrganizationID)
		if err != nil {
			return err
		}
		if now != before {
			return errPrunedElsewhere
		}
		if pruned {
			e := event(audit.AuditPruned, nil, details{})
			e.Details = mustJSON(prunedDetails{retention.Before.Unix(), after.Count, after.Seq, after.Hash, after.Through.Unix()})
			tx.Record(e)
		}
		return tx.PutAuditCheckpoint(ctx, after)
	})
}

// deletePruned removes the rows that a checkpoint stands for, those that an
// earlier turn was kept from removing too.
func (s *Service) deletePruned(ctx context.Context, organizationID string, through int64) error {
	for {
		first, err := view(ctx, s.Store, func(r Reader) ([]audit.Event, error) {
			return r.AuditStretch(ctx, organizationID, 0, 1)
		})
		if err != nil || len(first) == 0 || first[0].Seq > through {
			return err
		}
		err = s.update(ctx, audit.System(organizationID), func(tx Tx) error {
			return tx.DeleteAuditEvents(ctx, organizationID, min(through, first[0].Seq+pruneBatch-1))
		})
		if err != nil {
			return err
		}
	}
}
