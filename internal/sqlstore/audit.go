package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/sqldb"
)

// auditRow is an event and where its time stands among those before it.
type auditRow struct {
	audit.Event
	late bool // an earlier event has a later time
}

var auditEvents = table[auditRow]{
	name: "audit_events", label: "Audit event", key: 2,
	columns: []string{
		"id", "organization_id", "seq", "action", "type", "effective_at", "late", "project_id", "project_name",
		"actor_type", "actor_user_id", "actor_email", "actor_service_account_id", "actor_key_id",
		"actor_session_id", "actor_ip_address", "actor_user_agent",
		"resource_id", "details", "prev_hash", "hash",
	},
	fields: func(e *auditRow) []any {
		a := &e.Actor
		return []any{
			&e.ID, &e.OrganizationID, &e.Seq, &e.Action, &e.Type, instant{&e.EffectiveAt}, truth{&e.late}, &e.ProjectID, &e.ProjectName,
			&a.Type, &a.UserID, &a.UserEmail, &a.ServiceAccountID, &a.APIKeyID,
			&a.SessionID, &a.IPAddress, &a.UserAgent,
			&e.ResourceID, rawJSON{&e.Details}, &e.PrevHash, &e.Hash,
		}
	},
}

// Record implements org.Tx. An event may name another organization or actor
// than the transaction's; each organization has its own chain.
func (w *tx) Record(events ...audit.Event) {
	for _, e := range events {
		if e.EffectiveAt.IsZero() {
			e.EffectiveAt = w.now
		}
		if e.ID == "" {
			e.ID = id.At(id.AuditEvent, e.EffectiveAt)
		}
		if e.Actor == (audit.Actor{}) {
			e.Actor = w.actor
		}
		if e.OrganizationID == "" {
			e.OrganizationID = w.actor.OrganizationID
		}
		if e.Details == nil {
			e.Details = json.RawMessage("{}")
		}
		// What a browser says about itself must not keep a change from being
		// made, nor go unrecorded.
		e.Actor.UserAgent, e.Actor.IPAddress = legible(e.Actor.UserAgent), legible(e.Actor.IPAddress)
		w.events = append(w.events, e)
	}
}

// auditHead is the end of an organization's chain.
type auditHead struct {
	seq    int64
	hash   string
	latest int64 // the latest effective_at
}

// sealEvents puts the recorded events behind their organizations' chains.
func (w *tx) sealEvents(ctx context.Context) error {
	heads := map[string]*auditHead{}
	rows := make([]*auditRow, len(w.events))
	for i := range w.events {
		row := &auditRow{Event: w.events[i]}
		if err := checkEvent(&row.Event); err != nil {
			return err
		}
		head, ok := heads[row.OrganizationID]
		if !ok {
			var err error
			if head, err = w.auditHead(ctx, row.OrganizationID); err != nil {
				return err
			}
			heads[row.OrganizationID] = head
		}
		if err := row.Seal(head.seq, head.hash); err != nil {
			return err
		}
		at := micros(row.EffectiveAt)
		row.late = at < head.latest
		head.seq, head.hash, head.latest = row.Seq, row.Hash, max(head.latest, at)
		rows[i] = row
	}
	if err := auditEvents.insertAll(ctx, w, rows); err != nil {
		return err
	}
	for organizationID, head := range heads {
		_, err := w.exec(ctx, `
			INSERT INTO audit_heads (organization_id, seq, hash, latest) VALUES ($1, $2, $3, $4)
			ON CONFLICT (organization_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, latest = excluded.latest`,
			organizationID, head.seq, head.hash, head.latest)
		if err != nil {
			return fmt.Errorf("setting the head of the audit chain of %s: %w", organizationID, err)
		}
	}
	return nil
}

func checkEvent(e *audit.Event) error {
	if e.OrganizationID == "" {
		return fmt.Errorf("audit event %s (%s) is of no organization", e.ID, e.Action)
	}
	if !bytes.HasPrefix(e.Details, []byte("{")) || !json.Valid(e.Details) || !utf8.Valid(e.Details) {
		return fmt.Errorf("audit event %s (%s): the details are not a JSON object", e.ID, e.Action)
	}
	return nil
}

// auditHead reads the end of a chain; a new one begins at zero.
func (r reader) auditHead(ctx context.Context, organizationID string) (*auditHead, error) {
	h := new(auditHead)
	err := r.sql.QueryRowContext(ctx, `SELECT seq, hash, latest FROM audit_heads WHERE organization_id = $1`, organizationID).Scan(&h.seq, &h.hash, &h.latest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading the head of the audit chain of %s: %w", organizationID, err)
	}
	return h, nil
}

// AuditChain implements org.Reader.
func (r reader) AuditChain(ctx context.Context, organizationID string, after int64, fn func(audit.Event) error) error {
	if !storable(organizationID) {
		return nil
	}
	q := sqldb.NewQuery(auditEvents.selection())
	inOrganization(organizationID)(q)
	q.And("seq", sqldb.Above(after)).Add(" ORDER BY seq")
	filing := filing{organizationID: organizationID, begun: after == 0, latest: math.MinInt64}
	return auditEvents.each(ctx, r, q, func(row auditRow) error {
		if err := fn(row.event()); err != nil {
			return err
		}
		return filing.check(&row)
	})
}

// filing checks the one column that no hash covers: whoever changes late hides
// events from what looks for them by time.
type filing struct {
	organizationID string
	begun          bool // latest is known
	latest         int64
}

func (f *filing) check(row *auditRow) error {
	at := micros(row.EffectiveAt)
	if f.begun && row.late != (at < f.latest) {
		return &audit.BrokenError{
			OrganizationID: f.organizationID, EventID: row.ID, Seq: row.Seq,
			Problem: "is not found by its time any more: its column late was changed",
		}
	}
	if !row.late {
		f.begun, f.latest = true, max(f.latest, at)
	}
	return nil
}

// event is the row as it was recorded.
func (row *auditRow) event() audit.Event {
	row.Actor.OrganizationID = row.OrganizationID
	return row.Event
}
